/**
 * A machine that only ssh reaches, looked at from outside: the same facts, verdicts and captures as there, and nothing left behind.
 * A real sshd, real Docker.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { describeChanges } from '../../src/agent/changes.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../src/host/snapshot.ts';
import { PtyUi } from '../ui/fixtures/pty.ts';
import { useLab } from './lab.ts';
import { MAIN_JS, Program, run } from './program.ts';
import { describeLab } from './root.ts';
import { type LabSshd, startSshd } from './sshd.ts';

const OUTSIDE = '203.0.113.2';
vi.setConfig({ testTimeout: 90_000 });

describeLab('another machine by ssh', () => {
  const host = useLab({ engine: '28.5', shared: true });
  let there: LabSshd;
  let web2 = '';
  beforeAll(async () => {
    there = await startSshd(host());
    web2 = await host().addressOf('web2', 'test_net2');
  }, 60_000);
  afterAll(() => there?.stop());

  const outside = (argv: readonly string[]): string[] =>
    host().wrapOutside(['env', '-u', 'DOCKER_HOST', `PATH=${there.bin}:${process.env['PATH']}`, ...argv]);
  const on = (...args: string[]) => run(['--on', there.name, ...args], outside);
  const ping = (to: string) => host().container('web1', `ping -c 1 -W 1 ${to} || true`);
  const nothingIsLeft = async (): Promise<void> => {
    await expect.poll(() => there.processes(), { timeout: 15_000 }).toEqual([]);
    expect(there.files()).toEqual([]);
  };

  it('has the same facts as a look from the machine itself', async () => {
    const [far, near] = await Promise.all([on('snapshot'), run(['snapshot'], (argv) => host().wrap(argv))]);
    expect(far.stderr).toMatch(/^vethscope: .* by ssh \(there\), as root/);
    const [theirs, ours] = [far, near].map(({ stdout }) => parseSnapshot(stdout)) as [SnapshotDocument, SnapshotDocument];
    expect(describeChanges(ours, theirs)).toEqual([]);
    expect({ host: theirs.host, netns: theirs.netns, missing: theirs.missing }).toEqual({
      host: ours.host,
      netns: ours.netns,
      missing: ours.missing,
    });
    expect(Object.keys(theirs.raw)).toEqual(Object.keys(ours.raw));
    expect(theirs.docker).toEqual(ours.docker);
    const settings = ({ raw }: Pick<SnapshotDocument, 'raw'>): string[] =>
      (raw[SNAPSHOT_COMMANDS.sysctl] ?? '')
        .split('\n')
        .filter((line) => !line.includes('conntrack_count'))
        .sort();
    expect(settings(theirs)).toEqual(settings(ours));
    expect(Object.keys(theirs.namespaces).sort()).toEqual(Object.keys(ours.namespaces).sort());
    for (const [id, ourNamespace] of Object.entries(ours.namespaces)) {
      const theirNamespace = theirs.namespaces[id];
      expect({ ...theirNamespace, raw: null }).toEqual({ ...ourNamespace, raw: null });
      expect(Object.keys(theirNamespace?.raw ?? {}).sort()).toEqual(Object.keys(ourNamespace.raw).sort());
    }
    await nothingIsLeft();
  });

  it('lists and explains as there', async () => {
    const [far, near] = await Promise.all([on('list', '--json'), run(['list', '--json'], (argv) => host().wrap(argv))]);
    expect(JSON.parse(far.stdout)).toEqual(JSON.parse(near.stdout));
    const { stdout, code } = await on('explain', 'web1', 'web2', 'icmp', '--expect', 'drop');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^DROP {2}web1 .* → web2 /);
  });

  it('captures with verdicts by the tcpdump there, also inside a container, and counts what is lost', async () => {
    const args = ['--on', there.name, 'capture', 'web1', 'mv1', 'icmp', '-c', '3', '--json'];
    const program = new Program(args, outside);
    await program.remark(/listening on/, 2);
    await ping(OUTSIDE);
    await ping(web2);
    const { code } = await program.finished;
    expect(code).toBe(0);
    const flows = program.objects.filter(({ type }) => type === 'flow') as { b: { address: string }; verdict: { outcome: string } }[];
    expect(flows.map(({ b, verdict }) => [b.address, verdict.outcome])).toEqual(
      expect.arrayContaining([
        [OUTSIDE, 'accept'],
        [web2, 'drop'],
      ]),
    );
    expect(program.objects.at(-1)).toMatchObject({ type: 'end', packets: 3, lost: { kernel: 0, engine: 0 } });
    await nothingIsLeft();
  });

  it('says that the connection is lost, makes it anew, and goes on behind a gap', async () => {
    const program = new Program(['--on', there.name, 'capture', 'web1', 'icmp', '--json', '--packets'], outside);
    await program.remark(/listening on/);
    await ping(OUTSIDE);
    // What is on its way when the connection breaks is lost.
    await expect.poll(() => program.objects.filter(({ type }) => type === 'packet').length).toBe(2);
    there.cut();
    await program.remark(/the connection is lost/);
    await program.remark(/listening again on/);
    await ping(web2);
    const ended = await program.interrupt();
    expect(ended.code).toBe(0);
    const end = program.objects.at(-1) as { points: readonly { gaps: readonly unknown[] }[]; packets: number };
    expect(end.points.map(({ gaps }) => gaps.length)).toEqual([1]);
    expect(end.packets).toBe(3);
    await nothingIsLeft();
  });

  it('refuses in a sentence what is done only on the machine itself', async () => {
    const { code, stderr } = await on('trace', 'web1', 'web2', 'icmp');
    expect(code).toBe(1);
    expect(stderr).toContain('only on the machine itself');
    expect((await on('list', '--docker-host', 'unix:///x')).code).toBe(2);
  });

  it('never goes by an unknown host key, and says what refused the connection', async () => {
    const unknown = await run(['--on', there.stranger, 'list'], outside);
    expect({ code: unknown.code, stdout: unknown.stdout }).toEqual({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/the host key of stranger is not known here\n.*\n {2}try: ssh stranger once/);
    const refused = await run(['--on', 'ssh://root@203.0.113.1:2223', 'list'], outside);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/cannot be reached\n {2}.*refused/);
  });

  it('asks at a terminal about an unknown host key, goes on after yes, and leaves nothing after no or Ctrl-C', async () => {
    const folder = mkdtempSync('/tmp/vethscope-remote-');
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const ask = async (keys: string): Promise<{ code: number; text: string }> => {
      const list = [process.execPath, MAIN_JS, '--on', there.stranger, 'list'];
      const ui = new PtyUi(outside(list), { env: { TMPDIR: folder, NO_COLOR: '1' }, columns: 120 });
      try {
        await ui.see('(yes/no/[fingerprint])?');
        ui.press(keys);
        return { code: await ui.exited(), text: ui.text };
      } finally {
        ui.end();
      }
    };
    const yes = await ask('yes\r');
    expect(yes.text).toContain('as root');
    expect(yes.text).toMatch(/^web1 +running/m);
    expect(yes.code).toBe(0);
    const no = await ask('no\r');
    expect(no.text).toMatch(/the host key of stranger is not known here\n {2}try: again, and compare/);
    expect(no.code).toBe(1);
    await ask('\u0003');
    expect(readdirSync(folder)).toEqual([]);
    await nothingIsLeft();
  });

  it('says where a connection that broke would take a person to be made anew, and the capture ends as always', async () => {
    const program = new Program(['--on', there.name, 'capture', 'web1', 'icmp', '--json'], outside);
    await program.remark(/listening on/);
    there.changeLocks();
    there.cut();
    await program.remark(/the connection to there is lost; start vethscope again, ssh would have to ask \(.*Permission denied/);
    const { code } = await program.interrupt();
    expect(code).toBe(0);
    expect(program.objects.at(-1)).toMatchObject({ type: 'end' });
    await nothingIsLeft();
  });
});
