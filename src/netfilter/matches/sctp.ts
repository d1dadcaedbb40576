/** -m sctp: ports and chunk types of SCTP. xt_sctp.c; RFC 9260 section 3. */
import { u8, u16be } from '../../base/bytes.ts';
import { transportOffset } from '../header.ts';
import { IPPROTO_SCTP } from '../protocols.ts';
import type { Skb } from '../skb.ts';
import { badValue, NEVER, optionMatch } from './condition.ts';
import { portOptions } from './ports.ts';

const CHUNK_TYPES: Readonly<Record<string, number>> = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  ECN_ECNE: 12,
  ECN_CWR: 13,
  SHUTDOWN_COMPLETE: 14,
  I_DATA: 64,
  RE_CONFIG: 130,
  PAD: 132,
  ASCONF: 193,
  ASCONF_ACK: 128,
  FORWARD_TSN: 192,
  I_FORWARD_TSN: 194,
};

/** Null where the packet's bytes do not show all chunks. */
const chunkTypes = (skb: Skb): readonly number[] | null => {
  const bytes = skb.bytes;
  const start = bytes === null ? null : transportOffset(bytes, IPPROTO_SCTP);
  if (bytes === null || start === null || skb.length === null || bytes.length < skb.length) return null;
  const types: number[] = [];
  for (let at = start + 12; at + 4 <= skb.length; at += Math.max(4, (u16be(bytes, at + 2) + 3) & ~3)) types.push(u8(bytes, at));
  return types;
};

export const sctp = optionMatch('sctp', {
  ...portOptions(IPPROTO_SCTP, false),
  '--chunk-types': (option) => {
    const [scope, list] = option.values;
    if (list === undefined || !['any', 'all', 'only'].includes(scope ?? '')) return badValue(option);
    const wanted = list === 'ALL' ? Object.values(CHUNK_TYPES) : list === 'NONE' ? [] : list.split(',').map((name) => CHUNK_TYPES[name]);
    if (wanted.some((type) => type === undefined)) return `${option.name} with chunk flags or an unknown chunk is not understood`;
    return (skb) => {
      if (skb.protocol !== IPPROTO_SCTP || skb.fragmentOffset !== 0) return NEVER;
      const types = chunkTypes(skb);
      if (types === null) return 'the SCTP chunks are not at hand';
      if (scope === 'any') return types.some((type) => wanted.includes(type));
      const all = wanted.every((type) => types.includes(type as number));
      return scope === 'all' ? all : all && types.every((type) => wanted.includes(type));
    };
  },
});
