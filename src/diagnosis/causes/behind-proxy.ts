/** docker-proxy accepts the client and then cannot reach the container: what the client sees of that, and what stops the second connection. */

import { clientWords } from '../../path/proxied-leg.ts';
import type { ProxiedConnection } from '../../path/verdict.ts';
import type { Cause } from '../diagnosis.ts';
import { rulingSentence } from '../words.ts';

export const behindProxy: Cause = {
  id: 'behind-proxy',
  find: ({ verdict }) => {
    const to = verdict.proxiedTo;
    if (to === undefined || to.verdict === null || to.client === 'carried') return null;
    const name = to.container ?? 'the container';
    const answerLost = to.verdict.outcome === 'accept' && to.reply !== null && to.reply.outcome !== 'accept';
    const stopped = answerLost ? to.reply : to.verdict;
    return {
      sentence: `docker-proxy on the host takes this connection for ${name} (${to.address}), but ${fateOf(to, answerLost)}: ${clientWords(to)}.`,
      evidence: [stopped === null || stopped.outcome === 'accept' ? `docker-proxy dials ${to.address}` : rulingSentence(stopped)],
    };
  },
};

const fateOf = ({ verdict, client }: ProxiedConnection, answerLost: boolean): string => {
  if (client === 'unknown') return 'whether its own connection gets there depends on what is not known';
  if (answerLost) return 'the answer to its own connection does not come back';
  if (verdict?.outcome === 'accept') return 'nobody takes its own connection there';
  return `its own connection there is ${verdict?.outcome === 'reject' ? 'refused' : 'dropped'}`;
};
