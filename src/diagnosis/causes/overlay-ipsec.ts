/** An encrypted overlay network whose IPsec is not whole: no state for its policy, or no policy or mark for its packets. ip-xfrm(8). */
import type { DecisionReason } from '../../path/verdict.ts';
import type { Cause } from '../diagnosis.ts';

const SAYS = new Map<DecisionReason, string>([
  [
    'ipsec-state',
    'there are no keys for the other host (no IPsec state), so that the packet around the frame can be neither encrypted nor read',
  ],
  ['ipsec-policy', 'an IPsec policy blocks the packet around the frame'],
  ['ipsec-mark', 'no rule and policy have its packets encrypted, and what comes in clear text is dropped by the other host'],
]);

export const overlayIpsec: Cause = {
  id: 'overlay-ipsec',
  inside: true,
  find: ({ obstacle }) => {
    const by = obstacle?.verdict.decidedBy;
    const says = by?.reason === undefined ? undefined : SAYS.get(by.reason);
    if (obstacle === null || by === undefined || says === undefined) return null;
    const where = by.namespace === undefined ? 'this host' : by.namespace;
    return {
      sentence: `The overlay network is encrypted, and on ${where} ${says}.`,
      evidence: [by.text],
      fix: 'modprobe esp4; ip xfrm state; ip xfrm policy; grep -v " 0$" /proc/net/xfrm_stat',
      fixFor:
        'On both hosts, to see whether the kernel has ESP, what keys there are and what IPsec has dropped (restarting Docker has them made anew)',
    };
  },
};
