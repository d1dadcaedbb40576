/**
 * The packet leaves with a source that lies on the link, and the host does not answer for that address there: whoever replies asks for it
 * by ARP or neighbour discovery and hears nothing. ip-sysctl.rst: proxy_arp, proxy_ndp.
 */
import type { Cause } from '../diagnosis.ts';

export const answerUnasked: Cause = {
  id: 'answer-unasked',
  find: ({ obstacle, family, src }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'answer-unasked') return null;
    const { address = 'ADDRESS', device = 'IF' } = by.about ?? {};
    return {
      sentence: `${src.name}'s packets leave ${device} as ${address}, an address of that link that the host does not answer for there (${family === 4 ? 'ARP' : 'NDP'}), so no answer finds its way back.`,
      evidence: [by.text],
      fix:
        family === 4
          ? `ip neigh add proxy ${address} dev ${device}`
          : `sysctl -w net.ipv6.conf.${device.replaceAll('.', '/')}.proxy_ndp=1 && ip -6 neigh add proxy ${address} dev ${device}`,
      fixFor: 'To have the host answer for it',
    };
  },
};
