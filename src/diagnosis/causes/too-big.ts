/** The packet is larger than the next link takes and may not be cut (RFC 1191). */
import type { Cause } from '../diagnosis.ts';

export const tooBig: Cause = {
  id: 'too-big',
  find: ({ obstacle, outDevice }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.kind !== 'route' || !/ bytes exceed /.test(by.text)) return null;
    return {
      sentence: `The packet is larger than what ${outDevice ?? 'the next link'} takes, so big transfers hang while small ones work, unless the sender hears of it (ICMP "fragmentation needed").`,
      evidence: [by.text],
      fix: 'iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
      fixFor: 'To have TCP use smaller segments (or set com.docker.network.driver.mtu)',
    };
  },
};
