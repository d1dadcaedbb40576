/**
 * A machine that only a shell reaches. Where the connection breaks, everything that asks is told so, and it is made anew: at once, then less
 * and less often. docs/decisions/0014-remote.md.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure, VethscopeError } from '../../base/errors.ts';
import type { Machine, NetnsHandle, NetnsProcess, ProcessLook, ReachListener } from '../machine/machine.ts';
import { namespaceId, startTimeIn } from '../processes.ts';
import { lastLine, type RunOptions, type RunResult } from '../programs.ts';
import { readSysctlsInside } from '../sysctls.ts';
import type { RemoteLink } from './link.ts';
import { type Master, openMaster } from './master.ts';
import { type RemoteReach, spawnRemote } from './reach.ts';
import { ShellLane } from './shell-lane.ts';

/** sshd allows ten sessions a connection, and captures want theirs. */
const LANES = 3;
const DEFAULT_TIMEOUT_MS = 10_000;
/** What the far `timeout` has not ended by then is hopeless. */
const GRACE_MS = 10_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
/** Who is turned away and knocks on looks like an attacker. */
const RETRY_REFUSED_MS = 60_000;

/**
 * Into the namespace at `$1`, if it is the one with inode `$2` and, where `$3` is a process, that process still is the one that began at `$4`: opened first,
 * asked then, as in netns-handle.ts.
 */
const ENTER = `exec 9<"$1"
[ "$(readlink /proc/$$/fd/9)" = "net:[$2]" ] || exit 97
if [ "$4" != - ]; then
s=$(cat "/proc/$3/stat") || exit 97
i=0; for w in \${s##*) }; do i=$((i+1)); if [ $i -eq 20 ]; then break; fi; done
[ "$w" = "$4" ] || exit 97
fi
shift 4
exec nsenter --net=/proc/self/fd/9 -- "$@"`;

/** As Leash: the end of standard input ends the program, which the end of the connection brings about. */
const FOLLOW = `exec 4>&1 1>&2
"$@" </dev/null >&4 4>&- &
child=$!
exec 4>&-
read -r _
kill $child 2>/dev/null
wait $child`;

export const remoteFrom = (text: string | undefined): SshMachine | null =>
  text === undefined || text === '' ? null : new SshMachine(JSON.parse(text) as RemoteLink);

export class SshMachine implements Machine {
  readonly remote: string;
  readonly reach: RemoteReach;
  readonly #link: RemoteLink;
  readonly #listeners = new Set<ReachListener>();
  #lanes: ShellLane[] = [];
  #next = 0;
  #master: Master | null = null;
  #lost: string | null = null;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(link: RemoteLink) {
    this.#link = link;
    this.remote = link.destination.name;
    this.reach = link.reach;
  }

  hostname(): Promise<string> {
    return Promise.resolve(this.#link.hostname);
  }

  find(program: string): string | null {
    return this.#link.programs[program] ?? null;
  }

  async run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const absent = { ok: false, notFound: true, reason: `${program} is not installed`, stdout: '' } as const;
    if (this.#link.programs[program] === null) return absent;
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const limit = this.find('timeout') === null ? [] : ['timeout', String(Math.ceil(timeoutMs / 1000))];
    const answer = await this.#ask([...limit, program, ...args], timeoutMs + GRACE_MS, options);
    if ('broken' in answer) return { ok: false, notFound: false, reason: answer.broken, stdout: '' };
    const { code, stderr } = answer;
    const { maxLines } = options;
    const lines = maxLines === undefined ? null : answer.stdout.split('\n');
    // The line that was asked for beyond the limit tells that there are more.
    if (lines !== null && maxLines !== undefined && lines.length - 1 > maxLines)
      return { ok: true, stdout: `${lines.slice(0, maxLines).join('\n')}\n`, stderr, truncated: true };
    if (code === 0) return { ok: true, stdout: answer.stdout, stderr, truncated: false };
    if (code === 127 && program !== 'sh') return absent;
    if (code === 124 && limit.length > 0)
      return { ok: false, notFound: false, reason: `${program} gave no answer within ${timeoutMs / 1000} s`, stdout: answer.stdout };
    const said = stderr.trim() === '' ? '' : `: ${lastLine(stderr)}`;
    return { ok: false, notFound: false, reason: `${program} failed (exit ${code})${said}`, stdout: answer.stdout };
  }

  async exists(path: string): Promise<boolean> {
    const answer = await this.#ask(['test', '-e', path]);
    return 'code' in answer && answer.code === 0;
  }

  async readText(path: string): Promise<string | null> {
    const answer = await this.#ask(['cat', path]);
    return 'code' in answer && answer.code === 0 ? answer.stdout : null;
  }

  async look(pid: number | 'self'): Promise<ProcessLook> {
    const lane = this.#lane();
    const answer = await this.#askLane(lane, ['look', String(pid)]);
    const nothing = { startTime: null, netns: null, isSame: true, cgroup: null, mountinfo: null };
    if ('broken' in answer) return { ...nothing, problem: answer.broken };
    const [stat = '', net = '', cgroup = '', mountinfo = '', again = ''] = answer.stdout.split(`${lane?.mark ?? ''}-\n`);
    const startTime = startTimeIn(stat);
    return {
      startTime,
      netns: namespaceId(net.trim()),
      problem: /denied/i.test(net)
        ? `no privilege to look into its process; root, or sudo without a password, is needed on ${this.remote}`
        : `process ${pid} is not on ${this.remote} (or gone)`,
      // `cat` has been another process each time
      isSame: pid === 'self' || startTimeIn(again) === startTime,
      cgroup: cgroup === '' ? null : cgroup,
      mountinfo: mountinfo === '' ? null : mountinfo,
    };
  }

  async processesNamed(name: string, netns: string): Promise<number[]> {
    const answer = await this.#ask(['named', name, netns]);
    if ('broken' in answer) return [];
    return answer.stdout
      .split('\n')
      .filter((line) => /^\d+$/.test(line))
      .map(Number);
  }

  async readSysctls(): Promise<string> {
    const result = await readSysctlsInside({ machine: this, enter: [] });
    return 'text' in result ? result.text : '';
  }

  async openNetns(id: string, path: string, process: NetnsProcess | null): Promise<NetnsHandle | null> {
    const enter = ['sh', '-c', ENTER, 'sh', path, id, String(process?.pid ?? '-'), process?.startTime ?? '-'];
    const handle = { id, enter, close: () => {} };
    // Whoever uses it hears that nsenter is missing; that is not the namespace's fault.
    if (this.find('nsenter') === null) return handle;
    return (await this.run('sh', [...enter.slice(1), 'true'])).ok ? handle : null;
  }

  follow(argv: readonly string[], listener: { output(chunk: Buffer): void; ended(): void }): { release(): void } {
    const child = spawnRemote(this.reach, FOLLOW, argv);
    child.stdout?.on('data', listener.output);
    child.stdout?.on('end', () => child.stdin?.end());
    let isOver = false;
    const over = (): void => {
      if (!isOver) listener.ended();
      isOver = true;
    };
    child.on('error', over);
    child.on('close', over);
    return { release: () => child.stdin?.end() };
  }

  onReach(listener: ReachListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  assertReached(): void {
    if (this.#lost !== null) throw failure(this.#lost);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const lane of this.#lanes.splice(0)) lane.close();
    this.#master?.close();
    // Main does so too, where it lives to see this end.
    rmSync(dirname(this.#link.controlPath), { recursive: true, force: true });
  }

  #ask(argv: readonly string[], timeoutMs = DEFAULT_TIMEOUT_MS + GRACE_MS, options: RunOptions = {}) {
    return this.#askLane(this.#lane(), argv, timeoutMs, options);
  }

  async #askLane(lane: ShellLane | null, argv: readonly string[], timeoutMs = DEFAULT_TIMEOUT_MS + GRACE_MS, options: RunOptions = {}) {
    if (lane === null) return { broken: this.#lost ?? 'closed' };
    return lane.run(argv, timeoutMs, options);
  }

  /** The one with the least to do; null while the connection is lost. */
  #lane(): ShellLane | null {
    if (this.#lost !== null || this.#isClosed) return null;
    if (this.#lanes.length < LANES) {
      const lane = new ShellLane(this.reach, (said) => this.#laneEnded(lane, said));
      this.#lanes.push(lane);
      return lane;
    }
    const start = this.#next++ % LANES;
    return [...this.#lanes.slice(start), ...this.#lanes.slice(0, start)].reduce((best, lane) =>
      lane.waiting < best.waiting ? lane : best,
    );
  }

  #laneEnded(lane: ShellLane, said: string): void {
    this.#lanes = this.#lanes.filter((one) => one !== lane);
    if (this.#isClosed || this.#lost !== null || /^(no answer within|more than)/.test(said)) return;
    this.#lost = `the connection to ${this.remote} is lost (${said})`;
    for (const other of this.#lanes.splice(0)) other.close();
    this.#tell(false, `${this.#lost}; trying again`);
    this.#retry(FIRST_RETRY_MS);
  }

  #retry(afterMs: number): void {
    this.#timer = setTimeout(() => {
      void this.#reconnect().then(
        () => {
          if (this.#isClosed) return;
          this.#lost = null;
          this.#tell(true, `the connection to ${this.remote} is back`);
        },
        (error: unknown) => {
          if (this.#isClosed) return;
          const isRefused = error instanceof VethscopeError && error.kind === 'missing';
          if (isRefused) this.#refused(error.detail);
          this.#retry(isRefused ? RETRY_REFUSED_MS : Math.min(afterMs * 2, MAX_RETRY_MS));
        },
      );
    }, afterMs);
  }

  /** Nobody can answer questions now: what needed a password says so, once. */
  #refused(detail: string | null): void {
    const lost = `the connection to ${this.remote} is lost; start vethscope again, ssh would have to ask (${detail ?? 'refused'})`;
    if (this.#lost === lost) return;
    this.#lost = lost;
    this.#tell(false, lost);
  }

  async #reconnect(): Promise<void> {
    this.#master?.close();
    this.#master = null;
    const master = await openMaster(this.#link.destination, this.#link.controlPath, null);
    if (this.#isClosed) master.close();
    else this.#master = master;
  }

  #tell(isUp: boolean, message: string): void {
    for (const listener of this.#listeners) listener(isUp, message);
  }
}
