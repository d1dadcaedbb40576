/** The packet of a tunnel reaches the other host, where no device takes it, or a tunnel's device is down. */
import type { Cause } from '../diagnosis.ts';

export const overlayAbsent: Cause = {
  id: 'overlay-absent',
  inside: true,
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by === undefined) return null;
    const asked = obstacle.direction === 'request' ? target.name : src.name;
    if (by.reason === 'tunnel-down') {
      const device = by.about?.device ?? 'the VXLAN device';
      return {
        sentence: `The tunnel to ${asked} is switched off: ${device}${by.namespace === undefined ? '' : ` of ${by.namespace}`} is down.`,
        evidence: [by.text],
        fix: `ip link set ${device} up`,
        fixFor: 'In that namespace, to switch it on',
      };
    }
    if (by.reason !== 'vni-unknown') return null;
    return {
      sentence: `The frame for ${asked} is sent to a host that has no container of its network any more: ${by.text}.`,
      evidence: [`VNI ${by.tunnel?.vni ?? ''} ${by.tunnel?.src ?? ''} → ${by.tunnel?.dst ?? ''}`],
      fix: 'systemctl restart docker',
      fixFor: 'On the host that sends it, to have Docker write its entries anew',
    };
  },
};
