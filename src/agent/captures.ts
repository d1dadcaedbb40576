/**
 * The agent's captures: one engine process a section. When the interface goes or is taken down the section ends, and the next one starts
 * once the interface is back and main has named a FIFO for it, until the person stops the capture.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { messageOf } from '../base/errors.ts';
import { builtProgram } from '../package-root.ts';
import { isPipeOf } from './capture-pipe.ts';
import type { EngineMessage, EngineStart } from './engine/engine-protocol.ts';
import { STOP_BYTE } from './engine/engine-protocol.ts';
import { readLinkState } from './links.ts';
import type { Enter, Machine, NetnsHandle } from './machine/machine.ts';
import { openNamed } from './namespaces.ts';
import { cleanEnvironment, lastLine } from './programs.ts';
import type { AgentMessage, CaptureNamespace, StartCapture } from './protocol.ts';
import type { RemoteReach } from './remote/reach.ts';

const MAX_STDERR = 4096;
const POLL_LINK_MS = 250;
/** An engine that crashed on a sound interface may do so again. */
const RESTART_AFTER_MS = 1000;
/** The engine drains for up to three seconds; then it is ended. */
const STOP_WITHIN_MS = 5000;

type Ended = Extract<EngineMessage, { type: 'ended' }>;

interface Capture {
  plan: StartCapture;
  /** `waiting`: for the interface, a FIFO, or both. */
  state: 'running' | 'waiting' | 'over';
  engine: ChildProcess | null;
  stopRequested: boolean;
  nextFifo: string | null;
  poll: NodeJS.Timeout | null;
  /** The engine of this section got as far as capturing. */
  started: boolean;
}

export class Captures {
  readonly #machine: Machine;
  readonly #reach: RemoteReach | null;
  readonly #send: (message: AgentMessage) => void;
  readonly #captures = new Map<number, Capture>();
  readonly #main = process.ppid;

  /** `reach`: how an engine starts programs on another machine. */
  constructor(machine: Machine, reach: RemoteReach | null, send: (message: AgentMessage) => void) {
    this.#machine = machine;
    this.#reach = reach;
    this.#send = send;
  }

  start(plan: StartCapture): void {
    const capture: Capture = { plan, state: 'running', engine: null, stopRequested: false, nextFifo: null, poll: null, started: false };
    this.#captures.set(plan.captureId, capture);
    void this.#runEngine(capture);
  }

  continue(captureId: number, fifo: string): void {
    const capture = this.#captures.get(captureId);
    if (capture?.state === 'waiting') capture.nextFifo = fifo;
  }

  stop(captureId: number): void {
    const capture = this.#captures.get(captureId);
    if (capture === undefined || capture.state === 'over') return;
    capture.stopRequested = true;
    if (capture.state === 'waiting') {
      this.#over(capture, { type: 'ended', end: 'stopped', message: 'stopped', hint: null });
      return;
    }
    // Where none runs yet, whoever starts it sees that it is no longer wanted.
    stopEngine(capture.engine);
  }

  killAll(): void {
    for (const capture of this.#captures.values()) capture.engine?.kill('SIGKILL');
  }

  async #runEngine(capture: Capture): Promise<void> {
    const { plan } = capture;
    // a parent that has ended leaves its number to others
    if (process.ppid !== this.#main || !isPipeOf(this.#main, plan.fifo)) {
      this.#over(capture, { type: 'ended', end: 'engine-crashed', message: `packets are not written to ${plan.fifo}`, hint: null });
      return;
    }
    const way = await this.#wayInto(plan.netns);
    if (capture.stopRequested) {
      way?.close();
      this.#over(capture, { type: 'ended', end: 'stopped', message: 'stopped', hint: null });
      return;
    }
    if (way === null) {
      this.#over(capture, { type: 'ended', end: 'no-interface', message: `the namespace of ${plan.interface} is gone`, hint: null });
      return;
    }
    capture.state = 'running';
    capture.started = false;
    let stderr = '';
    let ended: Ended | null = null;
    let engine: ChildProcess;
    try {
      engine = forkEngine(this.#reach === null ? way.enter : []);
    } catch (error) {
      way.close();
      this.#over(capture, {
        type: 'ended',
        end: 'engine-crashed',
        message: `the engine could not be started: ${messageOf(error)}`,
        hint: null,
      });
      return;
    }
    capture.engine = engine;
    engine.stdin?.on('error', () => {}); // it has ended: 'close' follows
    engine.stderr?.on('data', (chunk: Buffer) => {
      if (stderr.length < MAX_STDERR) stderr += chunk.toString('utf8');
    });
    engine.on('message', (raw) => {
      const message = raw as EngineMessage;
      if (message.type === 'ended') {
        ended = message;
        // an engine whose loop does not yield cannot end by itself
        engine.kill('SIGKILL');
      } else if (message.type === 'stats') this.#send({ ...message, type: 'captureStats', captureId: plan.captureId });
      else {
        capture.started = true;
        const warnings = [...message.warnings, ...warningsIn(stderr)];
        this.#send({ type: 'captureStarted', captureId: plan.captureId, linkType: message.linkType, engine: plan.engine, warnings });
      }
    });
    engine.on('error', (error) => {
      stderr += `${error.message}\n`;
    });
    engine.on('close', (code, signal) => {
      capture.engine = null;
      void this.#sectionEnded(capture, way, ended ?? crashed(plan, code, signal, stderr)).finally(() => way.close());
    });
    const reach = this.#reach === null ? null : { ...this.#reach, enter: way.enter };
    engine.send({ type: 'start', capture: plan, reach } satisfies EngineStart, (error) => {
      if (error !== null) stderr += `${error.message}\n`;
    });
  }

  async #sectionEnded(capture: Capture, way: Way, ended: Ended): Promise<void> {
    const { plan } = capture;
    if (capture.stopRequested) {
      this.#over(capture, ended.end === 'stopped' ? ended : { ...ended, end: 'stopped', message: 'stopped' });
      return;
    }
    const why = ended.end === 'engine-crashed' ? await this.#refine(plan, way, ended) : ended;
    const resumes = why.end === 'interface-gone' || why.end === 'interface-down' || (why.end === 'engine-crashed' && capture.started);
    if (!resumes || capture.stopRequested) {
      this.#over(capture, capture.stopRequested ? { ...why, end: 'stopped', message: 'stopped' } : why);
      return;
    }
    capture.state = 'waiting';
    this.#ended(capture, why, true);
    this.#wait(capture, why.end === 'engine-crashed' ? RESTART_AFTER_MS : POLL_LINK_MS);
  }

  /** An engine that crashed did so mostly because of its interface: only a look at it tells. */
  async #refine(plan: StartCapture, way: Way, ended: Ended): Promise<Ended> {
    const name = plan.interface;
    const again = await this.#wayInto(plan.netns);
    if (again === null) return { ...ended, end: 'interface-gone', message: `${name} is gone with its namespace`, hint: null };
    again.close();
    const link = await readLinkState(name, { machine: this.#machine, enter: way.enter });
    if (link === null) return ended;
    if (!link.present) return { ...ended, end: 'interface-gone', message: `the interface ${name} is gone`, hint: null };
    if (!link.up) return { ...ended, end: 'interface-down', message: `${name} was taken down`, hint: `ip link set ${name} up` };
    return ended;
  }

  #wait(capture: Capture, firstMs: number): void {
    const look = async (): Promise<void> => {
      const { plan } = capture;
      if (capture.nextFifo !== null) {
        // Opened for this look only: held while waiting, it would keep a namespace that nobody uses any more.
        const way = await this.#wayInto(plan.netns);
        const place = { machine: this.#machine, enter: way?.enter ?? [] };
        const link = way === null ? null : await readLinkState(plan.interface, place).finally(() => way.close());
        if (capture.state !== 'waiting') return;
        if (link?.up) {
          capture.plan = { ...plan, fifo: capture.nextFifo };
          capture.nextFifo = null;
          void this.#runEngine(capture);
          return;
        }
      }
      capture.poll = setTimeout(() => void look(), POLL_LINK_MS);
    };
    capture.poll = setTimeout(() => void look(), firstMs);
  }

  /** Null where the namespace is no longer what it was. */
  async #wayInto(netns: CaptureNamespace | null): Promise<Way | null> {
    return netns === null ? HERE : openNamed(this.#machine, netns);
  }

  #over(capture: Capture, ended: Ended): void {
    if (capture.poll !== null) clearTimeout(capture.poll);
    capture.state = 'over';
    this.#captures.delete(capture.plan.captureId);
    this.#ended(capture, ended, false);
  }

  #ended(capture: Capture, { end, message, hint }: Ended, resumes: boolean): void {
    this.#send({ type: 'captureEnded', captureId: capture.plan.captureId, end, message, hint, resumes });
  }
}

const crashed = (plan: StartCapture, code: number | null, signal: string | null, stderr: string): Ended => {
  const said = lastLine(warningsIn(stderr).join('\n'));
  const how = signal ?? `exit ${code ?? '?'}`;
  const message = `the capture engine on ${plan.interface} ended (${how})${said === '' ? '' : `: ${said}`}`;
  return { type: 'ended', end: 'engine-crashed', message, hint: plan.engine === 'cap' ? 'try --engine tcpdump' : null };
};

type Way = Pick<NetnsHandle, 'enter' | 'close'>;

/** Nothing to enter and nothing to close. */
const HERE: Way = { enter: [], close: () => {} };

/**
 * What the shell does before the engine takes its place. No core files, as an engine that aborts is part of its life. And the lowest real-time
 * priority where there is a processor to spare: libpcap's ring has 1023 slots however small the packets are, ten milliseconds at 100,000 a
 * second, which a busy machine's scheduler takes easily; sched(7).
 */
const preamble = (): string => `ulimit -c 0; ${availableParallelism() > 1 ? 'chrt -f -p 1 $$ >/dev/null 2>&1; ' : ''}exec "$0" "$@"`;

const forkEngine = (enter: Enter): ChildProcess =>
  fork(builtProgram('agent/engine/main.js'), [], {
    execPath: '/bin/sh',
    execArgv: ['-c', preamble(), ...enter, process.execPath, '--max-semi-space-size=16'],
    env: cleanEnvironment(),
    cwd: '/',
    serialization: 'advanced',
    stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
  });

const stopEngine = (engine: ChildProcess | null): void => {
  if (engine === null) return;
  engine.stdin?.end(STOP_BYTE);
  setTimeout(() => engine.kill('SIGKILL'), STOP_WITHIN_MS).unref();
};

/** libpcap warns of interfaces without an IPv4 address, which is what a veth is: nothing to tell. */
const warningsIn = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.trim() !== '' && !/This may not actually work/.test(line));
