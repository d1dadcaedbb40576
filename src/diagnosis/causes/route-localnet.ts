/** A packet from or to 127.0.0.0/8 may not pass an interface other than the loopback. */
import type { Cause } from '../diagnosis.ts';

export const routeLocalnet: Cause = {
  id: 'route-localnet',
  find: ({ obstacle, outDevice, inDevice, dnat }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'route-localnet' || obstacle.verdict.outcome !== 'drop') return null;
    const device = by.about?.device ?? (inDevice === null ? outDevice : inDevice) ?? 'IF';
    return {
      sentence:
        inDevice === null
          ? `A packet from 127.0.0.1 may not leave by ${device}${dnat === null ? '' : `, where its translation to ${dnat.to} sends it`}.`
          : `A packet for 127.0.0.0/8 came in by ${device}, where the kernel does not take such addresses.`,
      evidence: [by.text],
      ...(inDevice === null
        ? { fix: `sysctl -w net.ipv4.conf.${device}.route_localnet=1`, fixFor: 'To allow it (dockerd does so with userland-proxy=false)' }
        : {}),
    };
  },
};
