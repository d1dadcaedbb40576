/** Judges a packet: its whole way through the host and the namespaces beside it, all backends, all hooks; and the way of the answer to it. */
import { agreed } from './agreed.ts';
import { withStoredConnection } from './backwards.ts';
import { answering, asAnswer, asLater, backFrom, checkedAnswer, delivered, setOut } from './journey/ends.ts';
import { journey, type Trip } from './journey/journey.ts';
import { left } from './journey/legs.ts';
import { withKeptDecision } from './kept-decision.ts';
import { mergeWalks } from './merge.ts';
import type { HostModel } from './model.ts';
import { answerByTunnel } from './overlay/way-back.ts';
import { withSecondLeg } from './proxied-leg.ts';
import { replyTo } from './reply.ts';
import { startWalk } from './start.ts';
import type { PacketSpec, Verdict } from './verdict.ts';
import { drop, type Walk, walkWith } from './walk.ts';
import { withWayBack } from './way-back.ts';

export interface JudgeOptions {
  /** Also tell all that had a say on the way, and which rules did not match, and by which condition. */
  readonly explain?: boolean;
  /** It is about what docker-proxy dials. */
  readonly secondLeg?: true;
}

export const judge = (model: HostModel, spec: PacketSpec, options: JudgeOptions = {}): Verdict =>
  model.worlds === undefined ? asked(model, spec, options).verdict : judgeBoth(model, spec, options).verdict;

export const judgeBoth = (
  model: HostModel,
  spec: PacketSpec,
  options: JudgeOptions = {},
): { readonly verdict: Verdict; readonly reply: Verdict | null } => {
  if (model.worlds !== undefined) return agreed(model.worlds(spec), (world) => judgeBoth(world.model, world.spec, options));
  const explain = options.explain === true;
  const { verdict, shown, began } = asked(model, spec, options);
  if (verdict.outcome !== 'accept') return { verdict, reply: null };
  const there = (shown.end?.inside === undefined ? null : model.inside(shown.end.inside)) ?? model;
  const lost = (walk: Walk): Verdict => mergeWalks(model, [left(there, startWalk(there, spec, explain), walk)], explain).verdict;
  const answer = replyTo(model, shown);
  switch (answer.kind) {
    case 'none':
      return { verdict, reply: null };
    case 'ignored':
      return {
        verdict,
        reply: lost(drop(startWalk(there, spec, explain), 'input', answer.by, `${there.name} gets the ping and leaves it unanswered`)),
      };
    case 'no-route': {
      const { text, container } = answer;
      const by = { kind: 'route', text, reason: 'container-no-route', about: { container } } as const;
      return { verdict, reply: lost(drop(startWalk(there, spec, explain), 'routing', by)) };
    }
    case 'question': {
      const blank = walkWith(startWalk(there, answer.spec, explain), { legs: backFrom(shown) });
      const trip: Trip = { root: model, explain, spec: asAnswer(answer.spec), check: (at, walk) => checkedAnswer(shown, at, walk) };
      const beyond = shown.end?.beyond ?? null;
      const back = beyond === null ? journey(trip, there, answer.spec, blank) : answerByTunnel(trip, beyond, trip.spec, blank);
      const judged = back.map((walk) => answering(model, began, walk));
      const walks = (beyond === null ? withWayBack(model, spec, shown, judged, blank) : judged).map(delivered);
      return { verdict, reply: mergeWalks(model, walks, explain).verdict };
    }
  }
};

interface Asked {
  readonly verdict: Verdict;
  /** The walk that the verdict shows. */
  readonly shown: Walk;
  /** The walk as it set out. */
  readonly began: Walk;
}

const asked = (model: HostModel, spec: PacketSpec, options: JudgeOptions): Asked => {
  const explain = options.explain === true;
  const { at, own, began } = setOut(model, spec, explain);
  const trip: Trip = { root: model, explain, spec: asLater(spec) };
  if (began.end !== null) return { ...mergeWalks(model, [began], explain), began };
  const walks = journey(trip, at, own, at === model ? withStoredConnection(model, spec, began) : began).map(delivered);
  const { verdict, shown } = mergeWalks(model, walks, explain);
  const onHost = at === model ? began : startWalk(model, spec, false);
  return { verdict: followed(model, spec, withKeptDecision(model, spec, onHost, verdict), options), shown, began };
};

/** docker-proxy takes the connection and dials the container itself; what it dials is taken by no other proxy. */
const followed = (model: HostModel, spec: PacketSpec, verdict: Verdict, options: JudgeOptions): Verdict =>
  options.secondLeg === true
    ? verdict
    : withSecondLeg(model, spec, verdict, (second) =>
        judgeBoth(model, second, { ...(options.explain === true ? { explain: true } : {}), secondLeg: true }),
      );
