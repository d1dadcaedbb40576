/** Commands on a recorded host (Docker 28.5, the lab's scene): no Docker, no privileges, nothing but the file. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectGolden } from '../report/golden.ts';
import { MAIN, shell, vethscope } from './process.ts';

const SCENE = fileURLToPath(new URL('../fixtures/snapshots/scene-28.5.json', import.meta.url));
const NODE = process.execPath;

interface Listed {
  readonly name: string;
  readonly endpoints: readonly {
    readonly ipv4: string;
    readonly network: string;
    readonly host: { readonly bridge: string; readonly kind: string } | null;
  }[];
}

/** Names and bridges of the recorded scene, by container. */
const listScene = async (): Promise<ReadonlyMap<string, Listed>> => {
  const { stdout } = await vethscope(['--host', SCENE, 'list', '--json']);
  return new Map((JSON.parse(stdout) as Listed[]).map((container) => [container.name, container]));
};

describe('on a recorded host', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('lists its containers for people', async () => {
    const { code, stdout } = await vethscope(['list', '--host', SCENE]);
    expect(code).toBe(0);
    expectGolden('scene-28.5/list.txt', stdout.trimEnd());
  });

  it('lists its containers for programs', async () => {
    const scene = await listScene();
    expect(scene.get('web1')?.endpoints).toMatchObject([{ network: 'test_net1', ipv4: '172.18.0.2', host: { kind: 'veth' } }]);
    expect(scene.get('mv1')?.endpoints).toMatchObject([{ network: 'mv', host: { kind: 'macvlan', parent: 'eth0' } }]);
    expect(scene.get('sidecar')).toMatchObject({ sharesWith: 'web1', endpoints: [] });
    expect(scene.size).toBe(15);
  });

  it('draws its topology', async () => {
    const { code, stdout } = await vethscope(['topology', '--host', SCENE]);
    expect(code).toBe(0);
    expectGolden('scene-28.5/topology.txt', stdout.trimEnd());
  });

  it('gives its topology to programs', async () => {
    const { stdout } = await vethscope(['topology', '--host', SCENE, '--json']);
    const found = JSON.parse(stdout) as { bridges: { network: string; ports: { container: string }[] }[] };
    const net1 = found.bridges.find((bridge) => bridge.network === 'test_net1');
    expect(net1?.ports.map((port) => port.container).sort()).toEqual(['multi', 'pubnet1', 'web1']);
  });

  it('prints it again as a snapshot, and reads that back', async () => {
    const copy = join(folder, 'copy.json');
    const { code, stderr } = await vethscope(['snapshot', '--host', SCENE, '-o', copy]);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(copy) });
    expect(JSON.parse(await readFile(copy, 'utf8'))).toEqual(JSON.parse(await readFile(SCENE, 'utf8')));
    expect((await stat(copy)).mode & 0o777).toBe(0o600);
  });

  it('names the file that is no snapshot, and knows a capture', async () => {
    const other = join(folder, 'other.txt');
    await writeFile(other, 'no snapshot\n');
    const sample = fileURLToPath(new URL('../../captures/samples/isolation-drop-28.5.pcapng', import.meta.url));
    for (const command of ['list', 'snapshot']) {
      const text = await vethscope([command, '--host', other]);
      expect({ code: text.code, stderr: text.stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`${other}: cannot read the snapshot: it is not JSON`),
      });
      const capture = await vethscope([command, '--host', sample]);
      expect(capture.code).toBe(1);
      expect(capture.stderr).toMatch(/is a capture, no snapshot\n {2}try: vethscope read FILE/);
    }
  });

  it('says where containers could not be read for the snapshot', async () => {
    const without = join(folder, 'without.json');
    const document = JSON.parse(await readFile(SCENE, 'utf8'));
    await writeFile(
      without,
      JSON.stringify({ ...document, docker: { ...document.docker, containers: [], networks: [], error: 'no privilege' } }),
    );
    const { code, stderr } = await vethscope(['snapshot', '--host', without]);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('containers and networks: no privilege') });
  });

  it('refuses a live capture on it, and says what to do', async () => {
    const { code, stderr } = await vethscope(['capture', 'web1', '--host', SCENE]);
    expect(code).toBe(1);
    expect(stderr).toContain('a saved snapshot has no live traffic');
  });

  it('answers a mistyped name with those near it', async () => {
    const { code, stderr } = await vethscope(['capture', 'wbe1', '--host', SCENE]);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean');
    expect(stderr).toContain('web1');
  });

  it.each([
    ['no JSON', 'nope', 'JSON'],
    ['no snapshot', '{"a": 1}', 'snapshot'],
  ])('refuses a file that is %s', async (_, text, said) => {
    const { code, stderr } = await vethscope(['--host', '-', 'list'], { input: text });
    expect(code).toBe(1);
    expect(stderr).toContain(said);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  describe('explain', () => {
    it('tells people which rule drops, and why', async () => {
      const { code, stdout } = await vethscope(['explain', 'web1', 'web2', 'icmp', '--host', SCENE]);
      expect(code).toBe(0);
      expectGolden('scene-28.5/explain-web1-web2.txt', stdout.trimEnd());
    });

    it('tells people of a published port, its translation and the answer', async () => {
      const { code, stdout } = await vethscope(['explain', 'outside', 'host', 'tcp:8080', '--host', SCENE, '--why-not']);
      expect(code).toBe(0);
      expectGolden('scene-28.5/explain-outside-published.txt', stdout.trimEnd());
    });

    it('tells programs the verdict, the question and the answer', async () => {
      const { stdout } = await vethscope(['explain', 'web1', 'outside', 'tcp:443', '--host', SCENE, '--json']);
      expect(JSON.parse(stdout)).toMatchObject({
        outcome: 'accept',
        decidedBy: { kind: 'rule', table: 'filter', chain: 'DOCKER-FORWARD' },
        nat: [{ kind: 'masquerade' }],
        out: 'eth0',
        evidence: 'predicted',
        question: expect.stringContaining('web1'),
        reply: { outcome: 'accept' },
        why: expect.any(Array),
      });
    });

    it.each([
      ['drop', 0],
      ['accept', 4],
      ['reject', 4],
    ])('exits by --expect %s with %d', async (expected, code) => {
      expect((await vethscope(['explain', 'web1', 'web2', 'icmp', '--host', SCENE, '--expect', expected])).code).toBe(code);
    });

    it('does not know a container that is not there: usage, with the names that are near', async () => {
      const { code, stderr } = await vethscope(['explain', 'web1', 'wbe2', 'icmp', '--host', SCENE]);
      expect(code).toBe(2);
      expect(stderr).toContain('web2');
    });

    it('does not know a protocol that is not there', async () => {
      const { code, stderr } = await vethscope(['explain', 'web1', 'web2', 'tpc:80', '--host', SCENE]);
      expect(code).toBe(2);
      expect(stderr).toContain('tpc');
    });
  });

  describe('explain --packets', () => {
    let packets: string[];
    beforeAll(async () => {
      const bridge = (await listScene()).get('web1')?.endpoints[0]?.host?.bridge;
      packets = [
        { in: bridge, src: '172.18.0.2', dst: '198.18.20.2', proto: 'icmp' },
        { in: bridge, src: '172.18.0.2', dst: '203.0.113.2', proto: 'tcp', sport: 4000, dport: 80 },
        { in: null, src: '203.0.113.1', dst: '203.0.113.2', proto: 'udp', sport: 4000, dport: 53 },
      ].map((packet) => JSON.stringify(packet));
    });
    const explain = (lines: readonly string[], ...args: string[]) =>
      vethscope(['explain', '--packets', '-', '--host', SCENE, ...args], { input: lines.join('\n') });
    const answers = (stdout: string): { outcome?: string; error?: string; line?: number }[] =>
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));

    it('answers each line by one line in the same order', async () => {
      const { code, stdout } = await explain([...packets, ...packets]);
      expect(code).toBe(0);
      expect(answers(stdout).map((answer) => answer.outcome)).toEqual(['drop', 'accept', 'accept', 'drop', 'accept', 'accept']);
    });

    it('takes the packets from a file as well, with or without a line end at its end', async () => {
      const fromShell = (tail: string): Promise<string> =>
        shell(`printf '%s${tail}' '${packets[0]}' > ${folder}/p; V explain --packets ${folder}/p --host ${SCENE}`).then(
          ({ stdout }) => stdout,
        );
      expect(await fromShell('')).toBe(await fromShell('\\n'));
      expect(answers(await fromShell(''))).toHaveLength(1);
    });

    it('answers a bad line in its place, goes on, and exits 1', async () => {
      const { code, stdout } = await explain([packets[0] ?? '', 'not json', '{"in": null}', '', packets[1] ?? '']);
      expect(code).toBe(1);
      expect(answers(stdout)).toMatchObject([
        { outcome: 'drop' },
        { error: expect.stringMatching(/^line 2: not JSON/), line: 2 },
        { error: expect.stringMatching(/^line 3: /), line: 3 },
        { outcome: 'accept' },
      ]);
    });

    it('adds near misses with --why-not and leaves them out without', async () => {
      const [without] = answers((await explain(packets.slice(0, 1))).stdout);
      const [withMisses] = answers((await explain(packets.slice(0, 1), '--why-not')).stdout);
      expect(without).not.toHaveProperty('nearMisses');
      expect(withMisses).toHaveProperty('nearMisses');
    });

    it('exits 4 where one differs from --expect', async () => {
      expect((await explain(packets, '--expect', 'accept')).code).toBe(4);
      expect((await explain(packets.slice(1), '--expect', 'accept')).code).toBe(0);
    });

    it('answers as the lines come, for a program that asks one by one', async () => {
      const script = `
        const { spawn } = require('node:child_process');
        const child = spawn(process.execPath, [${JSON.stringify(MAIN)}, 'explain', '--packets', '-', '--host', ${JSON.stringify(SCENE)}], { stdio: ['pipe', 'pipe', 'inherit'] });
        let answers = 0;
        const ask = () => child.stdin.write(${JSON.stringify(packets[0])} + '\\n');
        child.stdout.on('data', () => { if (++answers < 3) ask(); else { console.log('three answers'); child.stdin.end(); } });
        ask();`;
      const { stdout } = await shell(`"${NODE}" -e '${script.replaceAll("'", "'\\''")}'`);
      expect(stdout).toBe('three answers\n');
    });

    it('ends quietly when its reader has seen enough', async () => {
      const many = `for i in $(seq 20000); do echo '${packets[0]}'; done`;
      const { stdout, stderr } = await shell(
        `set -o pipefail; (${many}) 2>/dev/null | V explain --packets - --host ${SCENE} | head -1 | cut -c1-17; echo "\${PIPESTATUS[1]}"`,
      );
      expect(stdout).toBe('{"outcome":"drop"\n0\n');
      expect(stderr).toBe('');
    });
  });
});
