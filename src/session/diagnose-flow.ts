/** The sentences about a flow: the diagnosis stage, asked with what the session knows. */
import { whySentences } from '../diagnosis/diagnose.ts';
import type { FlowNote } from './flow-note.ts';
import type { HostVersion } from './host-store.ts';
import type { FlowQuestion } from './state.ts';

export const diagnosisOf = (version: HostVersion, note: FlowNote, question: FlowQuestion | null): readonly string[] => {
  if (note.verdict === null || question === null) return [];
  if ('unknown' in question) return [question.unknown];
  const { verdict, reply, assumptions } = note.verdict;
  const sentences = whySentences({
    spec: question.spec,
    verdict,
    reply,
    flow: note.flow,
    facts: version.facts,
    topology: version.topology,
  });
  return assumptions.length === 0 ? sentences : [...sentences, `Assumed: ${assumptions.join('; ')}.`];
};
