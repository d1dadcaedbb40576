/** The host may not route, at all or from one interface. ip-sysctl.rst: ip_forward, conf/IF/forwarding. */
import type { Cause } from '../diagnosis.ts';

export const forwardingOff: Cause = {
  id: 'forwarding-off',
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.kind !== 'sysctl') return null;
    const match = /^(net\.ipv[46]\.(?:ip_forward|conf\.(.+)\.forwarding))(?: = (\S+))?$/.exec(by.text);
    const name = match?.[1];
    if (name === undefined || obstacle.verdict.outcome !== 'drop') return null;
    const device = match?.[2];
    const whose = [src.container?.name, target.container?.name].filter((one) => one !== undefined).join(' or ') || 'containers';
    const sentence =
      device === undefined || device === 'all'
        ? `The host is not allowed to route packets, so nothing gets past it to or from ${whose}.`
        : `The host may route, but not what comes in by ${device}: ${obstacle.direction === 'reply' ? 'the answer' : 'this packet'} does, and ends there.`;
    return { sentence, evidence: [by.text], fix: `sysctl -w ${name}=1`, fixFor: 'To let the host route' };
  },
};
