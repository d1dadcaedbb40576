/** Packets as a test writes them down: one a line, or as the fields that matter. */
import { parseIp } from '../../src/base/ip-address.ts';
import type { Direction, Flow } from '../../src/flow/flow.ts';
import { type FlowLimits, FlowTable } from '../../src/flow/table.ts';
import {
  INNER_QUOTED,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  L3_ARP,
  L3_IPV4,
  L3_IPV6,
  Packet,
} from '../../src/packet/packet.ts';

export const MAC_A = 0x0242ac120002;
export const MAC_B = 0x0242ac120003;
export const MAC_C = 0x0242ac120004;

export interface Fields extends Partial<Omit<Packet, 'inner'>> {
  readonly at?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly inner?: Packet;
}

/** Seconds with up to nine decimals, behind a fixed day. */
export const setTime = (packet: Packet, at: string): void => {
  const [whole, fraction = ''] = at.split('.');
  packet.timeSec = 1_700_000_000 + Number(whole);
  packet.timeNsec = Number(fraction.padEnd(9, '0'));
};

export const packetOf = (fields: Fields): Packet => {
  const { at = '0', src, dst, inner, ...rest } = fields;
  const packet = new Packet();
  packet.srcMac = MAC_A;
  packet.dstMac = MAC_B;
  packet.originalLength = 60;
  setTime(packet, at);
  for (const [side, text] of [
    ['src', src],
    ['dst', dst],
  ] as const) {
    const ip = text === undefined ? null : parseIp(text);
    if (ip === null) continue;
    packet.l3 = ip.version === 4 ? L3_IPV4 : L3_IPV6;
    if (side === 'src') Object.assign(packet, { srcA: ip.a, srcB: ip.b, srcC: ip.c, srcD: ip.d });
    else Object.assign(packet, { dstA: ip.a, dstB: ip.b, dstC: ip.c, dstD: ip.d });
  }
  Object.assign(packet, rest);
  if (inner !== undefined) packet.inner = inner;
  return packet;
};

const FLAGS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, '.': 16, U: 32 };

/** `0.001 a > b P. seq 101 ack 501 len 10 win 0`: tcpdump's flag letters; a and b are 10.0.0.1:40000 and 10.0.0.2:80. */
export const tcpPacket = (line: string): Packet => {
  const [at, from, , , letters, ...pairs] = line.trim().split(/\s+/) as [string, string, string, string, string, ...string[]];
  const value = (name: string, otherwise: number): number => {
    const index = pairs.indexOf(name);
    return index < 0 ? otherwise : Number(pairs[index + 1]);
  };
  const fromA = from === 'a';
  const length = value('len', 0);
  return packetOf({
    at,
    src: fromA ? '10.0.0.1' : '10.0.0.2',
    dst: fromA ? '10.0.0.2' : '10.0.0.1',
    protocol: IPPROTO_TCP,
    srcPort: fromA ? 40_000 : 80,
    dstPort: fromA ? 80 : 40_000,
    srcMac: fromA ? MAC_A : MAC_B,
    dstMac: fromA ? MAC_B : MAC_A,
    tcpFlags: [...letters].reduce((flags, letter) => flags | (FLAGS[letter] ?? 0), 0),
    tcpSeq: value('seq', 0),
    tcpAck: value('ack', 0),
    tcpWindow: value('win', 1000),
    payloadLength: length,
    payloadCaptured: length,
    originalLength: 54 + length,
  });
};

export interface Played {
  readonly table: FlowTable;
  /** The flow of each packet, as ids that count from 1. */
  readonly ids: readonly number[];
  readonly directions: readonly Direction[];
  readonly flows: readonly Flow[];
}

export const play = (packets: readonly Packet[], limits?: FlowLimits): Played => {
  const table = new FlowTable(limits);
  const ids: number[] = [];
  const directions: Direction[] = [];
  const flows = new Map<number, Flow>();
  for (const packet of packets) {
    const flow = table.observe(packet);
    ids.push(flow.id);
    directions.push(table.lastDirection);
    flows.set(flow.id, flow);
  }
  return { table, ids, directions, flows: [...flows.values()] };
};

export const playTcp = (lines: string, limits?: FlowLimits): Played & { readonly flow: Flow } => {
  const played = play(
    lines
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(tcpPacket),
    limits,
  );
  return { ...played, flow: played.flows.at(-1) as Flow };
};

export const udp = (at: string, src: string, srcPort: number, dst: string, dstPort: number, fields: Fields = {}): Packet =>
  packetOf({ at, src, dst, srcPort, dstPort, protocol: IPPROTO_UDP, ...fields });

/** An echo message of the family that the addresses show. */
export const echo = (
  at: string,
  type: 'request' | 'reply',
  src: string,
  dst: string,
  id: number,
  seq: number,
  fields: Fields = {},
): Packet => {
  const v6 = src.includes(':');
  const icmpType = type === 'request' ? (v6 ? 128 : 8) : v6 ? 129 : 0;
  return packetOf({
    at,
    src,
    dst,
    protocol: v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
    icmpType,
    icmpCode: 0,
    icmpId: id,
    icmpSeq: seq,
    ...fields,
  });
};

export const arp = (at: string, op: number, sender: string, senderMac: number, target: string): Packet => {
  const packet = packetOf({ at, src: sender, dst: target, srcMac: senderMac, dstMac: op === 1 ? 0xffff_ffff_ffff : MAC_A });
  return Object.assign(packet, { l3: L3_ARP, arpOp: op, arpSenderMac: senderMac, arpTargetMac: 0 });
};

/** An ICMP error that quotes a packet. */
export const icmpError = (at: string, from: string, to: string, type: number, code: number, quoted: Packet): Packet => {
  const protocol = from.includes(':') ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  // A quote is short: of the transport header eight bytes are sure.
  const inner = Object.assign(new Packet(), quoted, { tcpFlags: -1, srcMac: -1, dstMac: -1 });
  return packetOf({ at, src: from, dst: to, protocol, icmpType: type, icmpCode: code, innerKind: INNER_QUOTED, inner });
};
