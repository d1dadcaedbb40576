/**
 * Files as tcpdump, dumpcap, editcap, mergecap, text2pcap and randpkt write them, made when the test runs: we read in them what tshark reads. And
 * what we pass on is read by tshark, capinfos, editcap and mergecap.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PcapngAppender } from '../../src/pcap/appender.ts';
import { CaptureCopier } from '../../src/pcap/copier.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { concat, eventsOf, packetsOf, problemsOf } from './events-of.ts';
import { everyBlock, opaqueBlocks } from './everything.ts';
import { lines, output, scratch, usable } from './programs.ts';

const able = usable('tshark', 'editcap', 'mergecap', 'text2pcap', 'capinfos');
const isRoot = process.getuid?.() === 0;

const files = scratch();
afterAll(files.remove);

/** What tshark reads of each packet, a line each. */
const byTshark = (path: string): string[] =>
  lines(
    output(
      ...(['tshark', '-r', path, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=|'] as const),
      ...['frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.interface_id', 'frame.comment'].flatMap((name) => ['-e', name]),
    ),
  );

/** The same as we read it. tshark knows no interfaces in classic files. */
const byUs = (path: string): string[] => {
  const events = eventsOf(readFileSync(path));
  expect(problemsOf(events)).toEqual([]);
  const isClassic = events.some((event) => event.kind === 'section' && event.format === 'pcap');
  return packetsOf(events).map((packet) => {
    const id = isClassic ? '' : String(packet.interfaceId);
    return [packet.time, packet.originalLength, packet.data.length, id, packet.comments.join('|')].join('\t').trimEnd();
  });
};

const expectSame = (path: string, atLeast = 1): void => {
  const theirs = byTshark(path).map((line) => line.trimEnd());
  expect(theirs.length).toBeGreaterThanOrEqual(atLeast);
  expect(byUs(path)).toEqual(theirs);
};

const made = (name: string, program: string, ...args: readonly string[]): string => {
  const path = files.file(name);
  const { status, stderr } = spawnSync(
    program,
    args.map((arg) => (arg === 'OUT' ? path : arg)),
    { encoding: 'utf8' },
  );
  if (status !== 0 || !existsSync(path)) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return path;
};

describe.skipIf(!able)('what others write', { timeout: 60_000 }, () => {
  let ethernet = '';
  let raw = '';
  beforeAll(() => {
    const frame = Array.from({ length: 8 }, (_, row) => `${(row * 16).toString(16).padStart(6, '0')} ${'00 1b '.repeat(8)}`).join('\n');
    const text = files.file('frames.txt', Buffer.from(`${`${frame}\n\n`.repeat(5)}`));
    ethernet = made('ethernet.pcapng', 'text2pcap', '-q', text, 'OUT');
    raw = made('raw.pcap', 'text2pcap', '-q', '-F', 'pcap', '-l', '101', '-u', '1000,53', text, 'OUT');
  });

  it('text2pcap', () => {
    expectSame(ethernet, 5);
    expectSame(raw, 5);
  });

  it.each(['pcap', 'nsecpcap', 'pcapng'])('editcap as %s, with moved times and cut packets', (format) => {
    expectSame(made(`moved.${format}`, 'editcap', '-F', format, '-t', '900000000.123456789', '-s', '20', ethernet, 'OUT'), 5);
  });

  it('editcap with comments and secrets', () => {
    const comments = ['-a', '1:the first ✓', '-a', '3:a third', '--capture-comment', 'of the whole'];
    const commented = made('commented.pcapng', 'editcap', ...comments, ethernet, 'OUT');
    expectSame(commented, 5);
    expect(eventsOf(readFileSync(commented))[0]).toMatchObject({ comments: expect.arrayContaining(['of the whole']) });
    const keys = files.file('keys', Buffer.from(`CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}\n`));
    const secret = made('secret.pcapng', 'editcap', '--inject-secrets', `tls,${keys}`, commented, 'OUT');
    expectSame(secret, 5);
    expect(eventsOf(readFileSync(secret)).find((event) => event.kind === 'unknown')).toMatchObject({ blockType: 10 });
    const bare = made('bare.pcapng', 'editcap', '--discard-capture-comment', commented, 'OUT');
    expectSame(bare, 5);
    expect(eventsOf(readFileSync(bare))[0]).toMatchObject({ comments: [] });
  });

  it('mergecap: several interfaces of their own link types', () => {
    const merged = made('merged.pcapng', 'mergecap', '-a', '-I', 'none', '-w', 'OUT', ethernet, raw, ethernet);
    expectSame(merged, 15);
    const links = eventsOf(readFileSync(merged)).flatMap((event) => (event.kind === 'interface' ? [event.linkType] : []));
    expect(links).toEqual([1, 101, 1]);
  });

  it('several sections in one file', () => {
    const converted = made('raw.pcapng', 'editcap', '-F', 'pcapng', raw, 'OUT');
    const path = files.file(
      'sections.pcapng',
      concat(...[ethernet, converted, ethernet].map((each) => new Uint8Array(readFileSync(each)))),
    );
    expectSame(path, 15);
  });

  it.skipIf(!usable('randpkt'))('randpkt', () => {
    for (const type of ['tcp', 'sctp', 'fddi', 'usb-linux'])
      expectSame(made(`random-${type}.pcap`, 'randpkt', '-c', '30', '-t', type, 'OUT'), 30);
  });

  it.skipIf((!isRoot && process.env['CI'] === undefined) || !usable('dumpcap', 'tcpdump', 'unshare'))(
    'dumpcap and tcpdump, captured live',
    () => {
      const [dumpcap, tcpdump] = [files.file('dumpcap.pcapng'), files.file('nano.pcap')];
      // A namespace of its own, which is gone with the shell. Each ends at its sixth packet, and the sender with the last of them.
      const script = `ip link set lo up
      dumpcap -q -i lo -w '${dumpcap}' -c 6 --capture-comment hello & first=$!
      tcpdump -q -i lo -w '${tcpdump}' -U --time-stamp-precision=nano -Z root -c 6 & second=$!
      for i in $(seq 120); do
        echo hi > /dev/udp/127.0.0.1/9
        kill -0 $first || kill -0 $second || break
        sleep 0.1
      done
      kill $first $second
      wait`;
      spawnSync('unshare', ['-n', 'bash', '-c', script], { stdio: 'ignore' });
      for (const path of [dumpcap, tcpdump]) expectSame(path, 6);
      const events = eventsOf(readFileSync(dumpcap));
      expect(events.find((event) => event.kind === 'interface')).toMatchObject({ name: 'lo', linkType: 1 });
      expect(events.find((event) => event.kind === 'statistics')).toMatchObject({ received: expect.any(Number), droppedByInterface: 0 });
    },
  );
});

describe.skipIf(!able)('what we pass on', { timeout: 60_000 }, () => {
  it.each([
    ['little-endian', true],
    ['big-endian', false],
  ])('is read by others as the original: %s', (name, little) => {
    const original = concat(...everyBlock(little, false), ...opaqueBlocks(little));
    const out = new PcapngAppender();
    const copier = new CaptureCopier(out, { application: 'test', withoutPrivate: false });
    const reader = new CaptureReader();
    reader.push(original);
    reader.end();
    for (let event = reader.next(); event !== null; event = reader.next()) {
      if (event.kind === 'packet') copier.packet(event.packet, { added: ['vethscope: DROP'] });
      else copier.event(event);
    }
    const path = files.file(`passed-on-${name}.pcapng`);
    writeFileSync(path, out.take() ?? new Uint8Array(0));
    // Those with data of their own are rows in tshark, too.
    const packets = (file: string): string[] =>
      byTshark(file).filter((line) => /^\d+\.\d+\t/.test(line) && line.includes('vethscope: DROP'));
    expect(packets(path)).toHaveLength(3);
    expect(byUs(path).filter((line) => line.includes('vethscope: DROP'))).toEqual(packets(path));
    const about = output('capinfos', path);
    expect(about).toMatch(/Capture comment: +a comment/);
    expect(about).toMatch(/Number of resolved IPv4 addresses in file: 2/);
    expect(about).toMatch(/Number of decryption secrets in file: 1/);
    expect(about).toMatch(/Number of stat entries = 1/);
    expect(packets(made(`edited-${name}.pcapng`, 'editcap', path, 'OUT'))).toHaveLength(3);
    expect(packets(made(`merged-${name}.pcapng`, 'mergecap', '-w', 'OUT', path, path))).toHaveLength(6);
  });
});
