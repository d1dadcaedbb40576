/**
 * Captures with tcpdump: kernel time stamps in nanoseconds and drop counts, at the price of a program that has to be installed. Its pcap
 * becomes pcapng on the way. tcpdump(8).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { PcapToPcapng } from '../../pcap/tcpdump-stream.ts';
import { cleanEnvironment, findProgram, lastLine } from '../programs.ts';
import type { CaptureEnd, StartCapture } from '../protocol.ts';
import { spawnRemote } from '../remote/reach.ts';
import type { Control } from './control.ts';
import type { EngineMessage, EngineStart } from './engine-protocol.ts';
import { FifoWriter, openFifo } from './fifo-writer.ts';

/** Beyond this tcpdump is left waiting, its ring fills, and the kernel counts what it drops. */
const PAUSE_BYTES = 16 * 1024 * 1024;
const RESUME_BYTES = 4 * 1024 * 1024;
const RETRY_EVERY_MS = 1;
const STATS_EVERY_MS = 1000;
const DRAIN_MS = 3000;
const MAX_STDERR = 16 * 1024;
/** ssh(1), EXIT STATUS. */
const SSH_FAILED = 255;

/**
 * A shell stands between: a line on its stdin asks tcpdump for its counts, the end of its stdin ends tcpdump. So tcpdump goes when the
 * engine goes, in whatever way.
 */
const KEEPER = `ulimit -c 0
exec 4>&1 1>&2
"$@" </dev/null >&4 4>&- &
dump=$!
exec 4>&-
while read -r _; do kill -USR1 $dump 2>/dev/null || break; done
kill -TERM $dump 2>/dev/null
wait $dump`;

export interface TcpdumpCounts {
  readonly captured: number | null;
  readonly receivedByFilter: number | null;
  readonly droppedByKernel: number | null;
  readonly droppedByInterface: number | null;
}

/** The last counts in what tcpdump printed; on SIGUSR1 they stand on one line, at the end on several. */
export const parseCounts = (stderr: string): TcpdumpCounts => {
  const last = (words: string): number | null => {
    const all = [...stderr.matchAll(new RegExp(`(\\d+) packets? ${words}`, 'g'))];
    const text = all[all.length - 1]?.[1];
    return text === undefined ? null : Number(text);
  };
  const captured = last('captured');
  return {
    captured,
    receivedByFilter: last('received by filter'),
    droppedByKernel: last('dropped by kernel'),
    // tcpdump leaves the line out where there were none
    droppedByInterface: last('dropped by interface') ?? (captured === null ? null : 0),
  };
};

export const tcpdumpArguments = (capture: StartCapture): string[] => [
  '-i',
  capture.interface,
  '-s',
  String(capture.snapLength),
  '-B',
  String(Math.ceil(capture.bufferBytes / 1024)),
  '--time-stamp-precision=nano',
  '--immediate-mode',
  '-n',
  '-U',
  '-w',
  '-',
  // a filter that looks like an option stays a filter
  '--',
  ...(capture.filter === '' ? [] : [capture.filter]),
];

export class TcpdumpEngine {
  readonly #capture: StartCapture;
  readonly #send: (message: EngineMessage) => void;
  readonly #control: Control;
  readonly #reach: EngineStart['reach'];
  readonly #transcoder: PcapToPcapng;
  #writer: FifoWriter | null = null;
  #child: ChildProcess | null = null;
  #stderr = '';
  #started = false;
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(capture: StartCapture, control: Control, send: (message: EngineMessage) => void, reach: EngineStart['reach']) {
    this.#reach = reach;
    this.#capture = capture;
    this.#control = control;
    this.#send = send;
    const { interface: name, description, filter } = capture;
    this.#transcoder = new PcapToPcapng({
      section: { application: 'vethscope, tcpdump' },
      interface: { name, description, filter, timeStampSource: 'kernel' },
    });
  }

  start(): void {
    const tcpdump = this.#reach === null ? findProgram('tcpdump') : 'tcpdump';
    if (tcpdump === null) {
      this.#send({
        type: 'ended',
        end: 'engine-missing',
        message: 'tcpdump is not installed',
        hint: 'apt install tcpdump, or use --engine cap',
      });
      return;
    }
    this.#writer = new FifoWriter(openFifo(this.#capture.fifo), (chunk) => this.#transcoder.recycle(chunk));
    const child = this.#spawn([tcpdump, ...tcpdumpArguments(this.#capture)]);
    this.#child = child;
    this.#control.listen(() => this.#stop());
    (child.stderr as Readable).on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-MAX_STDERR);
    });
    (child.stdin as Writable).on('error', () => {}); // the keeper has ended: 'close' follows
    const stdout = child.stdout as Readable;
    stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    // tcpdump has closed its output: the keeper need not wait for more orders
    stdout.on('end', () => child.stdin?.end());
    child.on('error', (error) => this.#finish(`sh: ${error.message}`, null));
    child.on('close', (code, signal) => this.#finish(null, signal ?? code));
    setInterval(() => this.#stats(true), STATS_EVERY_MS);
  }

  /** On another machine the same shell stands at the far end: when the connection ends, its standard input does, and so does tcpdump. */
  #spawn(argv: readonly string[]): ChildProcess {
    if (this.#reach !== null) return spawnRemote(this.#reach, KEEPER, [...this.#reach.enter, ...argv]);
    return spawn('sh', ['-c', KEEPER, 'sh', ...argv], { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
  }

  #take(chunk: Buffer): void {
    const writer = this.#writer as FifoWriter;
    const transcoded = this.#transcoder.push(chunk);
    const { linkType } = this.#transcoder;
    if (!this.#started && linkType !== null) {
      this.#started = true;
      this.#send({ type: 'started', linkType, warnings: [] });
    }
    writer.push(transcoded);
    this.#flush();
    if (writer.pendingBytes > PAUSE_BYTES) this.#child?.stdout?.pause();
  }

  #flush(): void {
    const writer = this.#writer as FifoWriter;
    const empty = writer.flush();
    if (writer.readerGone) this.#stop();
    if (writer.pendingBytes < RESUME_BYTES) this.#child?.stdout?.resume();
    if (!empty && !writer.readerGone) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#flush();
      }, RETRY_EVERY_MS);
    }
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#child?.stdin?.end();
  }

  #stats(ask: boolean): void {
    if (!this.#started) return;
    const counts = parseCounts(this.#stderr);
    this.#send({
      type: 'stats',
      received: this.#transcoder.packets,
      droppedByKernel: counts.droppedByKernel,
      droppedByInterface: counts.droppedByInterface,
      // what tcpdump wrote reaches the pipe whole: a slow reader makes it wait
      droppedByEngine: 0,
    });
    if (ask && !this.#stopping) this.#child?.stdin?.write('\n');
  }

  #finish(problem: string | null, status: number | string | null): void {
    const writer = this.#writer as FifoWriter;
    const counts = parseCounts(this.#stderr);
    writer.push(
      this.#transcoder.end({
        received: counts.receivedByFilter,
        droppedByOs: counts.droppedByKernel,
        droppedByInterface: counts.droppedByInterface,
        delivered: this.#transcoder.packets,
      }),
    );
    const until = performance.now() + DRAIN_MS;
    const drain = (): void => {
      if (!writer.flush() && !writer.readerGone && performance.now() < until) {
        setTimeout(drain, RETRY_EVERY_MS);
        return;
      }
      writer.close();
      this.#stats(false);
      if (problem === null && (this.#stopping || status === 0))
        this.#send({ type: 'ended', end: 'stopped', message: 'stopped', hint: null });
      else if (this.#reach !== null && status === SSH_FAILED)
        this.#send({ type: 'ended', end: 'engine-crashed', message: 'the connection is lost', hint: null });
      else this.#send({ type: 'ended', ...explainTcpdump(this.#capture, problem ?? this.#stderr, status) });
    };
    drain();
  }
}

interface Ending {
  readonly end: CaptureEnd;
  readonly message: string;
  readonly hint: string | null;
}

/** Words for what tcpdump said when it ended by itself. The agent looks at the interface before it passes an `engine-crashed` on. */
export const explainTcpdump = (capture: StartCapture, stderr: string, status: number | string | null): Ending => {
  const name = capture.interface;
  const said = lastLine(
    stderr
      .split('\n')
      .filter((line) => !/listening on|packets? (captured|received|dropped)/.test(line))
      .join('\n'),
  )
    .replace(/^\S*tcpdump: /, '')
    // libpcap puts what the kernel said on a line of its own, in brackets
    .replace(/^\((.*)\)$/, '$1');
  if (/can't parse filter|syntax error|expression rejected|unknown (host|port)|illegal/i.test(said)) {
    return {
      end: 'bad-filter',
      message: `the filter cannot be used: ${capture.filter} (${said})`,
      hint: 'filters are in pcap-filter(7) syntax: icmp or tcp port 80',
    };
  }
  if (/permission|not permitted/i.test(said))
    return { end: 'no-privilege', message: `no privilege to capture on ${name} (${said})`, hint: 'run with sudo' };
  if (/tcpdump: (.*: )?not found|execute tcpdump/i.test(stderr))
    return { end: 'engine-missing', message: 'tcpdump is not installed there', hint: 'apt-get install tcpdump, on that machine' };
  if (/no such device/i.test(said)) return { end: 'no-interface', message: `there is no interface ${name}`, hint: null };
  if (/not up/i.test(said)) return { end: 'interface-down', message: `${name} is down`, hint: `ip link set ${name} up` };
  return { end: 'engine-crashed', message: `tcpdump ended (${status ?? 'no status'})${said === '' ? '' : `: ${said}`}`, hint: null };
};
