/** The packet is larger than the next link takes and may not be cut (RFC 1191). */
import type { Cause } from '../diagnosis.ts';

export const tooBig: Cause = {
  id: 'too-big',
  find: ({ obstacle, outDevice, family }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'too-big') return null;
    return {
      sentence: `The packet is larger than what ${by.about?.device ?? by.about?.container ?? outDevice ?? 'the next link'} takes, so big transfers hang while small ones work, ${by.kind === 'bridge' ? 'and nobody is told' : `unless the sender hears of it (${family === 6 ? 'ICMPv6 "packet too big"' : 'ICMP "fragmentation needed"'})`}.`,
      evidence: [by.text],
      fix: `${family === 6 ? 'ip6tables' : 'iptables'} -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`,
      fixFor: 'To have TCP use smaller segments (or set com.docker.network.driver.mtu)',
    };
  },
};
