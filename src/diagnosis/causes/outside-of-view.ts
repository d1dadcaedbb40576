/** The packet left this host as it should, and no answer was seen. */
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

export const outsideOfView: Cause = {
  id: 'outside-of-view',
  find: (subject) => {
    const { obstacle, unanswered, verdict, target, outDevice } = subject;
    if (obstacle !== null || !unanswered || verdict.outcome !== 'accept') return null;
    if (target.container !== null || target.isHost) {
      return {
        weight: 'note',
        sentence: `No answer of ${target.name} was seen, though nothing on the way stops the question: look inside ${target.name}.`,
      };
    }
    if (outDevice === null || networkOn(subject, outDevice) !== null) return null;
    return {
      weight: 'note',
      sentence: `This host sends it out by ${outDevice} and would take the answer, but none was seen: the reason lies beyond this host.`,
    };
  },
};
