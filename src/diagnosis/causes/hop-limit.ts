/** The packet's time to live ends at this host (RFC 792, RFC 4443 3.3). */
import { formatIp } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';

export const hopLimit: Cause = {
  id: 'hop-limit',
  find: ({ obstacle, src, target, spec }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'ttl-expired') return null;
    return {
      sentence: `The packet may not pass another router (${by.text}): ${src.name} sent it so, as traceroute does, or it goes round in a loop of routes.`,
      evidence: [by.text],
      fix: `ip route get ${target.ip === null ? spec.dst : formatIp(target.ip)}`,
      fixFor: 'To look for a loop',
    };
  },
};
