/** -m dccp: ports and packet types of DCCP. xt_dccp.c; RFC 4340 section 5.1. */
import { u8 } from '../../base/bytes.ts';
import { transportOffset } from '../header.ts';
import { IPPROTO_DCCP } from '../protocols.ts';
import { badValue, NEVER, optionMatch } from './condition.ts';
import { portOptions } from './ports.ts';

const DCCP_TYPES: readonly string[] = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
  'INVALID',
];

export const dccp = optionMatch('dccp', {
  ...portOptions(IPPROTO_DCCP, false),
  '--dccp-types': (option) => {
    const wanted = (option.values[0] ?? '').split(',').map((name) => DCCP_TYPES.indexOf(name));
    if (wanted.includes(-1)) return badValue(option);
    return (skb) => {
      if (skb.protocol !== IPPROTO_DCCP || skb.fragmentOffset !== 0) return NEVER;
      const start = skb.bytes === null ? null : transportOffset(skb.bytes, IPPROTO_DCCP);
      if (skb.bytes === null || start === null || skb.bytes.length < start + 12) return 'the DCCP header is not at hand';
      return wanted.includes((u8(skb.bytes, start + 8) >> 1) & 15);
    };
  },
  '--dccp-option': () => 'options of DCCP are not looked into',
});
