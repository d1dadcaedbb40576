/** `read` on a plain pcap, judged by a recorded host: web1 pings web2 three times, and asks an outside web server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shell, vethscope } from './process.ts';

const SCENE = fileURLToPath(new URL('../fixtures/snapshots/scene-28.5.json', import.meta.url));

const ETHERNET = [0x02, 0x42, 0xac, 0x12, 0, 1, 0x02, 0x42, 0xac, 0x12, 0, 2, 0x08, 0x00];
const bytesOf = (address: string): number[] => address.split('.').map(Number);

/** An Ethernet frame with an IPv4 packet; checksums are left out, nobody looks at them. */
const frame = (src: string, dst: string, protocol: number, payload: readonly number[]): Uint8Array => {
  const length = 20 + payload.length;
  const header = [0x45, 0, length >> 8, length & 255, 0, 1, 0, 0, 64, protocol, 0, 0, ...bytesOf(src), ...bytesOf(dst)];
  return Uint8Array.from([...ETHERNET, ...header, ...payload]);
};

const echo = (sequence: number): Uint8Array => frame('172.18.0.2', '198.18.20.2', 1, [8, 0, 0, 0, 0, 7, 0, sequence, 1, 2, 3, 4]);
const syn = frame('172.18.0.2', '203.0.113.2', 6, [0xc0, 0x00, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);

/** pcap, microseconds, Ethernet: draft-ietf-opsawg-pcap. */
const pcap = (frames: readonly Uint8Array[]): Buffer => {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((bytes, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_795_230_847 + index, 0);
    record.writeUInt32LE(250_000, 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return [record, Buffer.from(bytes)];
  });
  return Buffer.concat([header, ...records]);
};

describe('read', () => {
  let folder: string;
  let file: string;
  const packets = [echo(0), syn, echo(1), echo(2)];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-read-'));
    file = join(folder, 'plain.pcap');
    await writeFile(file, pcap(packets));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const objects = (stdout: string): Record<string, unknown>[] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('tells people each flow once, with its verdict and what decided', async () => {
    const { code, stdout, stderr } = await vethscope(['read', file, '--host', SCENE], { env: { TZ: 'UTC' } });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').sort()).toEqual([
      expect.stringMatching(/^= {2}03:14:07\.250000 {2}web1 → web2 .*3 sent 0 back.* 3 packets .*DROP .*raw PREROUTING #2$/),
      expect.stringMatching(
        /^= {2}03:14:08\.250000 {2}web1:49152 → .*:80 .*ACCEPT .*filter DOCKER-FORWARD #5 · MASQUERADE as 203\.0\.113\.1/,
      ),
    ]);
    expect(stderr).toContain('4 packets');
  });

  it('tells programs the flows and the end, last', async () => {
    const { stdout } = await vethscope(['read', file, '--host', SCENE, '--json']);
    const told = objects(stdout);
    expect(told.map((object) => object['type'])).toEqual(['flow', 'flow', 'end']);
    expect(told.find((object) => object['proto'] === 'icmp')).toMatchObject({
      a: { address: '172.18.0.2', name: 'web1' },
      b: { address: '198.18.20.2', name: 'web2' },
      packets: [3, 0],
      first: '1795230847.250000000',
      last: '1795230850.250000000',
      rttMs: null,
      verdict: { outcome: 'drop', decidedBy: { kind: 'rule', table: 'raw', chain: 'PREROUTING', rule: 2 }, evidence: 'predicted' },
      reply: null,
    });
    expect(told.at(-1)).toMatchObject({ type: 'end', packets: 4, flows: 2, lost: { kernel: null, engine: null, pipe: 0 } });
  });

  it('tells packets in their order, each with the verdict of its flow', async () => {
    const { stdout } = await vethscope(['read', file, '--host', SCENE, '--json', '--packets']);
    const told = objects(stdout).filter((object) => object['type'] === 'packet');
    expect(told.map((object) => [object['time'], object['outcome']])).toEqual([
      ['1795230847.250000000', 'drop'],
      ['1795230848.250000000', 'accept'],
      ['1795230849.250000000', 'drop'],
      ['1795230850.250000000', 'drop'],
    ]);
  });

  it('shows only what a display filter finds, flows and their packets', async () => {
    const { stdout } = await vethscope(['read', file, '--host', SCENE, '--json', '--packets', '-Y', 'verdict:drop container:web2']);
    const told = objects(stdout);
    expect(told.map((object) => object['type'])).toEqual(['packet', 'packet', 'packet', 'flow', 'end']);
    expect(told.slice(0, 3).map((object) => object['outcome'])).toEqual(['drop', 'drop', 'drop']);
    expect(told.at(-1)).toMatchObject({ packets: 4, flows: 2, shown: 1 });
  });

  it('says what is wrong with a display filter, and where', async () => {
    const { code, stderr } = await vethscope(['read', file, '-Y', 'web1 verdict:dropp']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/bad display filter: web1 verdict:dropp\n.*at character 14: verdict cannot be dropp\n.*accept, drop, reject/);
  });

  it('stops after -c packets, and counts no more', async () => {
    const { stdout } = await vethscope(['read', file, '--host', SCENE, '--json', '--packets', '-c', '2']);
    const told = objects(stdout);
    expect(told.filter((object) => object['type'] === 'packet')).toHaveLength(2);
    expect(told.at(-1)).toMatchObject({ packets: 2, flows: 2 });
  });

  it('reads standard input', async () => {
    const { stdout } = await shell(`cat ${file} | V read - --host ${SCENE} --json | tail -1`);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'end', packets: 4 });
  });

  it('ends on a signal with all that it has seen, even where the signal comes twice', async () => {
    let signalled = false;
    const { code, stdout } = await vethscope(['read', '-', '--host', SCENE, '--json', '--packets'], {
      input: pcap(packets),
      keepsOpen: true,
      onOutput: (text, kill) => {
        if (signalled || text.split('"type":"packet"').length <= packets.length) return;
        signalled = true;
        kill('SIGTERM');
        kill('SIGTERM');
      },
    });
    expect(code).toBe(0);
    expect(objects(stdout).at(-1)).toMatchObject({ type: 'end', packets: 4, flows: 2 });
  });

  it('says without a snapshot that there is nothing to judge by, instead of guessing', async () => {
    const { code, stdout } = await vethscope(['read', file, '--json']);
    expect(code).toBe(0);
    for (const flow of objects(stdout).slice(0, -1)) {
      const verdict = flow['verdict'] as { outcome: string } | null;
      expect(verdict === null || verdict.outcome === 'undetermined').toBe(true);
    }
  });

  it('reads a file that was cut off up to there, says so, and fails', async () => {
    const cut = join(folder, 'cut.pcap');
    await writeFile(cut, pcap(packets).subarray(0, -5));
    const { code, stdout, stderr } = await vethscope(['read', cut, '--host', SCENE, '--json']);
    expect(code).toBe(1);
    expect(objects(stdout).at(-1)).toMatchObject({ packets: 3 });
    expect(stderr).toContain('ends inside');
  });

  it('fails on a capture of which not even the first packet can be read', async () => {
    const bad = join(folder, 'bad.pcap');
    const bytes = Uint8Array.from(pcap(packets));
    bytes.fill(0xff, 24, 40);
    await writeFile(bad, bytes);
    const { code, stderr } = await vethscope(['read', bad]);
    expect(code).toBe(1);
    expect(stderr).toContain('what follows cannot be read');
  });

  it('fails on a file that is no capture', async () => {
    const { code, stderr } = await vethscope(['read', SCENE]);
    expect(code).toBe(1);
    expect(stderr).toContain('no capture file');
    expect((await vethscope(['read', SCENE, '--rules'])).code).toBe(1);
  });

  it.each([
    [['--unused'], '--unused belongs to --rules'],
    [['--rules', '-w', 'out.pcapng'], 'which -w does not go with'],
    [['--rules', '--packets'], 'which --packets does not go with'],
    [['--rules', '-Y', 'verdict:drop'], 'which -Y does not go with'],
  ])('refuses what a table of rules would take no notice of: %j', async (options, words) => {
    const { code, stderr } = await vethscope(['read', file, '--host', SCENE, ...options]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    expect(stderr).toContain('try: ');
  });
});
