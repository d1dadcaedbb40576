/** -m tcp: ports, flags and options of TCP. tcp_mt in xt_tcpudp.c; iptables-extensions(8). */
import { u8 } from '../../base/bytes.ts';
import { transportOffset } from '../header.ts';
import { IPPROTO_TCP } from '../protocols.ts';
import { badValue, type MatchModule, makeCondition, NEVER, notKnown, optionMatch } from './condition.ts';
import { inLaterFragment, portOptions } from './ports.ts';
import { parseNumber } from './values.ts';

const FLAGS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ALL: 63, NONE: 0 };

const parseFlags = (text: string | undefined): number | null => {
  if (text === undefined) return null;
  let bits = 0;
  for (const name of text.split(',')) {
    if (!Object.hasOwn(FLAGS, name)) return null;
    bits |= FLAGS[name] as number;
  }
  return bits;
};

const FLAGS_UNKNOWN = notKnown('TCP flags');
const OPTIONS_UNKNOWN = 'the TCP options are not at hand';

const withOptions = optionMatch('tcp', {
  ...portOptions(IPPROTO_TCP, true),
  '--tcp-flags': (option, { backend }) => {
    const mask = parseFlags(option.values[0]);
    const wanted = parseFlags(option.values[1]);
    if (mask === null || wanted === null) return badValue(option);
    const later = inLaterFragment(backend);
    return (skb) => {
      if (skb.protocol !== IPPROTO_TCP) return NEVER;
      if (skb.fragmentOffset !== 0) return later;
      return skb.tcpFlags === null ? FLAGS_UNKNOWN : (skb.tcpFlags & mask) === wanted;
    };
  },
  '--tcp-option': (option) => {
    const kind = parseNumber(option.values[0]);
    if (kind === null || kind > 255) return badValue(option);
    return (skb) => {
      if (skb.protocol !== IPPROTO_TCP || skb.fragmentOffset !== 0) return NEVER;
      const found = findTcpOption(skb.bytes, kind);
      return found === null ? OPTIONS_UNKNOWN : found >= 0;
    };
  },
});

/** Offset of the TCP option `kind`, -1 where the packet has none, null where that cannot be seen. RFC 9293 section 3.2. */
export const findTcpOption = (bytes: Uint8Array | null, kind: number): number | null => {
  if (bytes === null) return null;
  const start = transportOffset(bytes, IPPROTO_TCP);
  if (start === null || bytes.length < start + 20) return null;
  const end = start + (u8(bytes, start + 12) >> 4) * 4;
  if (end > bytes.length) return null;
  let at = start + 20;
  while (at < end) {
    const found = u8(bytes, at);
    if (found === kind) return at;
    // The kernel steps over kinds 0 and 1 alike, and over a length of nought as over one byte.
    at += found < 2 || at + 1 >= end ? 1 : u8(bytes, at + 1) || 1;
  }
  return -1;
};

/** In the kernel's own match a second fragment that would overwrite the flags condemns the packet. */
const evilFragment = makeCondition('-m tcp', false, null, (skb) => {
  if (skb.protocol !== IPPROTO_TCP) return NEVER;
  if (skb.fragmentOffset === 8) return { kind: 'hotdrop', reason: 'a TCP fragment at offset 8 would overwrite the flags' };
  return skb.fragmentOffset === 0;
});

export const tcp: MatchModule = {
  name: 'tcp',
  compile: (spec, context) => [...(context.backend === 'legacy' ? [evilFragment] : []), ...withOptions.compile(spec, context)],
};
