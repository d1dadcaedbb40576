/** One packet at several points: what makes two sightings one packet, and what never does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../src/base/ip-address.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { IPPROTO_UDP, type Packet } from '../../src/packet/packet.ts';
import { type Stage, type StageSet, TrailBook } from '../../src/trail/book.ts';
import { echo, packetOf, tcpPacket, udp } from '../flow/packets.ts';

interface Seen {
  readonly book: TrailBook;
  readonly stages: readonly Stage[];
  readonly sets: readonly StageSet[];
  setOf(index: number): StageSet;
}

/** Packets at points, in the order in which they come in; the points' numbers are their order on the way. */
const watch = (
  sightings: readonly (readonly [point: number, packet: Packet])[],
  mayTranslate: (x: Stage, y: Stage) => boolean = () => false,
): Seen => {
  const table = new FlowTable();
  const book = new TrailBook({ rank: (point) => point, mayTranslate });
  const byFlow = new Map<number, Stage>();
  const stages = sightings.map(([point, packet]) => {
    packet.interfaceId = point;
    const flow = table.observe(packet);
    const stage = byFlow.get(flow.id) ?? book.open(flow);
    byFlow.set(flow.id, stage);
    book.saw(stage, packet, table.lastDirection, book.timeOf(packet.timeSec, packet.timeNsec));
    return stage;
  });
  book.recogniser.finish();
  return { book, stages, sets: [...new Set(stages.map(({ set }) => set))], setOf: (index) => (stages[index] as Stage).set };
};

const payload = { payloadOffset: 0, payloadLength: 4, payloadCaptured: 4, bytes: new Uint8Array([1, 2, 3, 4]) };

/** A ping on its way: hop limit and addresses as they are at each point. */
const ping = (at: string, point: number, ttl: number, src = '172.18.0.2', seq = 1, ipId = 7000): [number, Packet] => [
  point,
  echo(at, 'request', src, '203.0.113.2', 77, seq, {
    ttl,
    ipId,
    payloadOffset: 0,
    payloadLength: 56,
    payloadCaptured: 56,
    bytes: new Uint8Array(56),
  }),
];

describe('a packet at several points', () => {
  it('is one through a hop and a masquerade, with the time between', () => {
    const { sets, setOf } = watch([ping('0.000001', 0, 64), ping('0.000013', 1, 64), ping('0.000031', 2, 63, '203.0.113.1')]);
    expect(sets).toHaveLength(1);
    const set = setOf(0);
    expect(set.first.point).toBe(0);
    expect(set.examples[0]?.stages.map(({ point }) => point)).toEqual([0, 1, 2]);
    expect(set.examples[0]?.timesNs.map((ns) => ns - (set.examples[0]?.timesNs[0] ?? 0))).toEqual([0, 12_000, 30_000]);
    expect(set.stages.find(({ point }) => point === 2)?.hops[0]).toMatchObject({ count: 1, sumNs: 18_000 });
  });

  it('is the same one whichever point is read first, and keeps time stamps that run backwards as they are', () => {
    const { sets, setOf } = watch([ping('0.000031', 2, 63, '203.0.113.1'), ping('0.000040', 0, 64), ping('0.000035', 1, 64)]);
    expect(sets).toHaveLength(1);
    expect(setOf(0).first.point).toBe(0);
    expect(setOf(0).stages.find(({ point }) => point === 1)?.hops[0]?.minNs).toBe(-5_000);
  });

  it('is another one where sequence number or payload differ', () => {
    expect(watch([ping('0', 0, 64), ping('0.1', 1, 64, '203.0.113.1', 2)]).sets).toHaveLength(2);
    const tcp = ['0.0 a > b S seq 100', '0.00001 a > b S seq 101'].map(tcpPacket) as [Packet, Packet];
    expect(
      watch([
        [0, tcp[0]],
        [1, tcp[1]],
      ]).sets,
    ).toHaveLength(2);
  });

  it('joins the answer to the question, whichever way their flows were begun', () => {
    const there = ping('0', 0, 64);
    const back = (at: string, point: number, ttl: number, dst: string): [number, Packet] => [
      point,
      echo(at, 'reply', '203.0.113.2', dst, 77, 1, {
        ttl,
        ipId: 900,
        payloadOffset: 0,
        payloadLength: 56,
        payloadCaptured: 56,
        bytes: new Uint8Array(56),
      }),
    ];
    // At the uplink only the answer was seen.
    const { sets, setOf } = watch([there, back('0.0001', 2, 64, '203.0.113.1'), back('0.0002', 0, 63, '172.18.0.2')]);
    expect(sets).toHaveLength(1);
    expect(setOf(0).first.point).toBe(0);
    expect(setOf(0).examples[1]?.stages.map(({ point }) => point)).toEqual([2, 0]);
  });

  it('is not looked for after two seconds', () => {
    expect(watch([ping('0', 0, 64), ping('0.5', 0, 64, '172.18.0.9', 5), ping('2.1', 1, 64)]).sets).toHaveLength(3);
  });
});

describe('equal packets', () => {
  const beat = (at: string, src: string, dst: string): Packet => udp(at, src, 5000, dst, 8125, { ...payload, ttl: 64, ipId: 0 });

  it('are never joined to each other across addresses by guess', () => {
    const { sets } = watch([
      [0, beat('0', '172.18.0.2', '10.9.9.9')],
      [1, beat('0.00002', '203.0.113.1', '10.9.9.9')],
    ]);
    expect(sets).toHaveLength(2);
  });

  it('are joined where the rules say that one becomes the other', () => {
    const { sets } = watch(
      [
        [0, beat('0', '172.18.0.2', '10.9.9.9')],
        [1, beat('0.00002', '203.0.113.1', '10.9.9.9')],
      ],
      (x, y) => formatIp(x.flow.a) === '172.18.0.2' && formatIp(y.flow.a) === '203.0.113.1',
    );
    expect(sets).toHaveLength(1);
  });

  it('of one flow are its own at each point, counted as ambiguous, and give no times', () => {
    const { sets, setOf } = watch([
      [0, beat('0', '172.18.0.2', '10.9.9.9')],
      [0, beat('0.1', '172.18.0.2', '10.9.9.9')],
      [1, beat('0.10001', '172.18.0.2', '10.9.9.9')],
    ]);
    expect(sets).toHaveLength(1);
    expect(setOf(0)).toMatchObject({ ambiguous: [1, 0], recognised: [0, 0], examples: [null, null] });
    expect(setOf(0).stages.map(({ packets }) => packets[0])).toEqual([2, 1]);
  });

  it('that come a second apart are told apart by time', () => {
    const { setOf } = watch([
      [0, beat('0', '172.18.0.2', '10.9.9.9')],
      [0, beat('1', '172.18.0.2', '10.9.9.9')],
      [1, beat('1.00001', '172.18.0.2', '10.9.9.9')],
    ]);
    expect(setOf(0)).toMatchObject({ ambiguous: [0, 0], recognised: [1, 0] });
  });
});

describe('any traffic', () => {
  const POINTS = 4;
  const conversations = fc.array(
    fc.record({
      source: fc.integer({ min: 2, max: 250 }),
      isTcp: fc.boolean(),
      /** Behind which point its source address becomes the host's; none for POINTS. */
      natAt: fc.integer({ min: 1, max: POINTS }),
      /** For each packet, how many points it comes to. */
      reach: fc.array(fc.integer({ min: 1, max: POINTS }), { minLength: 1, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 8 },
  );

  const sightingsOf = (all: typeof conversations extends fc.Arbitrary<infer T> ? T : never) =>
    all.flatMap((conversation, number) =>
      conversation.reach.flatMap((reach, index) =>
        Array.from({ length: reach }, (_, point) => {
          const isTranslated = point >= conversation.natAt;
          const at = (number * 0.0001 + index * 0.01 + point * 0.00001).toFixed(9);
          const ends = {
            src: isTranslated ? '203.0.113.1' : `172.18.0.${conversation.source}`,
            dst: '198.51.100.7',
            srcPort: isTranslated ? 30_000 + number : 40_000 + number,
            dstPort: 80,
            ttl: 64 - (isTranslated ? 1 : 0),
          };
          const packet = conversation.isTcp
            ? packetOf({ at, ...ends, protocol: 6, tcpFlags: 16, tcpSeq: number * 1_000_000 + index * 100, tcpAck: 1 })
            : packetOf({ at, ...ends, protocol: IPPROTO_UDP, ...payload, ipId: 1 + number * 100 + index });
          return { number, point, packet };
        }),
      ),
    );

  it('is told apart whatever is lost, translated and read late: each conversation is one set, and no two are', () => {
    fc.assert(
      fc.property(conversations, fc.infiniteStream(fc.nat()), (all, order) => {
        const sightings = sightingsOf(all).map((sighting) => ({ sighting, key: order.next().value as number }));
        sightings.sort((x, y) => x.key - y.key);
        const { stages, book } = watch(sightings.map(({ sighting }) => [sighting.point, sighting.packet]));
        const setsOf = new Map<number, Set<StageSet>>();
        for (const [index, { sighting }] of sightings.entries()) {
          const known = setsOf.get(sighting.number) ?? new Set();
          setsOf.set(sighting.number, known.add((stages[index] as Stage).set));
        }
        for (const sets of setsOf.values()) expect(sets.size).toBe(1);
        expect(new Set([...setsOf.values()].flatMap((sets) => [...sets])).size).toBe(all.length);
        expect(book.hidden).toBe(new Set(stages).size - all.length);
        for (const [number, sets] of setsOf) {
          const [set] = sets;
          const { reach } = all[number] as (typeof all)[number];
          for (const stage of set?.stages ?? []) expect(stage.packets[0]).toBe(reach.filter((points) => points > stage.point).length);
          expect(set?.first.point).toBe(0);
        }
      }),
      { numRuns: 50 },
    );
  });
});
