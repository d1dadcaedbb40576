/** `diff` as a person calls it: exit codes, JSON, and what is said of a call that cannot be answered. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vethscope } from './process.ts';

const SESSION = fileURLToPath(new URL('../../captures/samples/isolation-drop-28.5.pcapng', import.meta.url));
const OPEN = '*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n';

describe('diff', () => {
  let folder: string;
  let open: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-diff-'));
    open = join(folder, 'open.save');
    await writeFile(open, OPEN);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('tells programs each changed flow with both verdicts, and the totals last', async () => {
    const { code, stdout, stderr } = await vethscope(['diff', SESSION, '--iptables', open, '--json']);
    expect(code).toBe(0);
    const told = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(told[0]).toMatchObject({
      type: 'diff',
      proto: 'icmp',
      change: { kinds: ['outcome', 'nat', 'rule'], before: 'drop', after: 'accept' },
      before: { effect: 'drop', verdict: { decidedBy: { table: 'raw', chain: 'PREROUTING', rule: 2 } } },
      after: {
        effect: 'accept',
        verdict: { decidedBy: { kind: 'policy', table: 'filter', chain: 'FORWARD' } },
        reply: { outcome: 'accept' },
      },
    });
    expect(told.at(-1)).toMatchObject({
      type: 'end',
      compared: 3,
      changed: 3,
      changes: [{ before: 'drop', after: 'accept', flows: 1 }, { kind: 'rule' }],
    });
    expect(stderr).toContain('what if: raw, filter of IPv4 from');
  });

  it('exits 4 where no change was expected', async () => {
    expect((await vethscope(['diff', SESSION, '--iptables', open, '--expect-no-change'])).code).toBe(4);
    expect((await vethscope(['diff', SESSION, '--iptables', open, '--expect-no-change', 'udp'])).code).toBe(0);
  });

  it('fails on a file that is no capture, whatever change was expected', async () => {
    const { code, stderr } = await vethscope(['diff', open, '--iptables', open, '--expect-no-change']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no capture file')]);
  });

  it('takes other rules for single questions, too', async () => {
    const scene = fileURLToPath(new URL('../fixtures/snapshots/scene-28.5.json', import.meta.url));
    const { code } = await vethscope(['--host', scene, 'explain', 'web1', 'web2', 'icmp', '--iptables', open, '--expect', 'accept']);
    expect(code).toBe(0);
  });

  it.each([
    [[], 2, 'diff needs rules to compare with'],
    [['--iptables', '/nowhere/at-all'], 1, 'cannot read the rules in /nowhere/at-all'],
    [['--iptables', SESSION], 1, 'is no text'],
  ])('says what is missing: %j', async (options, code, words) => {
    const finished = await vethscope(['diff', SESSION, ...options]);
    expect([finished.code, finished.stderr]).toEqual([code, expect.stringContaining(words)]);
    expect(finished.stderr).toContain('try: ');
  });
});
