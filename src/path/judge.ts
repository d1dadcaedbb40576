/** Judges a packet: its whole way through the host, all backends, all hooks; and the way of the answer to it. */
import { withStoredConnection } from './backwards.ts';
import { asReceived, asSent } from './inside.ts';
import { withKeptDecision } from './kept-decision.ts';
import { mergeWalks } from './merge.ts';
import type { HostModel } from './model.ts';
import { withSecondLeg } from './proxied-leg.ts';
import { checkAnswer, replyTo } from './reply.ts';
import { startWalk } from './start.ts';
import { travel } from './travel.ts';
import type { PacketSpec, Verdict } from './verdict.ts';
import { drop, record, type Walk } from './walk.ts';
import { withWayBack } from './way-back.ts';

export interface JudgeOptions {
  /** Also tell all that had a say on the way, and which rules did not match, and by which condition. */
  readonly explain?: boolean;
  /** The container that is yet to send the packet: what stands in its way there counts too. */
  readonly sender?: string;
  /** It is about what docker-proxy dials. */
  readonly secondLeg?: true;
}

export const judge = (model: HostModel, spec: PacketSpec, options: JudgeOptions = {}): Verdict => {
  const explain = options.explain === true;
  const began = begin(model, spec, explain);
  const { verdict } = mergeWalks(model, waysOf(model, spec, explain, began), explain);
  return followed(model, spec, withKeptDecision(model, spec, began, verdict), options);
};

export const judgeBoth = (
  model: HostModel,
  spec: PacketSpec,
  options: JudgeOptions = {},
): { readonly verdict: Verdict; readonly reply: Verdict | null } => {
  const explain = options.explain === true;
  const began = asSent(model, spec, begin(model, spec, explain), options.sender);
  if (began.end !== null) return { verdict: mergeWalks(model, [began], explain).verdict, reply: null };
  const { verdict: first, shown } = mergeWalks(model, waysOf(model, spec, explain, began), explain);
  const verdict = followed(model, spec, withKeptDecision(model, spec, began, first), options);
  if (verdict.outcome !== 'accept') return { verdict, reply: null };
  const answer = replyTo(model, shown);
  switch (answer.kind) {
    case 'none':
      return { verdict, reply: null };
    case 'ignored': {
      const lost = drop(begin(model, spec, explain), 'input', answer.by, 'the host gets the ping and leaves it unanswered');
      return { verdict, reply: mergeWalks(model, [lost], explain).verdict };
    }
    case 'no-route': {
      const { text, container } = answer;
      const by = { kind: 'route', text, reason: 'container-no-route', about: { container } } as const;
      const lost = drop(begin(model, spec, explain), 'routing', by);
      return { verdict, reply: mergeWalks(model, [lost], explain).verdict };
    }
    case 'question': {
      const blank = asSent(model, answer.spec, begin(model, answer.spec, explain), shown.end?.deliveredTo?.container);
      if (blank.end !== null) return { verdict, reply: mergeWalks(model, [blank], explain).verdict };
      const judged = travel({ model, explain }, answer.spec, blank).map((walk) => checkAnswer(shown, walk));
      const walks = withWayBack(model, spec, shown, judged, blank).map((walk) => delivered(model, walk));
      return { verdict, reply: mergeWalks(model, walks, explain).verdict };
    }
  }
};

const waysOf = (model: HostModel, spec: PacketSpec, explain: boolean, began: Walk): readonly Walk[] =>
  travel({ model, explain }, spec, withStoredConnection(model, spec, began)).map((walk) => delivered(model, walk));

const begin = (model: HostModel, spec: PacketSpec, explain: boolean): Walk => {
  const walk = startWalk(model, spec);
  return explain ? { ...walk, phases: [] } : walk;
};

/** Who gets an accepted packet, as the last thing that is told about its way. */
const delivered = (model: HostModel, before: Walk): Walk => {
  const walk = asReceived(model, before);
  const { end } = walk;
  if (end === null || end.outcome !== 'accept') return walk;
  const to = end.deliveredTo;
  const text =
    to !== undefined
      ? `delivered to ${to.container} (${to.network})`
      : end.out === 'local'
        ? 'delivered to the host itself'
        : `leaves by ${end.out ?? 'an interface that is not known'}`;
  return record(walk, { kind: 'delivery', hook: end.out === 'local' ? 'input' : 'postrouting', result: 'allow', text });
};

/** docker-proxy takes the connection and dials the container itself; what it dials is taken by no other proxy. */
const followed = (model: HostModel, spec: PacketSpec, verdict: Verdict, options: JudgeOptions): Verdict =>
  options.secondLeg === true
    ? verdict
    : withSecondLeg(model, spec, verdict, (second) =>
        judgeBoth(model, second, { ...(options.explain === true ? { explain: true } : {}), secondLeg: true }),
      );
