/** A frame that would have to leave by the bridge port it came in by. br_forward.c should_deliver. */
import type { Cause } from '../diagnosis.ts';

export const hairpin: Cause = {
  id: 'hairpin',
  find: ({ obstacle, src, dnat }) => {
    const by = obstacle?.verdict.decidedBy;
    const port = by?.reason === 'hairpin' ? by.about?.device : undefined;
    if (obstacle === null || by === undefined || port === undefined) return null;
    return {
      sentence: `${src.name} asks itself${dnat === null ? '' : ' through its own published port'}: the frame would have to leave by the bridge port it came in by, which the bridge refuses.`,
      evidence: [by.text],
      fix: `bridge link set dev ${port} hairpin on`,
      fixFor: 'To allow it (or let docker-proxy do it)',
    };
  },
};
