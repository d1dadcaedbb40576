/** Captures on real interfaces, with both engines: sections, endings, and what is left behind. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isPipeOf } from '../../src/agent/capture-pipe.ts';
import { type AgentClient, type CaptureEvent, type CaptureHandle, startAgent } from '../../src/agent/client.ts';
import { openFifo } from '../../src/agent/engine/fifo-writer.ts';
import type { EngineKind } from '../../src/agent/protocol.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { describeLab } from '../lab/root.ts';
import { childrenOf, isAlive } from '../processes.ts';
import { Wire } from './wire.ts';

vi.setConfig({ testTimeout: 90_000 });

interface Section {
  readonly kinds: string[];
  packets: number;
  /** First payload byte after the UDP header, as the sender numbered it. */
  readonly numbers: number[];
  lastTime: number;
  comments: readonly string[];
  ended: boolean;
}

/** Reads what a capture brings into plain values. */
class Witness {
  readonly sections: Section[] = [];
  readonly events: Exclude<CaptureEvent, { kind: 'section' }>[] = [];

  readonly listen = (event: CaptureEvent): void => {
    if (event.kind !== 'section') {
      this.events.push(event);
      return;
    }
    const section: Section = { kinds: [], packets: 0, numbers: [], lastTime: 0, comments: [], ended: false };
    this.sections.push(section);
    const reader = new CaptureReader();
    event.stream.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      for (let next = reader.next(); next !== null; next = reader.next()) {
        if (next.kind !== 'packet') section.kinds.push(next.kind);
        if (next.kind === 'interface') section.comments = next.comments;
        if (next.kind !== 'packet') continue;
        const { bytes, start, timeSec, timeNsec } = next.packet;
        section.packets++;
        section.lastTime = timeSec + timeNsec / 1e9;
        section.numbers.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 42));
      }
    });
    event.stream.on('end', () => {
      section.ended = true;
    });
  };

  get started(): number {
    return this.events.filter((event) => event.kind === 'started').length;
  }

  get endings(): string[] {
    return this.events.flatMap((event) => (event.kind === 'ended' ? [event.end] : []));
  }

  get packets(): number {
    return this.sections.reduce((sum, section) => sum + section.packets, 0);
  }
}

const FILTER = 'udp port 9999';
/** Far more than it takes: the machine may be busy with other tests. */
const WITHIN = { timeout: 30_000 };

const descendantsOf = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);

/** The engine process of the agent's only capture. */
const engineOf = (agent: number): number => {
  const engine = childrenOf(agent).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine/main'));
  if (engine === undefined) throw new Error('the agent has no engine');
  return engine;
};

describeLab('captures', () => {
  let wire: Wire;
  let agent: AgentClient;
  let witness: Witness;
  let folder: string;
  const savedTmp = process.env['TMPDIR'];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'captures-'));
    process.env['TMPDIR'] = folder;
    wire = new Wire();
    witness = new Witness();
    agent = await startAgent();
  });

  afterEach(async () => {
    await agent.close();
    wire.remove();
    if (savedTmp === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = savedTmp;
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  const start = async (engine: EngineKind, plan: { filter?: string; interface?: string } = {}): Promise<CaptureHandle> =>
    agent.startCapture({ interface: 'va', netns: wire.netns, filter: FILTER, engine, description: 'test', ...plan }, witness.listen);

  describe.each<EngineKind>(['cap', 'tcpdump'])('with %s', (engine) => {
    it('bring every packet once, in order, in one whole section', async () => {
      const capture = await start(engine);
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      wire.send(2000);
      await expect.poll(() => witness.packets, WITHIN).toBe(2000);
      await capture.stop();
      const [section] = witness.sections;
      expect(section?.kinds).toEqual(['section', 'interface', 'statistics']);
      expect(section?.numbers).toEqual(Array.from({ length: 2000 }, (_, index) => index));
      expect(Math.abs((section?.lastTime ?? 0) - Date.now() / 1000)).toBeLessThan(60);
      expect(section?.comments).toEqual([engine === 'cap' ? 'time stamps: user space, as the packet was read' : 'time stamps: kernel']);
      expect(witness.endings).toEqual(['stopped']);
      const last = witness.events.filter((event) => event.kind === 'stats').at(-1);
      expect(last).toMatchObject({ received: 2000, droppedByKernel: engine === 'cap' ? null : 0, droppedByEngine: 0 });
    });

    it('filter in the kernel', async () => {
      const capture = await start(engine, { filter: 'udp port 1' });
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      wire.send(10);
      await capture.stop();
      expect(witness.packets).toBe(0);
    });

    it('say what is wrong with a filter', async () => {
      await start(engine, { filter: 'icmp and and' });
      await expect.poll(() => witness.endings, WITHIN).toEqual(['bad-filter']);
      expect(witness.events.at(-1)).toMatchObject({ message: expect.stringContaining('icmp and and'), resumes: false });
    });

    it('say that there is no such interface', async () => {
      await start(engine, { interface: 'nowhere0' });
      await expect.poll(() => witness.endings, WITHIN).toEqual(['no-interface']);
    });

    it('wait for an interface that is down, and go on in a new section', async () => {
      wire.down();
      const capture = await start(engine);
      await expect.poll(() => witness.endings, WITHIN).toEqual(['interface-down']);
      wire.up();
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      wire.send(5);
      await expect.poll(() => witness.packets, WITHIN).toBe(5);
      await capture.stop();
      expect(witness.sections.map((section) => section.packets)).toEqual([0, 5]);
    });

    it('go on in a new section when the interface was removed and made again', async () => {
      const capture = await start(engine);
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      wire.send(3);
      await expect.poll(() => witness.packets, WITHIN).toBe(3);
      wire.unplug();
      await expect.poll(() => witness.endings, WITHIN).toEqual(['interface-gone']);
      wire.plug();
      await expect.poll(() => witness.started, WITHIN).toBe(2);
      wire.send(4);
      await expect.poll(() => witness.packets, WITHIN).toBe(7);
      await capture.stop();
      expect(witness.sections.map((section) => section.packets)).toEqual([3, 4]);
      expect(witness.endings).toEqual(['interface-gone', 'stopped']);
    });

    it('end while they wait for an interface', async () => {
      const capture = await start(engine);
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      wire.unplug();
      await expect.poll(() => witness.endings, WITHIN).toEqual(['interface-gone']);
      await capture.stop();
      expect(witness.endings).toEqual(['interface-gone', 'stopped']);
    });

    it('go on when their engine was killed', async () => {
      const capture = await start(engine);
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      const victims = [engineOf(agent.pid), ...descendantsOf(engineOf(agent.pid))];
      process.kill(victims[0] as number, 'SIGKILL');
      await expect.poll(() => witness.endings, WITHIN).toEqual(['engine-crashed']);
      expect(witness.events.at(-1)).toMatchObject({ message: expect.stringContaining('SIGKILL'), resumes: true });
      await expect.poll(() => witness.started, WITHIN).toBe(2);
      wire.send(2);
      await expect.poll(() => witness.packets, WITHIN).toBe(2);
      await capture.stop();
      await expect.poll(() => victims.filter(isAlive), WITHIN).toEqual([]);
    });

    it('end with the agent, and nothing of them stays', async () => {
      const capture = await start(engine);
      await expect.poll(() => witness.started, WITHIN).toBe(1);
      const all = [agent.pid, ...descendantsOf(agent.pid)];
      process.kill(agent.pid, 'SIGKILL');
      await expect.poll(() => witness.endings, WITHIN).toEqual(['engine-crashed']);
      expect(witness.events.at(-1)).toMatchObject({ message: 'the agent has ended (SIGKILL)', resumes: false });
      await capture.stop();
      await expect.poll(() => all.filter(isAlive), WITHIN).toEqual([]);
      await expect(agent.probe()).rejects.toThrow('the agent has ended');
    });

    it('end with main, and nothing of them stays', async () => {
      const script = `
        import { startAgent } from ${JSON.stringify(join(process.cwd(), 'dist/agent/client.js'))};
        const agent = await startAgent();
        const plan = ${JSON.stringify({ interface: 'va', netns: wire.netns, filter: FILTER, engine, description: 'test' })};
        await agent.startCapture(plan, (event) => { if (event.kind === 'section') event.stream.resume(); else console.log(event.kind); });`;
      const main = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => main.stdout.once('data', resolve));
      const all = descendantsOf(main.pid as number);
      expect(all.length).toBeGreaterThan(1);
      main.kill('SIGKILL');
      await expect.poll(() => all.filter(isAlive), WITHIN).toEqual([]);
    });
  });

  it('have no file, from the moment they are asked for', async () => {
    const capture = await start('cap');
    expect(readdirSync(folder)).toEqual([]);
    await capture.stop();
  });

  it('count what a reader is too slow for, as dropped by the engine', async () => {
    let stats: Extract<CaptureEvent, { kind: 'stats' }> | null = null;
    let packets = 0;
    const reader = new CaptureReader();
    let stream: NodeJS.ReadableStream | null = null;
    const plan = { interface: 'va', netns: wire.netns, filter: '', engine: 'cap' as const, description: 'test' };
    const capture = await agent.startCapture(plan, (event) => {
      if (event.kind === 'section') stream = event.stream;
      if (event.kind === 'started') witness.listen(event);
      if (event.kind === 'stats') stats = event;
    });
    await expect.poll(() => witness.started, WITHIN).toBe(1);
    // nobody reads: 64 MiB wait in the engine, all beyond is lost and known to be
    const flood = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('vb', 0))
p = bytes(1400)
for n in range(60000): s.send(p)`;
    execFileSync('nsenter', [`--net=/run/netns/${wire.far}`, '--', 'python3', '-c', flood]);
    await expect.poll(() => stats?.droppedByEngine ?? 0, WITHIN).toBeGreaterThan(0);
    (stream as unknown as NodeJS.ReadableStream).on('data', (chunk: Buffer) => {
      reader.push(chunk);
      for (let next = reader.next(); next !== null; next = reader.next()) if (next.kind === 'packet') packets++;
    });
    await capture.stop();
    const { received, droppedByEngine } = stats as unknown as { received: number; droppedByEngine: number };
    expect(packets).toBe(received - droppedByEngine);
  });

  it('never write to anything but a FIFO', () => {
    expect(() => openFifo('/etc/hostname')).toThrow('/etc/hostname is no FIFO');
    expect(() => openFifo('/dev/null')).toThrow('/dev/null is no FIFO');
  });

  it('are written to descriptors of main and to no other path', () => {
    expect(isPipeOf(12, '/proc/12/fd/3')).toBe(true);
    for (const path of [
      '/proc/13/fd/3',
      '/proc/12/fd/../fd/3',
      '/proc/12/fd/03',
      '/proc/12/fd/3/x',
      '/tmp/fd/3',
      '/proc/12/fd/',
      '/run/initctl',
    ]) {
      expect(isPipeOf(12, path)).toBe(false);
    }
  });

  it('refuse a namespace that is not the one that was asked for', async () => {
    const netns = { ...wire.netns, id: '4026531000' };
    await agent.startCapture({ interface: 'va', netns, filter: '', engine: 'cap', description: 'test' }, witness.listen);
    await expect.poll(() => witness.endings, WITHIN).toEqual(['no-interface']);
  });
});
