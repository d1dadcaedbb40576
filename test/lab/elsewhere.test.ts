/**
 * A session that was recorded on a real Docker host is copied and opened elsewhere: by tshark, and by an ordinary user who has neither
 * Docker nor any program in the path. Rules change while it is recorded; everything is told again as it was.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PtyUi } from '../ui/fixtures/pty.ts';
import { useLab } from './lab.ts';
import { MAIN_JS, Program, run } from './program.ts';
import { describeLab } from './root.ts';

const OUTSIDE = '203.0.113.2';
const NOBODY = '65534';

interface ToldFlow {
  readonly type: string;
  readonly id: number;
  readonly a: { readonly name?: string };
  readonly b: { readonly name?: string };
  readonly packets: readonly [number, number];
  readonly verdict: { readonly outcome: string; readonly decidedBy: Record<string, unknown>; readonly nat: readonly unknown[] } | null;
}

/** What must be the same: not counters, which are those of when they were read. */
const essence = (told: readonly ToldFlow[]): unknown[] => {
  const newest = new Map<number, ToldFlow>();
  for (const flow of told) if (flow.type === 'flow') newest.set(flow.id, flow);
  return [...newest.values()].map(({ a, b, packets, verdict }) => {
    const { counters, ...decidedBy } = verdict?.decidedBy ?? {};
    return { a: a.name, b: b.name, packets, outcome: verdict?.outcome, decidedBy, nat: verdict?.nat };
  });
};

describeLab('a session that was recorded on a Docker host', () => {
  const host = useLab({ engine: '28.5' });
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-elsewhere-'));
  const file = join(folder, 'copied.pcapng');
  let recorded: readonly ToldFlow[] = [];

  const ordinary = (argv: readonly string[]): string[] => [
    '/usr/bin/setpriv',
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    '--clear-groups',
    '/usr/bin/env',
    '-i',
    'PATH=/nowhere',
    'HOME=/nowhere',
    'TERM=xterm-256color',
    'LANG=C.UTF-8',
    'DOCKER_HOST=unix:///nowhere.sock',
    ...argv,
  ];

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    const web2 = await host().addressOf('web2', 'test_net2');
    const path = join(folder, 'recorded.pcapng');
    const program = new Program(['capture', 'web1', '--json', '-w', path, '--', 'icmp'], host().wrap);
    await program.remark(/listening on veth/);
    await host().container('web1', `ping -c 2 -W 1 ${OUTSIDE}; ping -c 2 -W 1 ${web2}; true`);
    await host().sh(`iptables -I DOCKER-USER -d ${OUTSIDE} -p icmp -j DROP`);
    await program.remark(/iptables rules changed: 1 added/);
    await host().container('web1', `ping -c 2 -W 1 ${OUTSIDE}; true`);
    await program.interrupt();
    recorded = program.objects as unknown as ToldFlow[];
    copyFileSync(path, file);
    chmodSync(file, 0o644);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has the same flows and verdicts for an ordinary user without Docker', async () => {
    const { code, stdout, stderr } = await run(['read', file, '--json'], ordinary);
    expect(stderr).not.toContain('defect');
    expect(code).toBe(0);
    const told = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ToldFlow);
    expect(essence(told)).toEqual(essence(recorded));
    expect(essence(recorded)).toHaveLength(3);
    expect(essence(recorded).map((flow) => (flow as { readonly outcome: string }).outcome)).toEqual(
      expect.arrayContaining(['accept', 'drop', 'drop']),
    );
  });

  it('is shown by the UI to an ordinary user', async () => {
    const ui = new PtyUi(ordinary([process.execPath, MAIN_JS, '--open', file]), { columns: 140, rows: 36 });
    await ui.see(/web1 → web2 +icmp echo +2 sent 0 back +2 .* DROP/);
    await ui.see('DOCKER-USER');
    await ui.see('at the end');
    ui.press('q');
    expect(await ui.exited()).toBe(0);
  });

  it('opens in tshark, with comments, names and statistics', () => {
    const fields = execFileSync('tshark', ['-r', file, '-Y', 'icmp', '-T', 'fields', '-e', 'frame.comment'], { encoding: 'utf8' });
    expect(fields).toMatch(/vethscope: DROP /);
    expect(fields).toMatch(/vethscope: ACCEPT .*MASQUERADE/);
    const named = execFileSync('tshark', ['-r', file, '-Y', 'icmp', '-N', 'n', '-T', 'fields', '-e', 'ip.src_host'], { encoding: 'utf8' });
    expect(named).toContain('web1');
    const about = execFileSync('capinfos', [file], { encoding: 'utf8' });
    expect(about).toMatch(/Number of stat entries = [1-9]/);
  });
});
