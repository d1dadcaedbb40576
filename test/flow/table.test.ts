import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flowProtocol, flowState } from '../../src/flow/describe.ts';
import { ORIGINAL, REPLY } from '../../src/flow/flow.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { INNER_VXLAN, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, L3_OTHER, type Packet } from '../../src/packet/packet.ts';
import { arp, echo, type Fields, icmpError, MAC_A, MAC_B, MAC_C, packetOf, play, udp } from './packets.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';

describe('UDP', () => {
  it('puts both directions into one flow and times the first exchange', () => {
    const { flows, directions } = play([
      udp('0', A, 5000, B, 53),
      udp('0.004', B, 53, A, 5000, { originalLength: 200 }),
      udp('9', A, 5000, B, 53),
      udp('9.1', B, 53, A, 5000),
    ]);
    expect(flows).toHaveLength(1);
    expect(flows[0]).toMatchObject({ kind: 'udp', aPort: 5000, bPort: 53, packets: [2, 2], bytes: [120, 260], rttNs: 4_000_000 });
    expect(directions).toEqual([ORIGINAL, REPLY, ORIGINAL, REPLY]);
    expect(flows[0] && [flowProtocol(flows[0]), flowState(flows[0])]).toEqual(['udp', '2 sent 2 back']);
  });

  it('gives no round trip where it is not clear which question was answered', () => {
    expect(play([udp('0', A, 5000, B, 53), udp('1', A, 5000, B, 53), udp('1.1', B, 53, A, 5000)]).flows[0]?.rttNs).toBeNull();
  });

  it('says that a port is closed, by the error that quotes the question', () => {
    const question = udp('0', A, 5000, B, 53);
    const { flows, ids, directions } = play([question, icmpError('0.1', B, A, 3, 3, question), icmpError('0.2', B, A, 3, 3, question)]);
    expect(ids).toEqual([1, 1, 1]);
    expect(directions).toEqual([ORIGINAL, REPLY, REPLY]);
    expect(flows[0]?.error).toMatchObject({ type: 3, code: 3, count: 2, from: { a: 0x0a000002 } });
    expect(flows[0] && flowState(flows[0])).toBe('1 sent 0 back, port unreachable from 10.0.0.2');
  });

  it('joins an error about an answer in the direction of the answer’s sender', () => {
    const answer = udp('0.1', B, 53, A, 5000);
    expect(play([udp('0', A, 5000, B, 53), answer, icmpError('0.2', A, B, 3, 3, answer)]).directions).toEqual([ORIGINAL, REPLY, ORIGINAL]);
  });

  it('to a group expects nothing back', () => {
    const flow = play([udp('0', A, 5353, '224.0.0.251', 5353)]).flows[0];
    expect(flow && flowState(flow)).toBe('1 sent to a group');
  });
});

describe('an ICMP error about a flow that was not seen', () => {
  it('is a flow of its own that keeps what it quotes', () => {
    const flow = play([icmpError('0', '172.18.0.1', A, 3, 1, udp('0', A, 5000, B, 53))]).flows[0];
    expect(flow).toMatchObject({
      kind: 'icmp',
      icmpType: 3,
      icmpCode: 1,
      quoted: { protocol: 17, srcPort: 5000, dstPort: 53 },
      error: null,
    });
    expect(flow && flowState(flow)).toBe('host unreachable, about udp 10.0.0.1 → 10.0.0.2 port 53');
  });

  it('does not join a flow of another interface', () => {
    const question = udp('0', A, 5000, B, 53);
    const error = icmpError('0.1', B, A, 3, 3, question);
    error.interfaceId = 1;
    expect(play([question, error]).ids).toEqual([1, 2]);
  });

  it('joins the flow of IPv6 as well', () => {
    const question = udp('0', 'fd00::1', 5000, 'fd00::2', 53);
    const { ids, flows } = play([question, icmpError('0.1', 'fd00::2', 'fd00::1', 1, 4, question)]);
    expect(ids).toEqual([1, 1]);
    expect(flows[0] && flowState(flows[0])).toBe('1 sent 0 back, port unreachable from fd00::2');
  });
});

describe('ARP', () => {
  it('keeps a question without answer as one', () => {
    const { flows } = play([arp('0', 1, A, MAC_A, B), arp('1', 1, A, MAC_A, B)]);
    expect(flows[0]).toMatchObject({
      kind: 'arp',
      protocol: -1,
      aMac: MAC_A,
      bMac: -1,
      arp: { questions: 2, answers: 0, answeredBy: null },
    });
    expect(flows.map(flowState)).toEqual(['no answer to 2 questions']);
    expect(play([arp('0', 1, A, MAC_A, B)]).flows.map(flowState)).toEqual(['no answer to the question']);
  });

  it('joins the answer to its question and times it', () => {
    const { flows, ids, directions } = play([arp('0', 1, A, MAC_A, B), arp('0.00002', 2, B, MAC_B, A)]);
    expect(ids).toEqual([1, 1]);
    expect(directions).toEqual([ORIGINAL, REPLY]);
    expect(flows[0]).toMatchObject({ bMac: MAC_B, rttNs: 20_000, arp: { questions: 1, answers: 1, answeredBy: MAC_B } });
    expect(flows.map(flowState)).toEqual(['answered by 02:42:ac:12:00:03']);
  });

  it('shows two machines that claim one address', () => {
    const { flows } = play([arp('0', 1, A, MAC_A, B), arp('0.1', 2, B, MAC_B, A), arp('0.2', 2, B, MAC_C, A)]);
    expect(flows.map(flowState)).toEqual(['answered by 02:42:ac:12:00:04 and 02:42:ac:12:00:03']);
  });

  it('takes the question of the other side for another flow, and the target of a lone answer for a', () => {
    expect(play([arp('0', 1, A, MAC_A, B), arp('0', 1, B, MAC_B, A)]).ids).toEqual([1, 2]);
    const { flows } = play([arp('0', 2, B, MAC_B, A)]);
    expect(flows[0]).toMatchObject({ a: { a: 0x0a000001 }, b: { a: 0x0a000002 }, packets: [0, 1] });
    expect(flows.map(flowState)).toEqual(['answered by 02:42:ac:12:00:03, no question seen']);
  });

  it('knows announcements and probes', () => {
    expect(play([arp('0', 1, A, MAC_A, A)]).flows.map(flowState)).toEqual(['announcement']);
    expect(play([arp('0', 2, A, MAC_A, A)]).flows.map(flowState)).toEqual(['announcement']);
    expect(play([arp('0', 1, '0.0.0.0', MAC_A, A)]).flows.map(flowState)).toEqual(['checks that nobody has the address']);
  });
});

/** A neighbour message: type, code, checksum, flags, target, and the target's link-layer address. */
const neighbour = (at: string, type: 135 | 136, src: string, dst: string, target: string, mac: number, fields: Fields = {}): Packet => {
  const packet = packetOf({
    at,
    src,
    dst,
    protocol: IPPROTO_ICMPV6,
    icmpType: type,
    icmpCode: 0,
    srcMac: mac,
    dstMac: 0x3333_0000_0001,
    ...fields,
  });
  const wanted = packetOf({ src: target });
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  [wanted.srcA, wanted.srcB, wanted.srcC, wanted.srcD].forEach((word, index) => {
    view.setUint32(8 + index * 4, word);
  });
  view.setUint16(24, 0x0201);
  view.setUint16(26, Math.floor(mac / 0x1_0000_0000));
  view.setUint32(28, mac % 0x1_0000_0000);
  return Object.assign(packet, { bytes, start: 0, end: 32, l4Offset: 0 });
};

describe('neighbour discovery', () => {
  it('joins the answer to the question, though that was sent to a group', () => {
    const { flows, ids } = play([
      neighbour('0', 135, 'fd00::1', 'ff02::1:ff00:2', 'fd00::2', MAC_A),
      neighbour('0.001', 136, 'fd00::2', 'fd00::1', 'fd00::2', MAC_B),
    ]);
    expect(ids).toEqual([1, 1]);
    expect(flows[0]).toMatchObject({
      kind: 'icmp',
      b: { a: 0xfd000000, d: 2 },
      rttNs: 1_000_000,
      ndp: { questions: 1, answers: 1, answeredBy: MAC_B },
    });
    expect(flows.map((flow) => [flowProtocol(flow), flowState(flow)])).toEqual([['ndp', 'answered by 02:42:ac:12:00:03']]);
  });

  it('shows a question without answer, a check for duplicates, and an announcement', () => {
    const states = (...packets: readonly Packet[]) => play(packets).flows.map(flowState);
    expect(states(neighbour('0', 135, 'fd00::1', 'ff02::1:ff00:2', 'fd00::2', MAC_A))).toEqual(['no answer to the question']);
    expect(states(neighbour('0', 135, '::', 'ff02::1:ff00:2', 'fd00::2', MAC_A))).toEqual(['checks that nobody has the address']);
    expect(states(neighbour('0', 136, 'fd00::2', 'ff02::1', 'fd00::2', MAC_B))).toEqual(['announced by 02:42:ac:12:00:03']);
    expect(
      states(neighbour('0', 135, '::', 'ff02::1:ff00:2', 'fd00::2', MAC_A), neighbour('0.1', 136, 'fd00::2', 'ff02::1', 'fd00::2', MAC_B)),
    ).toEqual(['answered by 02:42:ac:12:00:03']);
  });
});

describe('other ICMP messages', () => {
  it('pair a time stamp query with its reply', () => {
    const query = { protocol: IPPROTO_ICMP, icmpCode: 0 };
    const { flows } = play([
      packetOf({ at: '0', src: A, dst: B, icmpType: 13, ...query }),
      packetOf({ at: '0.5', src: B, dst: A, icmpType: 14, ...query }),
    ]);
    expect(flows).toHaveLength(1);
    expect(flows[0]).toMatchObject({ packets: [1, 1], rttNs: 500_000_000 });
    expect(flows.map((flow) => [flowProtocol(flow), flowState(flow)])).toEqual([['icmp', 'time stamp query']]);
  });

  it('are named by their type', () => {
    const flows = play([packetOf({ src: 'fe80::1', dst: 'ff02::2', protocol: IPPROTO_ICMPV6, icmpType: 133, icmpCode: 0 })]).flows;
    expect(flows.map((flow) => [flowProtocol(flow), flowState(flow)])).toEqual([['icmp6', 'router solicitation']]);
  });
});

describe('what is no TCP, UDP or ICMP', () => {
  it('is a flow by protocol and addresses, in both directions', () => {
    const { flows, ids } = play([
      packetOf({ src: A, dst: B, protocol: 47 }),
      packetOf({ src: B, dst: A, protocol: 47 }),
      packetOf({ src: A, dst: B, protocol: 50 }),
      packetOf({ src: A, dst: B, protocol: 132, srcPort: 1, dstPort: 2 }),
      packetOf({ src: B, dst: A, protocol: 132, srcPort: 2, dstPort: 1 }),
    ]);
    expect(ids).toEqual([1, 1, 2, 3, 3]);
    expect(flows.map((flow) => `${flow.kind} ${flowProtocol(flow)} ${flow.aPort} ${flowState(flow)}`)).toEqual([
      'other gre -1 1 sent 1 back',
      'other esp -1 1 sent 0 back',
      'other sctp 1 1 sent 1 back',
    ]);
  });

  it('is a flow by MAC addresses and EtherType where there is no IP', () => {
    const { flows, ids } = play([
      packetOf({ l3: L3_OTHER, etherType: 0x88cc, srcMac: MAC_A, dstMac: 0x0180_c200_000e }),
      packetOf({ l3: L3_OTHER, etherType: 0x88cc, srcMac: MAC_B, dstMac: 0x0180_c200_000e }),
      packetOf({ l3: L3_OTHER, etherType: 0x22f0, srcMac: MAC_A, dstMac: MAC_B }),
      packetOf({ l3: L3_OTHER, etherType: 0x22f0, srcMac: MAC_B, dstMac: MAC_A }),
    ]);
    expect(ids).toEqual([1, 2, 3, 3]);
    expect(flows[0]).toMatchObject({ kind: 'other', protocol: -1, aMac: MAC_A, bMac: -1, etherType: 0x88cc });
    expect(flows[2]).toMatchObject({ packets: [1, 1] });
    expect(flows.map(flowProtocol)).toEqual(['ethertype 0x88cc', 'ethertype 0x88cc', 'ethertype 0x22f0']);
  });

  it('takes a segment whose ports were cut off for a flow without ports', () => {
    const { flows } = play([packetOf({ src: A, dst: B, protocol: IPPROTO_TCP })]);
    expect(flows[0]).toMatchObject({ kind: 'other', protocol: 6, aPort: -1, tcp: null });
  });
});

describe('IP fragments', () => {
  const first: Fields = { isFragment: true, moreFragments: true, ipId: 77 };
  const later = (at: string, src: string, dst: string, fields: Fields = {}) =>
    packetOf({ at, src, dst, protocol: IPPROTO_UDP, isFragment: true, fragmentOffset: 1480, ipId: 77, ...fields });

  it('follow the flow of the first one by its id', () => {
    const { ids, directions, flows } = play([
      udp('0', A, 5000, B, 53),
      udp('0.1', B, 53, A, 5000, first),
      later('0.2', B, A),
      later('0.3', B, A, { fragmentOffset: 2960 }),
    ]);
    expect(ids).toEqual([1, 1, 1, 1]);
    expect(directions).toEqual([ORIGINAL, REPLY, REPLY, REPLY]);
    expect(flows[0]?.packets).toEqual([1, 3]);
  });

  it('of another datagram, another direction or another minute are flows of their own', () => {
    expect(play([udp('0', A, 5000, B, 53, first), later('0.1', A, B, { ipId: 78 })]).ids).toEqual([1, 2]);
    expect(play([udp('0', A, 5000, B, 53, first), later('0.1', B, A)]).ids).toEqual([1, 2]);
    expect(play([udp('0', A, 5000, B, 53, first), later('61', A, B)]).ids).toEqual([1, 2]);
  });

  it('carry echo messages together, and count one request', () => {
    const { flows } = play([
      echo('0', 'request', 'fd00::1', 'fd00::2', 3, 0, first),
      later('0', 'fd00::1', 'fd00::2', { protocol: IPPROTO_ICMPV6 }),
      echo('0.1', 'reply', 'fd00::2', 'fd00::1', 3, 0),
    ]);
    expect(flows).toHaveLength(1);
    expect(flows[0]).toMatchObject({ packets: [2, 1], echo: { sent: 1, answered: 1 } });
  });
});

describe('places', () => {
  it.each<[string, Fields]>([
    ['interfaces', { interfaceId: 1 }],
    ['VLANs', { vlanOuter: 10, vlanCount: 1 }],
    ['inner VLANs', { vlanOuter: 10, vlanInner: 20, vlanCount: 2 }],
    ['interfaces of a cooked capture', { cookedIfindex: 5 }],
  ])('keep the same conversation on different %s apart', (_name, fields) => {
    const { ids, flows } = play([udp('0', A, 1, B, 2), udp('0', A, 1, B, 2, fields), udp('0', B, 2, A, 1, fields)]);
    expect(ids).toEqual([1, 2, 2]);
    expect(flows[1]).toMatchObject({
      interfaceId: fields.interfaceId ?? 0,
      vlan: fields.vlanOuter ?? -1,
      ifindex: fields.cookedIfindex ?? -1,
    });
  });
});

describe('VXLAN', () => {
  const carry = (at: string, vni: number, inner: Packet, fields: Fields = {}) =>
    udp(at, '192.0.2.1', 40_000, '192.0.2.2', 4789, { innerKind: INNER_VXLAN, vni, inner, ...fields });

  it('ties the flow inside to the tunnel that carries it, and gives back the tunnel’s', () => {
    const table = new FlowTable();
    const outer = table.observe(carry('0', 4097, echo('9', 'request', A, B, 7, 0), { interfaceId: 2 }));
    expect(outer).toMatchObject({ kind: 'udp', bPort: 4789, tunnel: null, bytes: [60, 0] });
    expect([table.lastWasNew, table.lastInnerWasNew, table.size]).toEqual([true, true, 2]);
    expect(table.lastInner).toMatchObject({
      kind: 'icmp-echo',
      interfaceId: 2,
      tunnel: { flowId: outer.id, vni: 4097 },
      lastSec: 1_700_000_000,
    });
    table.observe(carry('0.25', 4097, echo('9', 'reply', B, A, 7, 0), { interfaceId: 2 }));
    expect(table.lastInner).toMatchObject({ rttNs: 250_000_000, packets: [1, 1] });
    expect([table.lastDirection, table.lastInnerDirection, table.lastInnerWasNew]).toEqual([ORIGINAL, REPLY, false]);
    table.observe(udp('1', A, 1, B, 2));
    expect(table.lastInner).toBeNull();
  });

  it('keeps the same addresses in different networks apart', () => {
    const table = new FlowTable();
    table.observe(carry('0', 1, udp('0', A, 1, B, 2)));
    const first = table.lastInner;
    table.observe(carry('0', 2, udp('0', A, 1, B, 2)));
    expect(table.lastInner).not.toBe(first);
    table.observe(udp('0', A, 1, B, 2));
    expect(table.size).toBe(4);
  });
});

describe('ageing', () => {
  it('ends a flow after the time of its kind and state, and hands it out once', () => {
    const table = new FlowTable();
    table.observe(udp('0', A, 1, B, 2));
    table.observe(udp('0', A, 3, B, 4));
    table.observe(udp('1', B, 4, A, 3));
    table.advance(1_700_000_029, 0);
    expect(table.takeEnded()).toEqual([]);
    table.advance(1_700_000_030, 0);
    expect(table.takeEnded().map((flow) => [flow.id, flow.ended])).toEqual([[1, true]]);
    expect([table.takeEnded(), table.size, table.get(1), table.get(2)?.id]).toEqual([[], 1, null, 2]);
    table.advance(1_700_000_121, 0);
    expect(table.takeEnded().map((flow) => flow.id)).toEqual([2]);
    expect(table.evicted).toBe(0);
  });

  it('is driven by the packets’ own times', () => {
    const { ids, table } = play([udp('0', A, 1, B, 2), udp('31', A, 1, B, 2)]);
    expect(ids).toEqual([1, 2]);
    expect(table.takeEnded().map((flow) => flow.id)).toEqual([1]);
  });

  it('takes other times for its own', () => {
    expect(play([udp('0', A, 1, B, 2), udp('31', A, 1, B, 2)], { timeouts: { udpAsked: 100 } }).ids).toEqual([1, 1]);
  });

  it('survives clocks that are set back, and goes on ageing', () => {
    const { table } = play([udp('100000', A, 1, B, 2), udp('0', A, 3, B, 4)]);
    expect(table.size).toBe(2);
    table.observe(udp('40', A, 5, B, 6));
    expect([...table.all()].map((flow) => flow.id)).toContain(3);
    table.advance(1_700_200_000, 0);
    expect(table.size).toBe(0);
  });
});

describe('a full table', () => {
  it('lets the flow that has been idle longest make room, and counts it', () => {
    const table = new FlowTable({ maxFlows: 3 });
    for (const port of [1, 2, 3]) table.observe(udp(String(port), A, port, B, 9));
    table.observe(udp('4', A, 1, B, 9));
    table.observe(udp('5', A, 4, B, 9));
    expect([...table.all()].map((flow) => flow.aPort)).toEqual([1, 3, 4]);
    expect(table.takeEnded().map((flow) => [flow.aPort, flow.ended])).toEqual([[2, true]]);
    expect([table.size, table.evicted]).toEqual([3, 1]);
  });

  it('keeps to its limit whatever comes', () => {
    const table = new FlowTable({ maxFlows: 2000 });
    for (let i = 0; i < 10_000; i++) table.observe(udp(`0.${String(i).padStart(5, '0')}`, A, i, B, 9));
    expect([table.size, table.evicted, table.untaken]).toEqual([2000, 8000, 0]);
    expect(table.takeEnded().map((flow) => flow.aPort)).toEqual(Array.from({ length: 8000 }, (_, i) => i));
    expect([...table.all()].map((flow) => flow.aPort)).toEqual(Array.from({ length: 2000 }, (_, i) => 8000 + i));
  });
});

describe('ended flows that nobody takes', () => {
  it('are bounded, and counted', () => {
    const table = new FlowTable({ maxFlows: 1 });
    for (let i = 0; i < 20_005; i++) table.observe(udp('0', A, i % 60_000, B, 9));
    const ended = table.takeEnded();
    expect(ended.length + table.untaken).toBe(20_004);
    expect(table.untaken).toBeGreaterThan(0);
    expect(ended.at(-1)?.aPort).toBe(20_003);
  });
});

describe('keys', () => {
  const ip = fc.oneof(
    fc.integer({ min: 1, max: 4 }).map((last) => `10.0.0.${last}`),
    fc.integer({ min: 0xffff_fff0, max: 0xffff_ffff }).map((value) => `255.255.255.${value & 255}`),
    fc.integer({ min: 1, max: 4 }).map((last) => `fd00::${last}`),
    fc.constantFrom('::1', 'ff00:1::1', '8000::1'),
  );
  const conversation = fc
    .record({
      src: ip,
      dst: ip,
      srcPort: fc.constantFrom(0, 1, 80, 32_768, 65_535),
      dstPort: fc.constantFrom(0, 1, 80, 32_768, 65_535),
      protocol: fc.constantFrom(IPPROTO_TCP, IPPROTO_UDP, 132),
      interfaceId: fc.constantFrom(0, 1),
      vlanOuter: fc.constantFrom(-1, 1, 4095),
    })
    .filter(({ src, dst }) => src.includes(':') === dst.includes(':'));

  /** The key in words, as the table must behave: the two ends in either order, and the place. */
  const nameOf = (packet: Packet, parts: { src: string; dst: string }): string =>
    [
      [`${parts.src}/${packet.srcPort}`, `${parts.dst}/${packet.dstPort}`].sort().join('-'),
      packet.protocol,
      packet.interfaceId,
      packet.vlanOuter,
    ].join(' ');

  it('tell exactly those conversations apart that differ, through growth, ageing and eviction', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(conversation, fc.boolean()), { maxLength: 200 }), fc.integer(), (list, hashSeed) => {
        const table = new FlowTable({ hashSeed });
        const known = new Map<string, number>();
        for (const [parts, turned] of list) {
          const fields = turned ? { ...parts, src: parts.dst, dst: parts.src, srcPort: parts.dstPort, dstPort: parts.srcPort } : parts;
          const packet = packetOf({ ...fields, tcpFlags: 16 });
          const name = nameOf(packet, fields);
          const flow = table.observe(packet);
          expect(flow.id).toBe(known.get(name) ?? flow.id);
          expect(table.lastWasNew).toBe(!known.has(name));
          known.set(name, flow.id);
          const fromA = table.lastDirection === ORIGINAL;
          expect(fromA ? flow.aPort : flow.bPort).toBe(packet.srcPort);
          expect((fromA ? flow.a : flow.b).a).toBe(packet.srcA);
        }
        expect(table.size).toBe(known.size);
        expect(new Set([...table.all()].map((flow) => flow.id)).size).toBe(known.size);
      }),
    );
  });

  it('join both directions of a conversation of a machine with itself', () => {
    expect(play([udp('0', A, 1, A, 2), udp('0', A, 2, A, 1), udp('0', A, 5, A, 5), udp('0', A, 5, A, 5)])).toMatchObject({
      ids: [1, 1, 2, 2],
      directions: [ORIGINAL, REPLY, ORIGINAL, ORIGINAL],
    });
  });

  it('are found again after any others have been removed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 400 }), fc.integer({ min: 1, max: 40 }), (ports, maxFlows) => {
        const table = new FlowTable({ maxFlows });
        // What the table must hold: all but whichever flow it chose to end.
        let held: number[] = [];
        for (const port of ports) {
          const known = held.includes(port);
          table.observe(udp('0', A, port, B, 9));
          expect(table.lastWasNew).toBe(!known);
          if (!known && held.length === maxFlows) {
            const left = new Set([...table.all()].map((flow) => flow.aPort));
            held = held.filter((other) => left.has(other));
            expect(held).toHaveLength(maxFlows - 1);
          }
          if (!known) held.push(port);
        }
        expect([...table.all()].map((flow) => flow.aPort).sort()).toEqual([...held].sort());
      }),
    );
  });
});
