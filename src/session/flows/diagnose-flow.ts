/** The sentences about a flow: the diagnosis stage, asked with what the session knows. */
import { whySentences } from '../../diagnosis/diagnose.ts';
import type { HostVersion } from '../host-store.ts';
import type { FlowQuestion } from '../state/flow-verdict.ts';
import { countedSentence } from '../verdicts/evidence.ts';
import type { FlowNote } from './flow-note.ts';

export const diagnosisOf = (version: HostVersion, note: FlowNote, question: FlowQuestion | null): readonly string[] => {
  if (note.verdict === null || question === null) return [];
  if ('unknown' in question) return [question.unknown];
  const { verdict, reply, assumptions, contradiction, counted, natCounted } = note.verdict;
  const sentences = whySentences({
    spec: question.spec,
    verdict,
    reply,
    flow: note.flow,
    notCounted: contradiction?.kind === 'not-counted',
    facts: version.facts,
    topology: version.topology,
  });
  const evidence = countedSentence(verdict, counted, natCounted);
  return [
    ...(contradiction === null ? [] : [contradiction.text]),
    ...sentences,
    ...(evidence === null ? [] : [evidence]),
    ...(assumptions.length === 0 ? [] : [`Assumed: ${assumptions.join('; ')}.`]),
  ];
};
