/** "What would happen to such a packet": the question in words, both verdicts, and the sentences for a person. */
import { whySentences } from '../diagnosis/diagnose.ts';
import { judgeBoth } from '../path/judge.ts';
import { questionBetween } from '../path/question.ts';
import type { HostVersion } from './host-store.ts';
import type { ExplainAnswer } from './state.ts';

export const explainQuestion = (version: HostVersion, src: string, dst: string, proto: string, whyNot: boolean): ExplainAnswer => {
  const { model, topology, facts } = version;
  const { spec, words } = questionBetween(model, topology, src, dst, proto);
  const { verdict, reply } = judgeBoth(model, spec, { explain: whyNot });
  return { question: words, verdict, reply, why: whySentences({ spec, verdict, reply, flow: null, facts, topology }) };
};
