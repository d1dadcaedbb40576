/** docker-proxy takes the connection on the host and dials the container itself: two connections, the second from the bridge's address. */
import type { Cause } from '../diagnosis.ts';
import { rulesetsOf, rulesIn } from '../rule-shape.ts';

export const proxied: Cause = {
  id: 'proxied',
  find: ({ verdict, dst, family, facts }) => {
    const redirect = verdict.nat.find(({ kind }) => kind === 'redirect');
    const to = verdict.proxiedTo;
    if (to === undefined || verdict.outcome !== 'accept') return null;
    const unwritten =
      family === 6 && !rulesetsOf(facts, 6).some((ruleset) => rulesIn(ruleset, 'nat').some(({ rule }) => rule.target?.name === 'DNAT'));
    return {
      weight: 'note',
      sentence: `docker-proxy on the host takes this connection and makes a second one to ${to.container ?? 'the container'} (${to.address}), which sees the bridge's address as the client.${unwritten ? ' dockerd writes no IPv6 rules here (ip6tables=false), so only the proxy publishes IPv6 ports.' : ''}`,
      evidence: [
        redirect === undefined
          ? `no DNAT rule takes it here; docker-proxy listens on port ${dst.port ?? '?'}`
          : `docker-proxy listens at ${redirect.to}, where a rule redirects it: ${redirect.by.text}`,
      ],
    };
  },
};
