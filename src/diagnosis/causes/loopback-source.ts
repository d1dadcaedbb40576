/** A packet from 127.0.0.1 goes to a container with that source: the container answers its own loopback. */
import type { Cause } from '../diagnosis.ts';

export const loopbackSource: Cause = {
  id: 'loopback-source',
  find: ({ verdict, src, dnat, snat, target }) => {
    if (verdict.outcome !== 'accept' || dnat === null || snat !== null || target.container === null || target.bridge === null) return null;
    if (src.ip?.version !== 4 || src.ip.a >>> 24 !== 127) return null;
    return {
      sentence: `${target.name} gets the packet with its source 127.0.0.1 and would answer its own loopback: the rule that hides such packets behind the bridge's address is not there.`,
      evidence: [`no SNAT and no MASQUERADE on the way to ${target.bridge}`],
      fix: `iptables -t nat -A POSTROUTING -o ${target.bridge} -m addrtype --src-type LOCAL -j MASQUERADE`,
      fixFor: 'To put it there (dockerd does so with userland-proxy=false)',
    };
  },
};
