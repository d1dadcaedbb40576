/** The host may not route, at all or from one interface. ip-sysctl.rst: ip_forward, conf/IF/forwarding. */
import type { Cause } from '../diagnosis.ts';

/** Those that are set for the whole host. */
const EVERYWHERE = new Set(['net.ipv4.ip_forward', 'net.ipv4.conf.all.forwarding', 'net.ipv6.conf.all.forwarding']);

export const forwardingOff: Cause = {
  id: 'forwarding-off',
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.kind !== 'sysctl') return null;
    const name = by.about?.sysctl;
    if (by.reason !== 'forwarding-off' || name === undefined || obstacle.verdict.outcome !== 'drop') return null;
    const device = EVERYWHERE.has(name) ? undefined : by.about?.device;
    const whose = [src.container?.name, target.container?.name].filter((one) => one !== undefined).join(' or ') || 'containers';
    const sentence =
      device === undefined
        ? `The host is not allowed to route packets, so nothing gets past it to or from ${whose}.`
        : `The host may route, but not what comes in by ${device}: ${obstacle.direction === 'reply' ? 'the answer' : 'this packet'} does, and ends there.`;
    return { sentence, evidence: [by.text], fix: `sysctl -w ${name}=1`, fixFor: 'To let the host route' };
  },
};
