/** A rule drops what conntrack calls INVALID: an answer whose question never passed this host, or a late packet. */
import type { Cause } from '../diagnosis.ts';
import { option, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const invalidState: Cause = {
  id: 'invalid-state',
  find: ({ obstacle, spec, protocol }) => {
    const rule = obstacle?.rule ?? null;
    if (obstacle === null || rule === null || !stops(rule)) return null;
    const state = option(rule, '--ctstate') ?? option(rule, '--state');
    if (state === null || state.negated || !(state.values[0] ?? '').split(',').includes('INVALID')) return null;
    return {
      sentence: `The packet belongs to no connection that this host knows${spec.flags === undefined ? '' : ` (${spec.flags})`}: the question took another way than its answer, or the connection is over; such packets are dropped here.`,
      evidence: [rulingSentence(obstacle.verdict)],
      ...(protocol === 'tcp'
        ? { fix: 'sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1', fixFor: 'If late or odd segments of real connections meet it' }
        : {}),
    };
  },
};
