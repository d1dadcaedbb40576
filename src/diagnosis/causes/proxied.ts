/** docker-proxy takes the connection on the host and dials the container itself: two connections, the second from the bridge's address. */
import type { Cause } from '../diagnosis.ts';

export const proxied: Cause = {
  id: 'proxied',
  find: ({ verdict, dst }) => {
    const to = verdict.proxiedTo;
    if (to === undefined || verdict.outcome !== 'accept') return null;
    return {
      weight: 'note',
      sentence: `docker-proxy on the host takes this connection and makes a second one to ${to.container ?? 'the container'} (${to.address}), which sees the bridge's address as the client.`,
      evidence: [`no DNAT rule takes it here; docker-proxy listens on port ${dst.port ?? '?'}`],
    };
  },
};
