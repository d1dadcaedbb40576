/** "What would happen to such a packet": the question in words, both verdicts, and the sentences for a person. */
import { whySentences } from '../diagnosis/diagnose.ts';
import { answerBetween } from '../path/question.ts';
import type { HostVersion } from './host-store.ts';
import type { ExplainAnswer } from './state.ts';

export const explainQuestion = (version: HostVersion, src: string, dst: string, proto: string, whyNot: boolean): ExplainAnswer => {
  const { model, topology, facts } = version;
  const { spec, words, verdict, reply } = answerBetween(model, topology, src, dst, proto, { explain: whyNot });
  return { question: words, verdict, reply, why: whySentences({ spec, verdict, reply, flow: null, facts, topology }) };
};
