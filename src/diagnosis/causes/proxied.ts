/**
 * docker-proxy takes the connection on the host and dials the container itself: two connections, the second from the host's address. Why it
 * is the proxy and no DNAT rule that takes it follows from Docker's rules: they pass over what comes from Docker's own networks and from
 * 127.0.0.0/8, and there are none where the container has no address of the family or dockerd was told to write none.
 */
import { formatIp } from '../../base/ip-address.ts';
import type { Case } from '../case.ts';
import { splitAddress } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { rulesetsOf, rulesIn } from '../rule-shape.ts';

export const proxied: Cause = {
  id: 'proxied',
  find: (subject) => {
    const { verdict, dst } = subject;
    const redirect = verdict.nat.find(({ kind }) => kind === 'redirect');
    const to = verdict.proxiedTo;
    // What stops it there is told instead.
    if (to === undefined || verdict.outcome !== 'accept' || (to.verdict !== null && to.client !== 'carried')) return null;
    const sees = to.from === null ? "the bridge's address" : to.from;
    const { because, fix, fixFor } = reasonOf(subject, to.address);
    return {
      weight: 'note',
      sentence: `docker-proxy on the host takes this connection and makes a second one to ${to.container ?? 'the container'} (${to.address}), which sees ${sees} as the client and not ${subject.src.name}.${because === '' ? '' : ` ${because}`}`,
      evidence: [
        redirect === undefined
          ? `no DNAT rule takes it here; docker-proxy listens on port ${dst.port ?? '?'}`
          : `docker-proxy listens at ${redirect.to}, where a rule redirects it: ${redirect.by.text}`,
      ],
      ...(fix === undefined ? {} : { fix, fixFor }),
    };
  },
};

interface Reason {
  readonly because: string;
  readonly fix?: string;
  readonly fixFor?: string;
}

const reasonOf = (subject: Case, dialled: string): Reason => {
  const { family, src, dst, facts, verdict } = subject;
  const translates = rulesetsOf(facts, family).some((ruleset) => rulesIn(ruleset, 'nat').some(({ rule }) => rule.target?.name === 'DNAT'));
  const container = verdict.proxiedTo?.container ?? 'the container';
  if (family === 6 && splitAddress(dialled).ip?.version === 4)
    return {
      because: `${container} has no IPv6 address, so only the proxy publishes its ports for IPv6.`,
      fix: 'docker network create --ipv6 …',
      fixFor: `To have it reached by rules, its network needs IPv6`,
    };
  if (!translates && (facts.self.nftables ?? []).every(({ name }) => name !== 'docker-bridges')) {
    return family === 6
      ? { because: 'dockerd writes no IPv6 rules here (ip6tables=false), so only the proxy publishes IPv6 ports.' }
      : { because: 'dockerd writes no rules here (iptables=false), so only the proxy publishes ports.' };
  }
  if (dst.ip !== null && (dst.ip.version === 4 ? dst.ip.a >>> 24 === 127 : formatIp(dst.ip) === '::1'))
    return { because: "Docker's rules leave what the host asks by its loopback to the proxy." };
  if (src.container === null) return { because: '' };
  return {
    because: "Docker's rules leave what comes from its own networks to the proxy.",
    fix: `# ask ${container} by its name in a common network: docker network connect NETWORK ${src.container.name}`,
    fixFor: 'To let it see the client',
  };
};
