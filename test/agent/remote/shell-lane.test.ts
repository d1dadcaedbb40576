/** Commands through one shell, in each shell that a machine may have: every word arrives as it is, every answer is told from the next. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { parseDestination } from '../../../src/agent/remote/destination.ts';
import { explainSsh } from '../../../src/agent/remote/master.ts';
import { type LaneAnswer, ShellLane } from '../../../src/agent/remote/shell-lane.ts';

const folder = mkdtempSync(join(tmpdir(), 'vethscope-lane-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pathOf = (program: string): string | null => {
  try {
    return execFileSync('sh', ['-c', 'command -v "$0"', program], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
};

const SHELLS = ['dash', 'bash', 'busybox'].filter((name) => pathOf(name) !== null);

describe.each(SHELLS)('a lane of %s', (name) => {
  const lanes: ShellLane[] = [];
  afterEach(() => {
    for (const lane of lanes.splice(0)) lane.close();
  });
  let endings: string[] = [];
  const open = (): ShellLane => {
    const bin = join(folder, name);
    rmSync(bin, { recursive: true, force: true });
    execFileSync('mkdir', [bin]);
    symlinkSync(pathOf(name) as string, join(bin, 'sh'));
    endings = [];
    // ssh would give its last argument to the login shell.
    const reach = { ssh: ['/bin/sh', '-c'], asRoot: '', env: { PATH: `${bin}:${process.env['PATH']}` } };
    const lane = new ShellLane(reach, (said) => endings.push(said));
    lanes.push(lane);
    return lane;
  };
  const ask = async (lane: ShellLane, argv: readonly string[], options = {}): Promise<LaneAnswer> => {
    const result = await lane.run(argv, 10_000, options);
    if ('broken' in result) throw new Error(result.broken);
    return result;
  };

  it('passes every word on as it is', async () => {
    const lane = open();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 4 }), async (given) => {
        const words = given.map((word) => word.replaceAll('\0', ''));
        const hostile = [...words, "'; exit 3; '", '$(touch x)', '`id`', '-n\n\\', '!!', '*'];
        const { stdout } = await ask(lane, ['printf', '%s\\n', ...hostile]);
        expect(stdout).toBe(hostile.map((word) => `${word}\n`).join(''));
      }),
      { numRuns: 25 },
    );
  });

  it('answers in order, with exit codes and standard error, however many are asked at once', async () => {
    const lane = open();
    const answers = await Promise.all([
      ask(lane, ['sh', '-c', 'echo out; echo err >&2; exit 7']),
      ask(lane, ['no-such-program-anywhere']),
      ask(lane, ['true']),
      ask(lane, ['printf', 'no line end']),
      ask(lane, ['cat'], { input: "a 'b' $c\n" }),
      ask(lane, ['cat']),
      ask(lane, ['sh', '-c', 'i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done'], { maxLines: 3 }),
      ask(lane, ['sh', '-c', 'echo only; echo sorry >&2; exit 4'], { maxLines: 3 }),
    ]);
    expect(answers.map(({ code, stdout }) => [code, stdout])).toEqual([
      [7, 'out\n'],
      [127, ''],
      [0, ''],
      [0, 'no line end'],
      [0, "a 'b' $c\n"],
      [0, ''],
      [expect.any(Number), '0\n1\n2\n3\n'],
      [4, 'only\n'],
    ]);
    expect(answers[0]?.stderr.trim()).toBe('err');
    expect(answers[7]?.stderr.trim()).toBe('sorry');
  });

  it('brings megabytes whole, and does not take what is printed for its own mark', async () => {
    const lane = open();
    const { stdout } = await ask(lane, [
      'sh',
      '-c',
      'head -c 3000000 /dev/zero | tr "\\0" x; printf "\\nvethscope-0 0\\n\\nvethscope-0.\\n"',
    ]);
    expect(stdout.length).toBe(3_000_000 + '\nvethscope-0 0\n\nvethscope-0.\n'.length);
  });

  it('leaves a command that hangs, says so, and reports the end of its shell', async () => {
    const lane = open();
    expect(await lane.run(['sleep', '60'], 200, {})).toEqual({ broken: 'no answer within 0.2 s' });
    expect(endings).toEqual(['no answer within 0.2 s']);
    expect(await lane.run(['true'], 200, {})).toEqual({ broken: 'the connection has ended' });
  });

  it('looks at a process', async () => {
    const lane = open();
    const [stat, netns, cgroup, mountinfo, again] = (await ask(lane, ['look', String(process.pid)])).stdout.split(`${lane.mark}-\n`);
    expect(stat).toMatch(new RegExp(`^${process.pid} \\(`));
    expect(netns).toMatch(/^net:\[\d+\]\n$/);
    expect(cgroup).toMatch(/^\d+:/);
    expect(mountinfo?.length).toBeGreaterThan(100);
    expect(again).toMatch(new RegExp(`^${process.pid} \\(`));
  });
});

describe('a destination', () => {
  it.each([
    ['ssh://ann@web:2222', { user: 'ann', host: 'web', port: 2222, name: 'ann@web:2222' }],
    ['ann@web', { user: 'ann', host: 'web', port: null, name: 'ann@web' }],
    ['alias', { user: null, host: 'alias', port: null, name: 'alias' }],
    ['ssh://[fe80::1%eth0]:22/', { user: null, host: 'fe80::1%eth0', port: 22, name: 'fe80::1%eth0:22' }],
  ])('%s', (text, expected) => {
    expect(parseDestination(text)).toEqual(expected);
  });

  it.each(['', '-oProxyCommand=x', 'ssh://-x', '-l@host', 'a b', 'host:0', 'host:99999', 'http://host', 'a@b@c', 'host;id:22/x'])(
    '%j is none',
    (text) => {
      expect(() => parseDestination(text)).toThrow(/names no machine/);
    },
  );
});

describe('what ssh says', () => {
  const there = parseDestination('ann@web');
  it.each([
    ['Host key verification failed.', 'not known here', 'ssh ann@web once'],
    ['@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.', 'has changed', 'take out'],
    ['ann@web: Permission denied (publickey).', 'lets nobody in', 'ssh-add'],
    ['ssh: connect to host web port 22: Connection refused', 'cannot be reached', 'ssh ann@web'],
  ])('%j', (said, message, hint) => {
    const error = explainSsh(there, said, true);
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it('is not told twice to a person who has read it, nor is what that person was just asked', () => {
    const error = explainSsh(there, 'ann@web: Permission denied (publickey,password).', false);
    expect({ detail: error.detail, hint: error.hint, kind: error.kind }).toEqual({
      detail: null,
      hint: 'ssh ann@web shows what works',
      kind: 'missing',
    });
    expect(explainSsh(there, 'Host key verification failed.', false).hint).toBe('again, and compare the key before saying yes');
  });
});
