/**
 * Conversations of a few hosts as frames, in any order: TCP that mostly goes on as it should, with repetitions, gaps, closed windows, FIN
 * and RST between; UDP; fragments, tags, tunnels, errors; some frames cut short, some stamped out of order.
 */
import fc from 'fast-check';
import { LINKTYPE_ETHERNET, LINKTYPE_IPV4, TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN } from '../../src/packet/packet.ts';

export interface Frame {
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly linkType: number;
  readonly interfaceId: number;
  readonly sec: number;
  readonly nsec: number;
}

interface Step {
  readonly talk: number;
  readonly fromB: boolean;
  readonly kind: 'tcp' | 'udp' | 'vxlan' | 'error' | 'fragment';
  readonly flags: number;
  readonly length: number;
  /** How far the sequence number lies beside what is expected. */
  readonly astray: number;
  readonly ackAstray: number;
  readonly window: number;
  readonly options: number;
  readonly waitNs: number;
  readonly waitSec: number;
  readonly place: 'plain' | 'tagged' | 'ip' | 'other point';
  readonly cut: number | null;
  /** What the length field says too much. */
  readonly lie: number;
}

const often = <Value>(usual: Value, ...others: readonly Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 40, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const step: fc.Arbitrary<Step> = fc.record({
  talk: fc.nat({ max: 2 }),
  fromB: fc.boolean(),
  kind: fc.oneof(
    { weight: 20, arbitrary: fc.constant('tcp' as const) },
    { weight: 4, arbitrary: fc.constant('udp' as const) },
    { weight: 1, arbitrary: fc.constantFrom('vxlan' as const, 'error' as const, 'fragment' as const) },
  ),
  flags: often(TH_ACK, TH_ACK | TH_PUSH, TH_SYN, TH_SYN | TH_ACK, TH_FIN | TH_ACK, TH_RST, TH_RST | TH_ACK, 0, 0xf0),
  length: fc.constantFrom(0, 0, 1, 10, 100),
  astray: often(0, -1, -10, -100, 10, 100, 0x7fff_ffff),
  ackAstray: often(0, -1, -100, 1, 100),
  window: often(1000, 0),
  options: often(0, 4, 12, 40),
  waitNs: fc.constantFrom(0, 1_000, 3_000_000, 400_000_000),
  waitSec: often(0, 0, 0, 1, 7, 40, -1, -70),
  place: often('plain', 'tagged', 'ip', 'other point'),
  cut: often<number | null>(null, 20, 40, 50, 60),
  lie: often(0, 1, -1, 1000),
});

const HOSTS = [0x0a000001, 0x0a000002, 0xac120002] as const;
const PROTOCOLS = { tcp: 6, udp: 17, vxlan: 17, error: 1, fragment: 17 } as const;

interface Talk {
  readonly a: number;
  readonly b: number;
  readonly aPort: number;
  readonly bPort: number;
  readonly next: Record<0 | 1, number>;
}

/** The last two differ in their ports only; the last begins shortly before its sequence numbers wrap. */
const newTalks = (): Talk[] => [
  { a: HOSTS[0], b: HOSTS[1], aPort: 40_000, bPort: 80, next: [100, 5000] },
  { a: HOSTS[2], b: HOSTS[1], aPort: 1025, bPort: 40_001, next: [0x7fff_ffc0, 0x8000_0000] },
  { a: HOSTS[2], b: HOSTS[1], aPort: 1024, bPort: 40_002, next: [0xffff_ffc0, 1] },
];

export const soup = (size: { readonly maxLength: number }): fc.Arbitrary<readonly Frame[]> =>
  fc.array(step, { maxLength: size.maxLength, size: 'max' }).map((steps) => {
    const talks = newTalks();
    let sec = 1_700_000_000;
    let nsec = 0;
    return steps.map((one) => {
      nsec += one.waitNs;
      sec += one.waitSec + (nsec >= 1e9 ? 1 : 0);
      nsec %= 1e9;
      const packet = ipPacket(one, talks[one.talk] as Talk);
      const link =
        one.place === 'ip' ? [] : [...mac(one.fromB), ...mac(!one.fromB), ...(one.place === 'tagged' ? [0x81, 0, 0, 5] : []), 8, 0];
      const whole = Uint8Array.from([...link, ...packet]);
      return {
        bytes: one.cut === null ? whole : whole.slice(0, one.cut),
        originalLength: whole.length,
        linkType: one.place === 'ip' ? LINKTYPE_IPV4 : LINKTYPE_ETHERNET,
        interfaceId: one.place === 'other point' ? 1 : 0,
        sec,
        nsec,
      };
    });
  });

const ipPacket = (one: Step, talk: Talk): number[] => {
  const [src, dst] = one.fromB ? [talk.b, talk.a] : [talk.a, talk.b];
  const body = transport(one, talk);
  const isFragment = one.kind === 'fragment';
  return [
    ...[0x45, 0, ...be16(20 + body.length + one.lie)],
    ...[...be16(77), ...be16(isFragment ? (one.length === 0 ? 0x2000 : 0x2010) : 0x4000)],
    ...[64, PROTOCOLS[one.kind], 0, 0],
    ...be32(src),
    ...be32(dst),
    ...body,
  ];
};

const transport = (one: Step, talk: Talk): number[] => {
  const [srcPort, dstPort] = one.fromB ? [talk.bPort, talk.aPort] : [talk.aPort, talk.bPort];
  const data = new Array<number>(one.length).fill(0);
  const ports = [...be16(srcPort), ...be16(dstPort)];
  switch (one.kind) {
    case 'udp':
    case 'fragment':
      return [...ports, ...be16(8 + one.length), 0, 0, ...data];
    case 'vxlan': {
      const inside = [...mac(one.fromB), ...mac(!one.fromB), 8, 0, ...ipPacket({ ...one, kind: 'tcp' }, talk)];
      return [...be16(srcPort), ...be16(4789), ...be16(16 + inside.length), 0, 0, 8, 0, 0, 0, 0, 0, 9, 0, ...inside];
    }
    case 'error':
      return [3, 3, 0, 0, 0, 0, 0, 0, ...ipPacket({ ...one, kind: 'tcp', fromB: !one.fromB }, talk).slice(0, 28)];
    case 'tcp': {
      const [own, other] = one.fromB ? ([1, 0] as const) : ([0, 1] as const);
      const seq = talk.next[own] + one.astray;
      const header = [...ports, ...be32(seq), ...be32(talk.next[other] + one.ackAstray), ((20 + one.options) / 4) << 4, one.flags];
      if (one.astray === 0) talk.next[own] = (seq + one.length + (one.flags & (TH_SYN | TH_FIN) ? 1 : 0)) >>> 0;
      return [...header, ...be16(one.window), 0, 0, 0, 0, ...new Array<number>(one.options).fill(1), ...data];
    }
  }
};

const mac = (second: boolean): number[] => [2, 0x42, 0, 0, 0, second ? 2 : 1];
const be16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value)];
