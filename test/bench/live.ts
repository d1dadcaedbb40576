/**
 * Live captures of a cable between two interfaces: the engine alone, its bytes thrown away, beside the whole program with its screen, verdicts
 * and a session file. What was lost is what was sent and not counted: `cap` itself cannot tell. What bounds both: how fast the sender is with
 * nobody listening, and with tcpdump, which throws its packets away.
 */
import { spawn as spawnChild } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { spawn } from 'node-pty';
import { startAgent } from '../../src/agent/client.ts';
import type { Group } from './group.ts';
import { least, most, type Row } from './measure.ts';
import { mainOf } from './program.ts';
import { FAR, isRoot, Wire } from './wire.ts';

const RATES = [50_000, 100_000, 150_000, 200_000, 300_000] as const;
/** More than any sender manages. */
const FASTEST = 10_000_000;
const FRAMES_AT = 200_000;
const SECONDS = 3;
const FLOWS = 5_000;
/** What waits in the engine and in the pipe is worked off meanwhile. */
const SETTLE_MS = 2_000;
const PATIENCE_MS = 30_000;
/** A frame begins so (synchronized output). */
const FRAME = '\u001b[?2026h';

interface Run {
  readonly sent: number;
  readonly got: number;
  readonly countedOnly: number;
  /** Between two frames, in milliseconds. */
  readonly worstGapMs: number;
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const engineAlone = async (wire: Wire, rate: number): Promise<Run> => {
  const agent = await startAgent();
  try {
    let received = 0;
    let started: () => void = () => {};
    const listening = new Promise<void>((done) => {
      started = done;
    });
    const plan = { interface: FAR, netns: wire.namespace, filter: 'udp', engine: 'cap', description: '' } as const;
    const capture = await agent.startCapture(plan, (event) => {
      if (event.kind === 'section') event.stream.resume();
      else if (event.kind === 'started') started();
      else if (event.kind === 'stats') received = (event.received ?? 0) - (event.droppedByEngine ?? 0);
    });
    await listening;
    const sent = await wire.send(rate, SECONDS, FLOWS);
    await pause(SETTLE_MS);
    await capture.stop();
    return { sent, got: received, countedOnly: 0, worstGapMs: 0 };
  } finally {
    await agent.close();
  }
};

const wholeProgram = async (wire: Wire, rate: number): Promise<Run> => {
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-bench-'));
  const [program = '', ...args] = wire.inside([process.execPath, resolve(mainOf()), '--docker-host', 'unix:///nonexistent', FAR]);
  const env: Record<string, string | undefined> = { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8' };
  for (const name of ['CI', 'NO_COLOR', 'NODE_ENV']) delete env[name];
  const pty = spawn(program, args, { cols: 140, rows: 40, cwd: folder, env: env as Record<string, string> });
  const ended = new Promise<void>((done) => pty.onExit(() => done()));
  let shown = '';
  let isSending = false;
  let frameAt = 0;
  let worstGapMs = 0;
  pty.onData((text) => {
    shown = (shown + text).slice(-200_000);
    if (!text.includes(FRAME)) return;
    const now = performance.now();
    if (isSending && frameAt > 0) worstGapMs = Math.max(worstGapMs, now - frameAt);
    frameAt = now;
  });
  const until = async (pattern: RegExp): Promise<void> => {
    const end = performance.now() + PATIENCE_MS;
    while (!pattern.test(stripVTControlCharacters(shown))) {
      if (performance.now() > end) throw new Error(`the screen never showed ${pattern}:\n${stripVTControlCharacters(shown).slice(-2000)}`);
      await pause(50);
    }
  };
  const last = (pattern: RegExp): number => {
    const found = [...stripVTControlCharacters(shown).matchAll(pattern)].at(-1)?.[1];
    return found === undefined ? 0 : Number(found.replaceAll(',', ''));
  };
  try {
    await until(/listening on/);
    pty.write('f');
    await until(/filter/i);
    pty.write('\u0015udp\r');
    await pause(1_000);
    pty.write('s');
    await until(/\.pcapng/);
    pty.write('\r');
    await until(/saving to/);
    const before = last(/([\d,]+) packets?\b/g);
    isSending = true;
    const sent = await wire.send(rate, SECONDS, FLOWS);
    isSending = false;
    await pause(SETTLE_MS);
    return { sent, got: last(/([\d,]+) packets?\b/g) - before, countedOnly: last(/([\d,]+) counted only/g), worstGapMs };
  } finally {
    pty.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
};

/** As fast as the sender can, with tcpdump at the other end. */
const tcpdumpAlone = async (wire: Wire): Promise<Run> => {
  const [program = '', ...args] = wire.inside(['tcpdump', '-i', FAR, '-n', '-s', '128', '-B', '65536', '-w', '/dev/null', 'udp']);
  const child = spawnChild(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  let said = '';
  const listening = new Promise<void>((done) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('listening on')) done();
    });
  });
  await Promise.race([listening, ended]);
  const sent = await wire.send(FASTEST, SECONDS, FLOWS);
  await pause(SETTLE_MS);
  child.kill('SIGINT');
  await ended;
  const got = /(\d+) packets? captured/.exec(said)?.[1];
  if (got === undefined) throw new Error(`tcpdump told no count: ${said}`);
  return { sent, got: Number(got), countedOnly: 0, worstGapMs: 0 };
};

const lostNothing = ({ sent, got, countedOnly }: Run): boolean => got >= sent && countedOnly === 0;

const rateOf = ({ sent }: Run): number => Math.round(sent / SECONDS);

const single = (name: string, unit: string, value: number, extra: Partial<Row> = {}): Row => ({
  name,
  unit,
  median: value,
  best: value,
  worst: value,
  repeats: 1,
  ...extra,
});

const wordsOf = (runs: readonly Run[]): string =>
  runs
    .map((run) => {
      const lost = Math.max(0, run.sent - run.got);
      return `${Math.round(rateOf(run) / 1000)}k: ${lost} lost${run.countedOnly > 0 ? `, ${run.countedOnly} counted only` : ''}`;
    })
    .join('; ');

export const live: Group = {
  name: 'live',
  title: `packets of 60 bytes in ${FLOWS.toLocaleString('en-US')} flows over a veth pair, sender and captures on one machine (needs root)`,
  run: async (report) => {
    if (!isRoot()) throw new Error('the group live makes a network namespace: run it as root');
    const wire = await Wire.open();
    try {
      const nobody = Math.round((await wire.send(FASTEST, SECONDS, FLOWS)) / SECONDS);
      report(single('the sender with nobody listening', 'packets/s', nobody, { note: 'bound: one processor' }));
      const tcpdump = await tcpdumpAlone(wire);
      report(
        single('the sender with tcpdump listening', 'packets/s', rateOf(tcpdump), { note: `bound: -w /dev/null; ${wordsOf([tcpdump])}` }),
      );
      const alone: Run[] = [];
      const whole: Run[] = [];
      for (const rate of RATES) {
        alone.push(await engineAlone(wire, rate));
        whole.push(await wholeProgram(wire, rate));
      }
      const bestOf = (runs: readonly Run[]): number => Math.max(0, ...runs.filter(lostNothing).map(rateOf));
      report(single('engine alone, most without loss', 'packets/s', bestOf(alone), { note: wordsOf(alone) }));
      report(
        single('screen, verdicts and saving, most without loss', 'packets/s', bestOf(whole), {
          ...least(300_000),
          against: { program: 'the engine alone', ratio: bestOf(whole) / Math.max(1, bestOf(alone)) },
          note: `${wordsOf(whole)}; bounded by the processors that sender, engine and main share`,
        }),
      );
      const frames = whole[RATES.indexOf(FRAMES_AT)];
      if (frames !== undefined)
        report(
          single(`worst gap between frames, ${FRAMES_AT.toLocaleString('en-US')} packets/s asked for`, 'ms', frames.worstGapMs, {
            ...most(100),
            note: `${rateOf(frames).toLocaleString('en-US')} packets/s sent`,
          }),
        );
    } finally {
      wire.close();
    }
  },
};
