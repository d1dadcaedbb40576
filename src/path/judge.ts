/** Judges a packet: its whole way through the host, all backends, all hooks; and the way of the answer to it. */
import { withStoredConnection } from './backwards.ts';
import { mergeWalks } from './merge.ts';
import type { HostModel } from './model.ts';
import { checkAnswer, replyTo } from './reply.ts';
import { startWalk } from './start.ts';
import { travel } from './travel.ts';
import type { PacketSpec, Verdict } from './verdict.ts';
import { drop, type Walk } from './walk.ts';

export interface JudgeOptions {
  /** Also tell which rules on the way did not match, and by which condition. */
  readonly explain?: boolean;
}

export const judge = (model: HostModel, spec: PacketSpec, options: JudgeOptions = {}): Verdict => {
  const explain = options.explain === true;
  return mergeWalks(model, waysOf(model, spec, explain), explain).verdict;
};

export const judgeBoth = (
  model: HostModel,
  spec: PacketSpec,
  options: JudgeOptions = {},
): { readonly verdict: Verdict; readonly reply: Verdict | null } => {
  const explain = options.explain === true;
  const { verdict, shown } = mergeWalks(model, waysOf(model, spec, explain), explain);
  if (verdict.outcome !== 'accept') return { verdict, reply: null };
  const answer = replyTo(model, shown);
  switch (answer.kind) {
    case 'none':
      return { verdict, reply: null };
    case 'no-route': {
      const lost = drop(startWalk(model, spec), 'routing', { kind: 'route', text: answer.text });
      return { verdict, reply: mergeWalks(model, [lost], explain).verdict };
    }
    case 'question': {
      const walks = travel({ model, explain }, answer.spec, startWalk(model, answer.spec)).map((walk) => checkAnswer(shown, walk));
      return { verdict, reply: mergeWalks(model, walks, explain).verdict };
    }
  }
};

const waysOf = (model: HostModel, spec: PacketSpec, explain: boolean): readonly Walk[] =>
  travel({ model, explain }, spec, withStoredConnection(model, spec, startWalk(model, spec)));
