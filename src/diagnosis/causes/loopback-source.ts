/**
 * A packet from 127.0.0.1 goes to a container with that source, which is impossible on its interface: the container drops it
 * (ip_route_input_slow, a martian source).
 */
import type { Cause } from '../diagnosis.ts';

export const loopbackSource: Cause = {
  id: 'loopback-source',
  inside: true,
  find: ({ verdict, src, dnat, snat, target }) => {
    const by = verdict.decidedBy;
    // The container's own switches decide whether it drops it; where they were not read, that is open.
    const isRefused =
      verdict.outcome !== 'accept' && (by.reason === 'martian-source' || (by.kind === 'sysctl' && by.namespace !== undefined));
    if (
      (verdict.outcome !== 'accept' && !isRefused) ||
      dnat === null ||
      snat !== null ||
      target.container === null ||
      target.bridge === null
    )
      return null;
    if (src.ip?.version !== 4 || src.ip.a >>> 24 !== 127) return null;
    return {
      sentence: `${target.name} gets the packet with its source 127.0.0.1, which nobody can answer from there: the rule that hides such packets behind the bridge's address is not there.`,
      evidence: [`no SNAT and no MASQUERADE on the way to ${target.bridge}`],
      fix: `iptables -t nat -A POSTROUTING -o ${target.bridge} -m addrtype --src-type LOCAL -j MASQUERADE`,
      fixFor: 'To put it there (dockerd does so with userland-proxy=false)',
    };
  },
};
