/**
 * A rule sends what the host asks at ::1 to a container. For IPv4 route_localnet lets such packets out and their answers in; IPv6 has no such
 * switch: an answer to ::1 that comes in by another device finds no route (ip6_route_input, RFC 4291 section 2.5.3).
 */
import { formatIp } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';

export const loopback6Published: Cause = {
  id: 'loopback6-published',
  find: ({ obstacle, dst, dnat, target }) => {
    if (obstacle === null || dnat === null || dst.ip === null || formatIp(dst.ip) !== '::1') return null;
    const port = dst.port === null ? '' : `:${dst.port}`;
    return {
      sentence: `A rule sends what is asked at [::1]${port} to ${target.name}, and no answer can come back: IPv6 has no route_localnet.`,
      evidence: [`${dnat.from} becomes ${dnat.to}: ${dnat.by.text}`, obstacle.verdict.decidedBy.text],
      fix: `# ask 127.0.0.1${port}, or another IPv6 address of the host`,
      fixFor: 'To reach it',
    };
  },
};
