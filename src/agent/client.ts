/**
 * Main's side of the agent: starts it, asks it, and hands over what captures bring. Everything that the session needs of the agent is here;
 * drop main's privileges (drop-privileges.ts) after `startAgent` has answered.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { failure } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';
import { builtProgram } from '../package-root.ts';
import { type CaptureHandle, type CaptureListener, type CapturePlan, ClientCapture } from './client-capture.ts';
import { ClientTrace, type TraceHandle, type TraceListener, type TracePlan } from './client-trace.ts';
import { dropPrivileges } from './drop-privileges.ts';
import {
  type AgentMessage,
  type AgentRequest,
  type Capabilities,
  type CollectRequest,
  DOCKER_HOST_OPTION,
  REMOTE_OPTION,
  type SendPacket,
} from './protocol.ts';

import type { OpenLink, RemoteLink } from './remote/link.ts';

export type { CaptureEvent, CaptureHandle, CaptureListener, CapturePlan } from './client-capture.ts';
export type { TraceHandle, TraceListener, TraceNews, TracePlan } from './client-trace.ts';

export interface AgentOptions {
  /** Address of the daemon; null or absent for DOCKER_HOST, the current context, or the usual sockets. */
  readonly dockerHost?: string | null;
  /** Another machine to look at, by ssh; null or absent for this one. */
  readonly on?: string | null;
}

/** What the agent says without being asked: `changed`, `counters`, `dockerState`, `link`, and `gone` when it has ended by itself. */
export type AgentNews =
  | Extract<AgentMessage, { readonly type: 'changed' | 'counters' | 'dockerState' | 'link' | 'traffic' }>
  | { readonly type: 'gone'; readonly message: string };

export interface AgentClient {
  readonly pid: number;
  /** Another machine that is looked at, and as whom, in words; null for this one. */
  readonly remote: string | null;
  collect(what: CollectRequest): Promise<SnapshotDocument>;
  probe(): Promise<Capabilities>;
  /** `changed` within two seconds of any change, `counters` about every `intervalMs` otherwise; the first `changed` only after a change. */
  watch(intervalMs: number, what: CollectRequest): void;
  unwatch(): void;
  /** Returns the way to stop listening. */
  onMessage(listener: (news: AgentNews) => void): () => void;
  /** Events go to `listener`, the first `section` before this resolves. Failures of the capture are `ended` events, not rejections. */
  startCapture(plan: CapturePlan, listener: CaptureListener): Promise<CaptureHandle>;
  /** Asks the kernel for its trace of matching packets. What becomes of it are events: `started`, or `ended` with the problem. */
  startTrace(plan: TracePlan, listener: TraceListener): TraceHandle;
  /** Sends one packet; resolves with what sent it. */
  sendPacket(packet: SendPacket): Promise<string>;
  /** Stops all captures and traces, ends the agent and waits until it is gone. */
  close(): Promise<void>;
}

const START_WITHIN_MS = 15_000;
const CLOSE_WITHIN_MS = 8000;
const CLOCK_MAY_DIFFER_SEC = 2;

export const startAgent = async (options: AgentOptions = {}): Promise<AgentClient> => {
  const { agent, ready } = forkAgent(options, await connect(options.on ?? null));
  await ready;
  return agent;
};

/** The way to another machine, while a person can still answer what ssh asks; null for this one. */
export const connect = async (on: string | null): Promise<OpenLink | null> => {
  if (on === null) return null;
  // ssh goes by the person's own keys and settings, and nothing here takes root.
  dropPrivileges();
  const { openLink } = await import('./remote/link.ts');
  return openLink(on, process.stdin.isTTY === true ? (line) => process.stderr.write(`${printable(line)}\n`) : null);
};

/** The same for who has something to do meanwhile: it can be asked at once, and answers when it runs. Until then main keeps its privileges. */
export const forkAgent = (
  options: AgentOptions = {},
  open: OpenLink | null = null,
): { readonly agent: AgentClient; readonly ready: Promise<void> } => {
  const child = fork(builtProgram('agent/main.js'), [], {
    // a session of its own: Ctrl-C in the terminal is main's to handle
    detached: true,
    serialization: 'advanced',
    execArgv: [],
    env: {
      ...process.env,
      ...(options.dockerHost ? { [DOCKER_HOST_OPTION]: options.dockerHost } : {}),
      ...(open === null ? {} : { [REMOTE_OPTION]: JSON.stringify(open.link) }),
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.once('exit', () => open?.close());
  const agent = new Client(child, open === null ? null : remoteWords(open.link));
  return { agent, ready: agent.ready };
};

/** What is worth knowing before one believes what is shown: who looks, and what a clock that differs would do to times. */
const remoteWords = ({ destination, hostname, uid, reach, clockAheadSec }: RemoteLink): string => {
  const who = uid === 0 ? 'as root' : reach.asRoot === '' ? `as uid ${uid}, without root` : `as uid ${uid}, with sudo -n`;
  const isOff = Math.abs(clockAheadSec) > CLOCK_MAY_DIFFER_SEC;
  const clock = isOff ? `; its clock is ${Math.abs(clockAheadSec)} s ${clockAheadSec > 0 ? 'ahead' : 'behind'}` : '';
  return `${hostname} by ssh (${destination.name}), ${who}${clock}`;
};

interface Pending {
  readonly resolve: (answer: SnapshotDocument | Capabilities | string) => void;
  readonly reject: (error: Error) => void;
}

class Client implements AgentClient {
  readonly ready: Promise<void>;
  readonly remote: string | null;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(news: AgentNews) => void>();
  readonly #pending = new Map<number, Pending>();
  readonly #captures = new Map<number, ClientCapture>();
  readonly #traces = new Map<number, ClientTrace>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closing = false;
  #goneMessage: string | null = null;
  #stderr = '';

  constructor(child: ChildProcess, remote: string | null) {
    this.#child = child;
    this.remote = remote;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-4096);
    });
    let started: () => void = () => {};
    let failed: (error: Error) => void = () => {};
    this.ready = new Promise((resolve, reject) => {
      started = resolve;
      failed = reject;
    });
    const timer = setTimeout(() => {
      failed(failure(`the agent did not start within ${START_WITHIN_MS / 1000} s`));
      child.kill('SIGKILL');
    }, START_WITHIN_MS);
    child.on('message', (raw) => {
      const message = raw as AgentMessage;
      if (message.type === 'ready') {
        clearTimeout(timer);
        started();
      } else this.#receive(message);
    });
    this.#exited = new Promise((resolve) => {
      const gone = (how: string): void => {
        clearTimeout(timer);
        this.#gone(how);
        failed(failure(this.#goneMessage ?? how));
        resolve();
      };
      child.on('error', (error) => gone(error.message));
      child.on('exit', (code, signal) => gone(signal ?? `exit ${code}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async collect(what: CollectRequest): Promise<SnapshotDocument> {
    return (await this.#ask((requestId) => ({ type: 'collect', requestId, what }))) as SnapshotDocument;
  }

  async probe(): Promise<Capabilities> {
    return (await this.#ask((requestId) => ({ type: 'probe', requestId }))) as Capabilities;
  }

  watch(intervalMs: number, what: CollectRequest): void {
    this.#send({ type: 'watch', intervalMs, what });
  }

  unwatch(): void {
    this.#send({ type: 'unwatch' });
  }

  onMessage(listener: (news: AgentNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async startCapture(plan: CapturePlan, listener: CaptureListener): Promise<CaptureHandle> {
    if (this.#goneMessage !== null) throw failure(this.#goneMessage);
    const id = ++this.#lastId;
    const capture = new ClientCapture(id, plan, listener, (request) => this.#send(request));
    this.#captures.set(id, capture);
    void capture.over.then(() => this.#captures.delete(id));
    try {
      await capture.start();
    } catch (error) {
      this.#captures.delete(id);
      throw error;
    }
    if (this.#goneMessage !== null) capture.agentGone(this.#goneMessage);
    return capture;
  }

  startTrace(plan: TracePlan, listener: TraceListener): TraceHandle {
    const id = ++this.#lastId;
    const trace = new ClientTrace(id, plan, listener, (request) => this.#send(request));
    this.#traces.set(id, trace);
    void trace.over.then(() => this.#traces.delete(id));
    if (this.#goneMessage !== null) trace.agentGone(this.#goneMessage);
    return trace;
  }

  async sendPacket(packet: SendPacket): Promise<string> {
    return (await this.#ask((requestId) => ({ type: 'send', requestId, packet }))) as string;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#captures.values(), ...this.#traces.values()].map((work) => work.stop()));
    if (this.#child.connected) this.#child.disconnect();
    // it ends by itself when the channel closes; after main has dropped root there is no other way to end it
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_WITHIN_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #ask(request: (requestId: number) => AgentRequest): Promise<SnapshotDocument | Capabilities | string> {
    return new Promise((resolve, reject) => {
      if (this.#goneMessage !== null) {
        reject(failure(this.#goneMessage));
        return;
      }
      const requestId = ++this.#lastId;
      this.#pending.set(requestId, { resolve, reject });
      this.#send(request(requestId));
    });
  }

  /** A channel that has just closed is no error here: `exit` follows and tells everybody. */
  #send(request: AgentRequest): void {
    if (this.#child.connected) this.#child.send(request, () => {});
  }

  #receive(message: AgentMessage): void {
    switch (message.type) {
      case 'collected':
        this.#answer(message.requestId)?.resolve(message.snapshot);
        break;
      case 'probed':
        this.#answer(message.requestId)?.resolve(message.capabilities);
        break;
      case 'failed':
        this.#answer(message.requestId)?.reject(failure(message.message, message.hint === null ? {} : { hint: message.hint }));
        break;
      case 'sent':
        this.#answer(message.requestId)?.resolve(message.by);
        break;
      case 'traceStarted':
      case 'traceGap':
      case 'traceRules':
      case 'traceText':
      case 'traceRecords':
      case 'traceLost':
      case 'traceEnded':
        this.#traces.get(message.traceId)?.receive(message);
        break;
      case 'captureStarted':
      case 'captureEnded':
      case 'captureStats':
        this.#captures.get(message.captureId)?.receive(message);
        break;
      case 'changed':
      case 'counters':
      case 'dockerState':
      case 'link':
      case 'traffic':
        this.#tell(message);
        break;
      case 'ready':
        break;
    }
  }

  #answer(requestId: number): Pending | undefined {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    return pending;
  }

  #tell(news: AgentNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  #gone(how: string): void {
    if (this.#goneMessage !== null) return;
    const said = this.#stderr.trim().split('\n').at(-1) ?? '';
    this.#goneMessage = `the agent has ended (${how})${said === '' ? '' : `: ${said}`}`;
    for (const pending of this.#pending.values()) pending.reject(failure(this.#goneMessage, { hint: 'start vethscope again' }));
    this.#pending.clear();
    for (const capture of this.#captures.values()) capture.agentGone(this.#goneMessage);
    for (const trace of this.#traces.values()) trace.agentGone(this.#goneMessage);
    if (!this.#closing) this.#tell({ type: 'gone', message: this.#goneMessage });
  }
}
