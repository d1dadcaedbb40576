/** What tcpdump and dumpcap write of real traffic is read as they and tshark understand it. Runs in a network namespace of its own. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { PcapToPcapng } from '../../src/pcap/tcpdump-stream.ts';
import { concat, eventsOf, packetsOf, problemsOf } from './events-of.ts';
import { has, lines, output, scratch } from './programs.ts';

const usable = process.getuid?.() === 0 && has('unshare', 'ip', 'tcpdump', 'tshark', 'dumpcap', 'python3');

/** Sends datagrams of growing size until it is stopped, so that no time of starting matters. */
const SENDER = `
import socket, time
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(100000):
    to.sendto(b"x" * (n % 200), ("127.0.0.1", 9))
    time.sleep(0.01)
`;

/** Captures over the loopback of a new namespace; the capture ends by its packet count. */
const captured = (capture: string): void => {
  const script = `ip link set lo up; python3 -c '${SENDER}' & sender=$!; ${capture}; status=$?; kill $sender; exit $status`;
  output('unshare', '-n', 'sh', '-c', script);
};

const COUNT = 12;

describe.skipIf(!usable && process.env['CI'] === undefined)('a capture', () => {
  const files = scratch();
  afterAll(files.remove);

  const theirs = (path: string): string[] =>
    lines(output('tshark', '-r', path, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len', '-e', 'frame.cap_len', '-e', 'ip.id'));

  const ours = (bytes: Uint8Array): string[] => {
    const events = eventsOf(bytes, [100, 1000]);
    expect(problemsOf(events)).toEqual([]);
    return packetsOf(events).map(({ time, originalLength, data }) => {
      const id = ((data[18] ?? 0) << 8) | (data[19] ?? 0);
      return [time, originalLength, data.length, `0x${id.toString(16).padStart(4, '0')}`].join('\t');
    });
  };

  it.each([
    ['tcpdump', 'tcpdump -q -i lo -c 12 -w FILE udp'],
    ['tcpdump with nanoseconds', 'tcpdump -q -i lo -c 12 --time-stamp-precision=nano -w FILE udp'],
    ['tcpdump with a snap length', 'tcpdump -q -i lo -c 12 -s 64 -w FILE udp'],
    ['dumpcap', 'dumpcap -q -i lo -c 12 -f udp -w FILE'],
    ['dumpcap in the old format', 'dumpcap -q -P -i lo -c 12 -f udp -w FILE'],
    ['tshark', 'tshark -q -i lo -c 12 -f udp -w FILE'],
  ])('by %s gives the packets that tshark sees in it', (name, command) => {
    const path = files.file(`${name.replaceAll(' ', '-')}.cap`);
    captured(command.replace('FILE', path));
    const packets = ours(readFileSync(path));
    expect(packets).toHaveLength(COUNT);
    expect(packets).toEqual(theirs(path));
  });

  it('by tcpdump on any interface has the cooked link type', () => {
    const path = files.file('any.cap');
    captured(`tcpdump -q -i any -y LINUX_SLL2 -c 4 -w ${path} udp`);
    expect(packetsOf(eventsOf(readFileSync(path))).map((packet) => packet.linkType)).toEqual([276, 276, 276, 276]);
  });

  it('streamed by tcpdump becomes our pcapng with the same nanoseconds', () => {
    const path = files.file('stream.pcap');
    captured(`tcpdump -q -U -i lo -c 12 --time-stamp-precision=nano -w - udp > ${path}`);
    const stream = readFileSync(path);
    const transcoder = new PcapToPcapng({
      section: { application: 'vethscope' },
      interface: { name: 'lo', description: 'web1 (test_net1)', filter: 'udp', timeStampSource: 'kernel' },
    });
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += 77) {
      const chunk = transcoder.push(stream.subarray(at, at + 77));
      if (chunk === null) continue;
      chunks.push(chunk.slice());
      transcoder.recycle(chunk);
    }
    const last = transcoder.end({ received: 12, droppedByOs: 0 });
    if (last !== null) chunks.push(last);
    expect(transcoder).toMatchObject({ packets: COUNT, linkType: 1, problems: [] });
    const converted = files.file('stream.pcapng', concat(...chunks));
    expect(theirs(converted)).toEqual(theirs(path));
    expect(ours(concat(...chunks))).toEqual(ours(stream));
    expect(output('capinfos', converted)).toMatch(/Description = web1 \(test_net1\)/);
  });
});

describe('a stream that is no capture', () => {
  it('leaves a problem and no bytes', () => {
    const transcoder = new PcapToPcapng({ section: {}, interface: {} });
    expect(transcoder.push(new TextEncoder().encode('tcpdump: no such device'))).toBeNull();
    expect(transcoder.end({ received: 0 })).toBeNull();
    expect(transcoder.problems).toEqual([expect.stringMatching(/^no capture file: it begins with 74637064, .*\(at byte 0\)$/)]);
  });
});
