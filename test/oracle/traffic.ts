/** Random packets for a case: through the host, to it and from it, each a flow of its own; and what follows one that got through. */

import { formatIp } from '../../src/base/ip-address.ts';
import { packetOfBytes } from '../../src/trace/ip-fields.ts';
import type { Follow } from './case.ts';
import { PORT_NUMBERS } from './grammar.ts';
import { DEVICES, PORTS, type Port } from './host-bench.ts';
import type { PacketPlan } from './packet.ts';
import type { Random } from './random.ts';

const FIRST_ID = 0x1001;

const macOf = (port: Port): string => DEVICES.find(({ dev }) => dev === (port.bridge ?? port.dev))?.mac ?? '';

export const randomPackets = (random: Random, family: 4 | 6, count: number): readonly PacketPlan[] => {
  const sports = [...PORT_NUMBERS];
  const usedProtocols = new Set<number>();
  return Array.from({ length: count }, (_, at) => randomPacket(random, family, FIRST_ID + at, 20000 + at, sports, usedProtocols));
};

const randomPacket = (random: Random, family: 4 | 6, id: number, ownPort: number, sports: number[], used: Set<number>): PacketPlan => {
  const ipOf = (each: { readonly four: string; readonly six: string }): string => (family === 4 ? each.four : each.six);
  const local = random.chance(0.15);
  const from = random.of(PORTS);
  const to = random.of(PORTS);
  const sender = random.of(from.peers);
  const receiver = random.of(to.peers);
  let dst = ipOf(receiver);
  let dstMac = macOf(from);
  if (random.chance(0.3)) dst = ipOf(random.of(DEVICES));
  else if (random.chance(0.07)) dst = family === 4 ? '198.51.100.9' : '2001:db8::9';
  else if (!local && from.bridge === null && random.chance(0.05)) {
    const broadcast = family === 4 ? random.of(['255.255.255.255', from.dev === 'r1' ? '10.20.0.255' : '203.0.113.255']) : 'ff02::1';
    dst = broadcast;
    dstMac = family === 4 ? 'ff:ff:ff:ff:ff:ff' : '33:33:00:00:00:01';
  } else if (!local && to.bridge !== null && to.bridge === from.bridge) {
    if (to.dev === from.dev) dst = ipOf(random.of(DEVICES));
    else dstMac = receiver.mac;
  } else if (!local && to.dev === from.dev && to.bridge === null) dst = ipOf(random.of(DEVICES));
  let src = ipOf(sender);
  if (local) {
    const own = DEVICES.find((each) => each.dev === (to.bridge ?? to.dev)) ?? DEVICES[0];
    src = ipOf(
      DEVICES.some((each) => ipOf(each) === dst) && random.chance(0.7)
        ? { four: dst, six: dst }
        : dst.startsWith('198.') || dst.startsWith('2001')
          ? DEVICES[0]
          : own,
    );
  } else if (random.chance(0.04)) src = family === 4 ? '198.51.100.77' : '2001:db8::77';
  const sport = sports.length > 0 && random.chance(0.1) ? (sports.splice(random.below(sports.length), 1)[0] as number) : ownPort;
  const base = {
    id,
    wire: local ? null : from.wire,
    ...(local ? {} : { srcMac: sender.mac, dstMac }),
    src,
    dst,
    ttl: random.of([64, 64, 64, 64, 63, 5, 2, 128, 255, 1]),
    tos: random.of([0, 0, 0, 0x10, 0xb8, 0x08]),
    payloadBytes: random.of([0, 0, 4, 12, 60, 100]),
    ...(family === 4 && random.chance(0.2) ? { dontFragment: true } : {}),
    ...(family === 6 && random.chance(0.08) ? { options: true } : {}),
  };
  const kind = random.below(20);
  if (kind < 10) {
    const flags = random.chance(0.8) ? 2 : random.of([0x10, 0x12, 0x04, 0x11, 0, 0x29, 0x18, 0x14, 0x06, 0xc2]);
    return {
      ...base,
      protocol: 6,
      sport,
      dport: random.of(PORT_NUMBERS),
      flags,
      ...(flags === 2 && random.chance(0.5) ? { tcpMss: 1400 } : {}),
    };
  }
  if (kind < 15) return { ...base, protocol: 17, sport, dport: random.of(PORT_NUMBERS) };
  if (kind < 19 || used.has(47)) {
    const types = family === 4 ? [8, 8, 8, 8, 8, 0, 13] : [128, 128, 128, 128, 128, 129];
    return { ...base, protocol: family === 4 ? 1 : 58, icmpType: random.of(types), icmpId: ownPort };
  }
  used.add(47);
  return { ...base, protocol: random.of([132, 47, 99]), sport, dport: random.of(PORT_NUMBERS), payloadBytes: 8 };
};

export const randomFollows = (random: Random, packets: readonly PacketPlan[]): readonly Follow[] =>
  packets
    .map((_, after) => after)
    .filter(() => random.chance(0.5))
    .map((after, at) => ({ id: 0x5001 + at, after, kind: random.of(['reply', 'reply', 'again', 'error'] as const) }));

const u16 = (bytes: Buffer, at: number): number => bytes.readUInt16BE(at);
const macText = (bytes: Buffer): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

/** The answer to a frame, as the wire where it came out sends it. Null where there is none. */
export const followOf = (
  follow: Follow,
  first: PacketPlan,
  out: { readonly wire: string; readonly frame: Buffer } | null,
): PacketPlan | null => {
  if (follow.kind === 'again') {
    const { tcpMss: _mss, ...rest } = first;
    const opened = first.protocol === 6 && first.flags === 2;
    return {
      ...rest,
      id: follow.id,
      ttl: 60,
      ...(opened ? { flags: follow.id % 3 === 0 ? 2 : 0x10, sequence: follow.id % 3 === 0 ? 1000 : 1001 + first.payloadBytes } : {}),
    };
  }
  if (out === null) return null;
  const { frame, wire } = out;
  const packet = frame.subarray(14);
  const fields = packetOfBytes(packet);
  if (fields === null || fields.src === null || fields.dst === null || fields.protocol === null) return null;
  if ((u16(frame, 0) & 0x0100) !== 0) return null;
  const back = {
    id: follow.id,
    wire,
    srcMac: macText(frame.subarray(0, 6)),
    dstMac: macText(frame.subarray(6, 12)),
    src: formatIp(fields.dst),
    dst: formatIp(fields.src),
    ttl: 64,
    tos: 0,
    payloadBytes: 4,
  };
  const v6 = fields.dst.version === 6;
  if (follow.kind === 'error') {
    if (fields.protocol === 1 && fields.icmpType !== 8) return null;
    return { ...back, protocol: v6 ? 58 : 1, icmpType: v6 ? 1 : 3, icmpCode: v6 ? 4 : 3, about: packet.subarray(0, 128).toString('hex') };
  }
  switch (fields.protocol) {
    case 6:
      return {
        ...back,
        protocol: 6,
        sport: fields.dstPort ?? 0,
        dport: fields.srcPort ?? 0,
        ...(first.flags === 2
          ? { flags: 0x12, sequence: 5000, acknowledged: 1001 + first.payloadBytes, payloadBytes: 0 }
          : { flags: 0x10 }),
      };
    case 17:
      return { ...back, protocol: 17, sport: fields.dstPort ?? 0, dport: fields.srcPort ?? 0 };
    case 1:
    case 58:
      if (fields.icmpType !== 8 && fields.icmpType !== 128) return null;
      return { ...back, protocol: fields.protocol, icmpType: fields.icmpType === 8 ? 0 : 129, icmpId: fields.icmpId ?? 0 };
    default:
      return null;
  }
};
