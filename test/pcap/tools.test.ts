/** Wireshark's programs read what we write, and we read what they write. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { ipv4, ipv6 } from '../../src/base/ip-address.ts';
import { encodeSnapshot, SnapshotCollector } from '../../src/pcap/snapshot-block.ts';
import { enhancedPacket, interfaceDescription, interfaceStatistics, nameResolution, sectionHeader } from '../../src/pcap/writer.ts';
import { bytesOf } from './capture-bytes.ts';
import { concat, eventsOf, type PlainEvent, packetsOf, problemsOf } from './events-of.ts';
import { FRAME } from './everything.ts';
import { lines, output, scratch, usable } from './programs.ts';

/** Ethernet, IPv4 172.18.0.2 > 198.18.20.2, ICMP echo request. */
const COMMENT = 'vethscope: DROP filter/DOCKER-ISOLATION-STAGE-2#1 -A DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP ✓';
const DOCUMENT = bytesOf(JSON.stringify({ vethscope: 1, raw: { 'iptables-save -c': 'x'.repeat(5000) } }));

const packet = (interfaceId: number, timeNsec: number, comments: readonly string[] = [], flags = 0): Uint8Array =>
  enhancedPacket({
    interfaceId,
    timeSec: 1_700_000_000,
    timeNsec,
    bytes: FRAME,
    start: 0,
    end: FRAME.length,
    originalLength: FRAME.length + 2,
    comments,
    flags,
  });

const session = (): Uint8Array =>
  concat(
    sectionHeader({ hardware: 'x86_64', os: 'Linux 6.1', application: 'vethscope 0.1.0', comments: ['a session'] }),
    interfaceDescription({
      linkType: 1,
      snapLength: 262_144,
      name: 'veth9e3c2b6',
      description: 'web1 (test_net1)',
      filter: 'icmp or arp',
      os: 'Linux 6.1',
      timeStampSource: 'user space, as the packet was read',
    }),
    interfaceDescription({ linkType: 1, snapLength: 0, name: 'br-1' }),
    ...encodeSnapshot({ timeSec: 1_700_000_000, timeNsec: 1, document: DOCUMENT, packing: 'none' }, 0, 2000),
    nameResolution([
      { ip: ipv4(0xac120002), names: ['web1'] },
      { ip: ipv4(0xc6121402), names: ['web2'] },
      { ip: ipv6(0xfd000000, 0, 0, 2), names: ['web3'] },
    ]),
    packet(0, 123_456_789, [COMMENT, 'and another'], 1),
    packet(1, 223_456_789),
    ...encodeSnapshot({ timeSec: 1_700_000_060, timeNsec: 2, document: DOCUMENT, packing: 'gzip' }, 1),
    packet(0, 999_999_999),
    interfaceStatistics({ interfaceId: 0, timeSec: 1_700_000_001, timeNsec: 0, received: 10, droppedByInterface: 1, droppedByOs: 2 }),
  );

const snapshotsOf = (events: readonly PlainEvent[]): (readonly [number, string])[] => {
  const collector = new SnapshotCollector();
  return events
    .filter((event) => event.kind === 'custom')
    .map((event) => collector.add(event))
    .filter((result) => result.kind === 'snapshot')
    .map(({ snapshot }) => [snapshot.timeSec, Buffer.from(snapshot.document).equals(DOCUMENT) ? 'whole' : 'damaged']);
};

const BOTH_SNAPSHOTS = [
  [1_700_000_000, 'whole'],
  [1_700_000_060, 'whole'],
];

describe.skipIf(!usable('tshark', 'capinfos', 'editcap', 'mergecap'))('a session file', () => {
  const files = scratch();
  const path = files.file('session.pcapng', session());
  afterAll(files.remove);

  /** Custom blocks are rows of their own in Wireshark: pick the packets. */
  const fields = (file: string, ...names: readonly string[]): string[] =>
    lines(output('tshark', '-r', file, '-Y', 'icmp', '-T', 'fields', ...names.flatMap((name) => ['-e', name])));

  it('is described by capinfos as it was written', () => {
    const text = output('capinfos', path);
    for (const part of [
      /File type: +Wireshark\/\.\.\. - pcapng/,
      /File timestamp precision: +nanoseconds \(9\)/,
      /Number of packets: +3/,
      /Capture hardware: +x86_64/,
      /Capture oper-sys: +Linux 6\.1/,
      /Capture application: +vethscope 0\.1\.0/,
      /Capture comment: +a session/,
      /Number of interfaces in file: 2/,
      /Name = veth9e3c2b6/,
      /Description = web1 \(test_net1\)/,
      /Filter string = icmp or arp/,
      /Comment = time stamps: user space, as the packet was read/,
      /Number of stat entries = 1/,
      /Number of resolved IPv4 addresses in file: 2/,
      /Number of resolved IPv6 addresses in file: 1/,
    ])
      expect(text).toMatch(part);
  });

  it('shows times, comments, interfaces, lengths and directions in tshark', () => {
    expect(
      fields(path, 'frame.time_epoch', 'frame.interface_name', 'frame.interface_description', 'frame.len', 'frame.packet_flags_direction'),
    ).toEqual([
      '1700000000.123456789\tveth9e3c2b6\tweb1 (test_net1)\t100\t0x00000001',
      '1700000000.223456789\tbr-1\t\t100\t',
      '1700000000.999999999\tveth9e3c2b6\tweb1 (test_net1)\t100\t',
    ]);
    expect(fields(path, 'frame.comment')).toEqual([`${COMMENT},and another`]);
  });

  it('names the containers in tshark', () => {
    const text = output('tshark', '-r', path, '-Y', 'icmp', '-N', 'n', '-T', 'fields', '-e', 'ip.src_host', '-e', 'ip.dst_host');
    expect(lines(text)).toEqual(['web1\tweb2', 'web1\tweb2', 'web1\tweb2']);
  });

  it('keeps packets, comments and snapshots through editcap and mergecap', () => {
    const ours = packetsOf(eventsOf(session())).map(({ offset: _offset, ...rest }) => rest);
    const edited = files.file('edited.pcapng');
    output('editcap', path, edited);
    const events = eventsOf(readFileSync(edited));
    expect(problemsOf(events)).toEqual([]);
    expect(packetsOf(events).map(({ offset: _offset, ...rest }) => rest)).toEqual(ours);
    expect(snapshotsOf(events)).toEqual(BOTH_SNAPSHOTS);

    const merged = files.file('merged.pcapng');
    output(
      'mergecap',
      '-w',
      merged,
      path,
      files.file('other.pcapng', concat(sectionHeader(), interfaceDescription({ linkType: 1, snapLength: 0 }), packet(0, 5))),
    );
    const mergedEvents = eventsOf(readFileSync(merged));
    expect(packetsOf(mergedEvents).map((each) => each.time)).toEqual(['1700000000.000000005', ...ours.map((each) => each.time)]);
    expect(snapshotsOf(mergedEvents)).toEqual(BOTH_SNAPSHOTS);
  });

  it('is readable up to its last whole block wherever writing stopped', () => {
    const whole = session();
    for (const length of [whole.length - 1, whole.length - 200, 2500]) {
      const cut = files.file('cut.pcapng', whole.subarray(0, length));
      const ours = packetsOf(eventsOf(readFileSync(cut))).length;
      const theirs = output('sh', '-c', `tshark -r '${cut}' -Y icmp -T fields -e frame.number; true`);
      expect(lines(theirs)).toHaveLength(ours);
    }
  });

  /** The older formats know one interface and nothing but packets. */
  const plain = concat(
    sectionHeader(),
    interfaceDescription({ linkType: 1, snapLength: 0 }),
    packet(0, 123_456_789),
    packet(0, 999_999_999),
  );
  const plainPath = files.file('plain.pcapng', plain);

  it.each([
    ['pcap', '1700000000.123456000'],
    ['nsecpcap', '1700000000.123456789'],
  ])('is read again after editcap made it %s', (format, time) => {
    const converted = files.file(`converted.${format}`);
    output('editcap', '-F', format, plainPath, converted);
    const events = eventsOf(readFileSync(converted));
    expect(problemsOf(events)).toEqual([]);
    expect(packetsOf(events).map((each) => each.data)).toEqual(packetsOf(eventsOf(plain)).map((each) => each.data));
    expect(packetsOf(events)[0]).toMatchObject({ time, originalLength: 100, linkType: 1 });
  });

  it('is refused with a reason after editcap made it a modified pcap', () => {
    const converted = files.file('converted.modpcap');
    output('editcap', '-F', 'modpcap', plainPath, converted);
    expect(problemsOf(eventsOf(readFileSync(converted)))).toEqual([expect.stringMatching(/^0: a pcap file in the "modified"/)]);
  });
});
