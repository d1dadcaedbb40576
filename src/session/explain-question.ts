/** "What would happen to such a packet": the question in words, both verdicts, and the sentences for a person. */
import { whySentences } from '../diagnosis/diagnose.ts';
import { answerBetween } from '../path/question.ts';
import type { Verdict } from '../path/verdict.ts';
import type { HostVersion } from './host-store.ts';
import type { ExplainAnswer } from './state/workspace.ts';

export const explainQuestion = (version: HostVersion, src: string, dst: string, proto: string, whyNot: boolean): ExplainAnswer => {
  const { model, topology, facts } = version;
  const { spec, words, verdict, reply } = answerBetween(model, topology, src, dst, proto, { explain: true });
  const why = whySentences({ spec, verdict, reply, flow: null, facts, topology });
  const asked = (each: Verdict): Verdict => (whyNot ? each : withoutMisses(each));
  return { question: words, verdict: asked(verdict), reply: reply === null ? null : asked(reply), why };
};

const withoutMisses = ({ nearMisses: _unasked, ...verdict }: Verdict): Verdict => verdict;
