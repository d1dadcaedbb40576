/** -m tcpmss: the maximum segment size that a TCP packet announces. xt_tcpmss.c; RFC 9293 section 3.7.1. */
import { u8, u16be } from '../../base/bytes.ts';
import { IPPROTO_TCP } from '../protocols.ts';
import { badValue, NEVER, optionMatch } from './condition.ts';
import { findTcpOption } from './tcp.ts';
import { inRange, parseRange } from './values.ts';

const TCPOPT_MSS = 2;

export const tcpmss = optionMatch('tcpmss', {
  '--mss': (option) => {
    const range = parseRange(option.values[0], 0xffff);
    if (range === null) return badValue(option);
    return (skb) => {
      if (skb.protocol !== IPPROTO_TCP || skb.fragmentOffset !== 0) return NEVER;
      const at = findTcpOption(skb.bytes, TCPOPT_MSS);
      if (at === null || skb.bytes === null) return 'the TCP options are not at hand';
      // Without the option the kernel answers as its `!` says: the negated test holds.
      if (at < 0 || u8(skb.bytes, at + 1) !== 4) return false;
      return inRange(u16be(skb.bytes, at + 2), range);
    };
  },
});
