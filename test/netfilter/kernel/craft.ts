/** IP packets made by hand, with right checksums, and the same packets as the netfilter stage sees them. RFC 791, 8200, 9293, 768, 792. */

import type { Skb } from '../../../src/netfilter/skb.ts';
import { addressBytes, checksum, u16, u32 } from '../../packet-bytes.ts';
import { skb as baseSkb, type SkbChange } from '../support.ts';
import type { Frame } from './namespaces.ts';

export interface PacketPlan {
  readonly name: string;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly sport?: number;
  readonly dport?: number;
  /** TCP flags. */
  readonly flags?: number;
  readonly tcpOptions?: readonly number[];
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number;
  /** Bytes behind the transport header; for protocols without one the whole payload. */
  readonly payload?: readonly number[];
  readonly ttl?: number;
  readonly tos?: number;
  /** In bytes, a multiple of eight; more fragments follow where `moreFragments`. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  readonly frame?: Frame;
  /** What conntrack makes of it, where that is not a plain new connection. */
  readonly ct?: SkbChange['ct'];
}

const transport = (plan: PacketPlan, v6: boolean): number[] => {
  const payload = plan.payload ?? [];
  const pseudo = (length: number): number[] =>
    v6
      ? [...addressBytes(plan.src), ...addressBytes(plan.dst), ...u32(length), 0, 0, 0, plan.protocol]
      : [...addressBytes(plan.src), ...addressBytes(plan.dst), 0, plan.protocol, ...u16(length)];
  const filled = (header: number[], at: number, withPseudo: boolean): number[] => {
    const all = [...header, ...payload];
    const sum = checksum(withPseudo ? [...pseudo(all.length), ...all] : all);
    all.splice(at, 2, ...u16(sum));
    return all;
  };
  if (plan.fragmentOffset) return [...payload];
  switch (plan.protocol) {
    case 6: {
      const options = [...(plan.tcpOptions ?? [])];
      while (options.length % 4 !== 0) options.push(1);
      const header = [
        ...u16(plan.sport ?? 0),
        ...u16(plan.dport ?? 0),
        ...u32(1000),
        ...u32(0),
        (5 + options.length / 4) << 4,
        plan.flags ?? 2,
        ...u16(8192),
        0,
        0,
        0,
        0,
      ];
      return filled([...header, ...options], 16, true);
    }
    case 17:
      return filled([...u16(plan.sport ?? 0), ...u16(plan.dport ?? 0), ...u16(8 + payload.length), 0, 0], 6, true);
    case 1:
      return filled([plan.icmpType ?? 8, plan.icmpCode ?? 0, 0, 0, ...u16(plan.icmpId ?? 0), ...u16(1)], 2, false);
    case 58:
      return filled([plan.icmpType ?? 128, plan.icmpCode ?? 0, 0, 0, ...u16(plan.icmpId ?? 0), ...u16(1)], 2, true);
    case 33:
      // A DCCP request: sixteen bytes of header with long sequence numbers.
      return filled([...u16(plan.sport ?? 0), ...u16(plan.dport ?? 0), 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], 6, true);
    default:
      return [...payload];
  }
};

export const craft = (plan: PacketPlan): Uint8Array => {
  const v6 = plan.src.includes(':');
  const body = transport(plan, v6);
  const tos = plan.tos ?? 0;
  if (v6) {
    return new Uint8Array([
      0x60 | (tos >> 4),
      (tos << 4) & 255,
      0,
      0,
      ...u16(body.length),
      plan.protocol,
      plan.ttl ?? 64,
      ...addressBytes(plan.src),
      ...addressBytes(plan.dst),
      ...body,
    ]);
  }
  const fragment = ((plan.fragmentOffset ?? 0) >> 3) | (plan.moreFragments === true ? 0x2000 : 0);
  const header = [
    0x45,
    tos,
    ...u16(20 + body.length),
    0x12,
    0x34,
    ...u16(fragment),
    plan.ttl ?? 64,
    plan.protocol,
    0,
    0,
    ...addressBytes(plan.src),
    ...addressBytes(plan.dst),
  ];
  header.splice(10, 2, ...u16(checksum(header)));
  return new Uint8Array([...header, ...body]);
};

/** The packet as it arrives by `inDev`, with the sender's MAC. */
export const arriving = (plan: PacketPlan, bytes: Uint8Array, inDev: string, srcMac: number): Skb => {
  const ports = [6, 17, 33, 132].includes(plan.protocol) && !plan.fragmentOffset;
  const isIcmp = plan.protocol === 1 || plan.protocol === 58;
  return baseSkb({
    family: plan.src.includes(':') ? 6 : 4,
    inDev,
    outDev: null,
    src: plan.src,
    dst: plan.dst,
    protocol: plan.protocol,
    srcPort: ports ? (plan.sport ?? 0) : null,
    dstPort: ports ? (plan.dport ?? 0) : null,
    tcpFlags: plan.protocol === 6 ? (plan.flags ?? 2) : null,
    icmpType: isIcmp ? (plan.icmpType ?? (plan.protocol === 1 ? 8 : 128)) : null,
    icmpCode: isIcmp ? (plan.icmpCode ?? 0) : null,
    fragmentOffset: plan.fragmentOffset ?? 0,
    length: bytes.length,
    ttl: plan.ttl ?? 64,
    tos: plan.tos ?? 0,
    srcMac,
    packetType: plan.frame === 'beyond' ? 'otherhost' : (plan.frame ?? 'unicast'),
    bytes,
    ...(plan.ct === undefined ? {} : { ct: plan.ct }),
  });
};
