/** IPv6 is switched off on the interface that the packet came in by (ip-sysctl.rst: disable_ipv6). */
import type { Cause } from '../diagnosis.ts';

export const ipv6Off: Cause = {
  id: 'ipv6-off',
  find: ({ obstacle, inDevice }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'ipv6-disabled') return null;
    return {
      sentence: `IPv6 is switched off on ${by.about?.device ?? inDevice ?? 'the interface'} of the host, so nothing that comes in there is taken.`,
      evidence: [by.text],
      fix: `sysctl -w ${by.about?.sysctl ?? 'net.ipv6.conf.IF.disable_ipv6'}=0`,
      fixFor: 'To switch it on',
    };
  },
};
