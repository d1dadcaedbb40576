/** Saving a live capture: rotation, disks that fill up, folders that vanish, a kill, what memory holds. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { useLab } from './lab.ts';
import { Program, run } from './program.ts';
import { describeLab } from './root.ts';

interface Saved {
  readonly path: string;
  readonly packets: number;
  readonly files: number;
  readonly notSaved: { readonly packets: number };
  readonly error: string | null;
}

interface Session {
  readonly stderr: string;
  readonly packets: number;
  readonly outcomes: readonly unknown[];
  readonly events: readonly { readonly severity: string; readonly text: string }[];
  readonly lastSec: number;
}

describeLab('saving', () => {
  const host = useLab({ engine: '28.5' });
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-saving-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Sends UDP datagrams from web1 to its gateway, which refuses them; the refusals are no UDP. */
  const send = async (count: number, bytes = 1000, everySec = 0.001): Promise<void> => {
    const gateway = (await host().addressOf('web1', 'test_net1')).replace(/\d+$/, '1');
    const loop = `[(s.sendto(b'x'*${bytes},('${gateway}',9)),time.sleep(${everySec})) for _ in range(${count})]`;
    await host().container('web1', `python3 -c "import socket,time; s=socket.socket(2,2); ${loop}"`);
  };
  const capture = async (options: readonly string[], wrap = host().wrap): Promise<Program> => {
    const program = new Program(['capture', 'web1', '--json', '--packets', ...options, '--', 'udp'], wrap);
    await program.remark(/listening on veth/);
    return program;
  };
  const endOf = async (program: Program): Promise<{ readonly code: number | null; readonly packets: number; readonly saved: Saved }> => {
    const { code } = await program.interrupt();
    const { packets, saved } = program.objects.at(-1) as { readonly packets: number; readonly saved: Saved };
    return { code, packets, saved };
  };
  const read = async (file: string): Promise<Session> => {
    const { stdout, stderr } = await run(['read', file, '--json', '--packets']);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const end = objects.at(-1) as { readonly packets: number; readonly events: Session['events'] };
    const flows = objects.filter(({ type }) => type === 'flow');
    const times = objects.filter(({ type }) => type === 'packet').map(({ time }) => Number(time));
    return {
      stderr,
      packets: end.packets,
      events: end.events,
      outcomes: flows.map(({ verdict }) => (verdict as { readonly outcome: string } | null)?.outcome),
      lastSec: times.at(-1) ?? 0,
    };
  };
  const problemsOf = ({ events }: Session): string[] => events.filter(({ severity }) => severity !== 'info').map(({ text }) => text);

  it('makes each file of a ring a session of its own, and keeps the newest', { timeout: 60_000 }, async () => {
    const path = join(folder, 'ring', 'r.pcapng');
    mkdirSync(join(folder, 'ring'));
    const program = await capture(['-w', path, '-b', 'filesize:200', '-b', 'files:2']);
    await send(500);
    const { code, packets, saved } = await endOf(program);
    expect(code).toBe(0);
    expect(packets).toBeGreaterThanOrEqual(500);
    expect(saved).toMatchObject({ packets, notSaved: { packets: 0 }, error: null });
    expect(saved.files).toBeGreaterThan(2);
    const files = readdirSync(join(folder, 'ring')).sort();
    expect(files.map((name) => /^r_0000\d_\d{14}\.pcapng$/.test(name))).toEqual([true, true]);
    for (const name of files) {
      const file = join(folder, 'ring', name);
      const session = await read(file);
      expect(session.packets).toBeGreaterThan(0);
      expect(session.outcomes).toEqual(['accept']);
      expect(problemsOf(session)).toEqual([]);
      // The first packet of the flow in this file says what was decided, though the flow began in another.
      const shown = execFileSync('tshark', ['-r', file, '-Y', 'udp', '-c', '10', '-T', 'fields', '-e', 'frame.comment'], {
        encoding: 'utf8',
      });
      expect(shown.split('\n')[0]).toMatch(/^vethscope: ACCEPT/);
      const about = execFileSync('capinfos', ['-I', file], { encoding: 'utf8' });
      expect(about).toMatch(/Number of stat entries = 1/);
    }
  });

  it('ends by itself after so many packets, and no later one is in the file', { timeout: 30_000 }, async () => {
    const path = join(folder, 'five.pcapng');
    const program = await capture(['-w', path, '-a', 'packets:5']);
    await send(20);
    const { code } = await program.finished;
    expect(code, program.stderr).toBe(0);
    expect((await read(path)).packets).toBe(5);
  });

  it('loses at most the last second where it is killed, never the file', { timeout: 60_000 }, async () => {
    const path = join(folder, 'killed.pcapng');
    const program = await capture(['-w', path]);
    const sending = send(400, 100, 0.01);
    await expect.poll(async () => (await read(path)).packets, { interval: 300 }).toBeGreaterThan(100);
    const killedAtSec = Date.now() / 1000;
    program.child.kill('SIGKILL');
    await program.finished;
    const session = await read(path);
    await sending;
    expect(killedAtSec - session.lastSec).toBeLessThan(1);
    expect(session.outcomes).toEqual(['accept']);
    expect(problemsOf(session)).toEqual([]);
  });

  describe('where the disk says no', () => {
    it('goes on capturing when it is full, counts what is missing, and saves again when there is room', { timeout: 90_000 }, async () => {
      const mount = join(folder, 'small');
      mkdirSync(mount);
      const small = (argv: readonly string[]) =>
        host().wrap(['unshare', '-m', 'sh', '-c', `mount -t tmpfs -o size=512k none '${mount}' && exec "$@"`, 'sh', ...argv]);
      const program = await capture(['-w', join(mount, 'full.pcapng')], small);
      const inside = `/proc/${program.child.pid}/root${mount}`;
      writeFileSync(join(inside, 'ballast'), new Uint8Array(250_000));
      await send(400);
      await program.remark(/saving has stopped: ENOSPC/);
      rmSync(join(inside, 'ballast'));
      await expect
        .poll(
          async () => {
            await send(5, 100);
            return program.stderr;
          },
          { timeout: 30_000, interval: 500 },
        )
        .toMatch(/saving goes on; \d+ packets? missing before/);
      copyFileSync(join(inside, 'full.pcapng'), join(folder, 'full.pcapng'));
      const { code, packets, saved } = await endOf(program);
      expect(code).toBe(1);
      expect(saved.notSaved.packets).toBeGreaterThan(0);
      expect(saved.packets + saved.notSaved.packets).toBe(packets);
      const session = await read(join(folder, 'full.pcapng'));
      expect(problemsOf(session)).toEqual([]);
      expect(session.packets).toBeGreaterThan(0);
    });

    it('says at once that its folder was removed, and begins anew where it is back', { timeout: 90_000 }, async () => {
      const gone = join(folder, 'gone');
      mkdirSync(gone);
      const path = join(gone, 'x.pcapng');
      const program = await capture(['-w', path]);
      await send(10);
      rmSync(gone, { recursive: true });
      await program.remark(/x\.pcapng was deleted, and \d+ packets? with it/);
      await send(10);
      await program.remark(/saving has stopped: ENOENT/);
      mkdirSync(gone);
      await expect
        .poll(
          async () => {
            await send(5, 100);
            return program.stderr;
          },
          { timeout: 30_000, interval: 500 },
        )
        .toMatch(/saving goes on/);
      const { code, packets, saved } = await endOf(program);
      expect(code).toBe(1);
      expect(saved.packets + saved.notSaved.packets).toBe(packets);
      const session = await read(path);
      expect(session.packets).toBe(saved.packets);
      expect(session.outcomes).toContain('accept');
      expect(problemsOf(session)).toEqual([]);
    });
  });

  it('saves only the flows that were asked for, from their first packet on', { timeout: 60_000 }, async () => {
    const path = join(folder, 'only.pcapng');
    await host().sh('iptables -I INPUT -p udp --dport 9 -j DROP');
    const program = await capture(['-w', path, '--only', 'verdict:drop']);
    await send(3);
    const gateway = (await host().addressOf('web1', 'test_net1')).replace(/\d+$/, '1');
    await host().container('web1', `python3 -c "import socket; socket.socket(2,2).sendto(b'x',('${gateway}',10))"`);
    await program.object(({ type, dport }) => type === 'packet' && dport === 10, 'the datagram that is let through');
    await host().sh('iptables -D INPUT -p udp --dport 9 -j DROP');
    const { code } = await endOf(program);
    expect(code, program.stderr).toBe(0);
    const session = await read(path);
    expect(session.packets).toBe(3);
    expect(session.outcomes).toEqual(['drop']);
  });

  it('writes what memory holds when it is asked for, with the rules of then', { timeout: 60_000 }, async () => {
    const kept = join(folder, 'kept');
    mkdirSync(kept);
    const program = await capture(['--keep', '5m,8M', '-w', join(kept, 'k.pcapng')]);
    await program.remark(/kill -USR2 \d+ writes them/);
    await send(20);
    await host().sh('iptables -I INPUT -p udp --dport 9 -j DROP');
    await program.remark(/iptables rules changed/);
    await send(20);
    program.child.kill('SIGUSR2');
    await program.remark(/saved \d+ packets that were kept to \S+k_00001_\d{14}\.pcapng/);
    await host().sh('iptables -D INPUT -p udp --dport 9 -j DROP');
    const { code } = await program.interrupt();
    expect(code, program.stderr).toBe(0);
    const files = readdirSync(kept).sort();
    expect(files).toHaveLength(2);
    const session = await read(join(kept, files.find((name) => name.startsWith('k_')) ?? ''));
    expect(session.packets).toBe(40);
    expect(session.outcomes.toSorted()).toEqual(['accept', 'drop']);
    expect(session.events.map(({ text }) => text).join()).toMatch(/iptables rules changed: 1 added/);
  });
});
