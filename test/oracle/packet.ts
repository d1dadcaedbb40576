/** A packet of a case as data, its bytes with right checksums (RFC 791, 8200, 9293, 768, 792, 4443), and reading one that came out. */

import { addressBytes, checksum, u16, u32 } from '../packet-bytes.ts';

export interface PacketPlan {
  /** IPv4 identification or IPv6 flow label, by which it is known again. */
  readonly id: number;
  /** The wire it is put on; null for a packet made on the host. */
  readonly wire: string | null;
  readonly srcMac?: string;
  readonly dstMac?: string;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly flags?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmpId?: number;
  readonly ttl: number;
  readonly tos: number;
  readonly payloadBytes: number;
  /** Sequence numbers, where the packet continues a connection. */
  readonly sequence?: number;
  readonly acknowledged?: number;
  readonly tcpMss?: number;
  readonly dontFragment?: boolean;
  /** Destination options before the transport header (IPv6). */
  readonly options?: boolean;
  /** The packet that an ICMP error is about, from its IP header on, in hex. */
  readonly about?: string;
}

/** SCTP's checksum, CRC32c in little-endian order at byte 8 (RFC 9260 appendix A). */
const withCrc = (bytes: number[]): number[] => {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  const sum = ~crc >>> 0;
  bytes.splice(8, 4, sum & 255, (sum >>> 8) & 255, (sum >>> 16) & 255, sum >>> 24);
  return bytes;
};

const transport = (plan: PacketPlan, v6: boolean): number[] => {
  const payload = plan.about === undefined ? new Array<number>(plan.payloadBytes).fill(0x41) : [...Buffer.from(plan.about, 'hex')];
  const filled = (header: readonly number[], at: number, pseudo: boolean): number[] => {
    const all = [...header, ...payload];
    const front = v6
      ? [...addressBytes(plan.src), ...addressBytes(plan.dst), ...u32(all.length), 0, 0, 0, plan.protocol]
      : [...addressBytes(plan.src), ...addressBytes(plan.dst), 0, plan.protocol, ...u16(all.length)];
    const sum = checksum(pseudo ? [...front, ...all] : all);
    all.splice(at, 2, ...u16(sum === 0 && plan.protocol === 17 ? 0xffff : sum));
    return all;
  };
  const ports = [...u16(plan.sport ?? 0), ...u16(plan.dport ?? 0)];
  switch (plan.protocol) {
    case 6: {
      const options = plan.tcpMss === undefined ? [] : [2, 4, ...u16(plan.tcpMss)];
      return filled(
        [
          ...ports,
          ...u32(plan.sequence ?? 1000),
          ...u32(plan.acknowledged ?? 0),
          (5 + options.length / 4) << 4,
          plan.flags ?? 2,
          ...u16(8192),
          0,
          0,
          0,
          0,
          ...options,
        ],
        16,
        true,
      );
    }
    case 17:
      return filled([...ports, ...u16(8 + payload.length), 0, 0], 6, true);
    case 1:
    case 58:
      return filled(
        [plan.icmpType ?? 8, plan.icmpCode ?? 0, 0, 0, ...u16(plan.icmpId ?? 0), ...u16(plan.icmpId === undefined ? 0 : 1)],
        2,
        plan.protocol === 58,
      );
    case 132:
      // An INIT chunk alone.
      return withCrc([...ports, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    case 47:
      // GRE of version 0, which conntrack treats as a protocol without ports.
      return [0, 0, 8, 0, ...payload];
    default:
      return payload;
  }
};

/** From the IP header on. */
export const ipBytes = (plan: PacketPlan): Uint8Array => {
  const v6 = plan.src.includes(':');
  const body = transport(plan, v6);
  if (v6) {
    const options = plan.options === true ? [plan.protocol, 0, 1, 4, 0, 0, 0, 0] : [];
    const length = options.length + body.length;
    return Uint8Array.from([
      0x60 | (plan.tos >> 4),
      ((plan.tos << 4) & 0xf0) | ((plan.id >> 16) & 15),
      ...u16(plan.id & 0xffff),
      ...u16(length),
      options.length > 0 ? 60 : plan.protocol,
      plan.ttl,
      ...addressBytes(plan.src),
      ...addressBytes(plan.dst),
      ...options,
      ...body,
    ]);
  }
  const header = [
    0x45,
    plan.tos,
    ...u16(20 + body.length),
    ...u16(plan.id),
    plan.dontFragment === true ? 0x40 : 0,
    0,
    plan.ttl,
    plan.protocol,
    0,
    0,
    ...addressBytes(plan.src),
    ...addressBytes(plan.dst),
  ];
  header.splice(10, 2, ...u16(checksum(header)));
  return Uint8Array.from([...header, ...body]);
};

const macBytes = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16));

/** What is handed to the agent: a frame, or for a packet made on the host the packet alone. */
export const injected = (plan: PacketPlan): string => {
  const packet = ipBytes(plan);
  if (plan.wire === null) return Buffer.from(packet).toString('hex');
  const type = plan.src.includes(':') ? [0x86, 0xdd] : [8, 0];
  return Buffer.from([...macBytes(plan.dstMac ?? ''), ...macBytes(plan.srcMac ?? ''), ...type, ...packet]).toString('hex');
};
