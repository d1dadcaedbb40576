/**
 * One shell on another machine that runs commands one after another, as many as are sent at once: a question costs no round trip of its own. Each answer
 * is what the command printed, then a line that nobody else can have made, as it holds a number drawn for this shell; then its exit
 * code and what it said on standard error. Nothing is written to files there.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { shellWord } from '../../base/shell-word.ts';
import { lastLine, type RunOptions } from '../programs.ts';
import { PRELUDE, type RemoteReach, spawnShell } from './reach.ts';

export interface LaneAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type LaneResult = LaneAnswer | { readonly broken: string };

interface Job {
  readonly timeoutMs: number;
  readonly resolve: (result: LaneResult) => void;
}

/** `j LINES CMD...`: all of the output, or so many lines. `i TEXT CMD...`: TEXT on standard input. */
const functions = (mark: string): string => `M=${mark}
exec 3>&1
f() { printf '\\n%s %s\\n%s\\n%s.\\n' "$M" "$r" "$e" "$M" >&3; }
j() {
n=$1; shift
if [ "$n" -eq 0 ]; then
e=$("$@" </dev/null 2>&1 >&3 3>&-); r=$?
else
e=$({ { "$@" </dev/null 2>&4 3>&- 4>&-; echo "code=$?" >&4; } | head -n "$n" >&3; } 4>&1); r=\${e##*code=}; e=\${e%code=*}
fi
f
}
i() {
t=$1; shift
e=$(printf '%s' "$t" | { "$@" 2>&1 >&3 3>&-; }); r=$?
f
}
look() {
cat "/proc/$1/stat" 2>/dev/null; echo "$M-"; readlink "/proc/$1/ns/net" 2>/dev/null || ls "/proc/$1/ns/net" 2>&1; echo "$M-"
cat "/proc/$1/cgroup" 2>/dev/null; echo "$M-"; cat "/proc/$1/mountinfo" 2>/dev/null; echo "$M-"; cat "/proc/$1/stat" 2>/dev/null
return 0
}
named() {
for d in /proc/[0-9]*; do
{ read -r c <"$d/comm"; } 2>/dev/null || continue
if [ "$c" = "$1" ] && [ "$(readlink "$d/ns/net" 2>/dev/null)" = "net:[$2]" ]; then echo "\${d#/proc/}"; fi
done
return 0
}
`;

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_STDERR = 4096;

export class ShellLane {
  /** What parts the pieces that `look` prints. */
  readonly mark: string;
  readonly #shell: ChildProcess;
  readonly #ended: (said: string) => void;
  readonly #queue: Job[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #searched = 0;
  #timer: NodeJS.Timeout | null = null;
  #said = '';
  #isOver = false;

  /** `ended`: the shell has gone without having been told to. */
  constructor(reach: RemoteReach, ended: (said: string) => void) {
    this.mark = `vethscope-${randomBytes(16).toString('hex')}`;
    this.#ended = ended;
    const shell = spawnShell(reach);
    this.#shell = shell;
    shell.stdin?.on('error', () => {}); // it has ended: 'close' follows
    shell.stdout?.on('data', (chunk: Buffer) => this.#receive(chunk));
    shell.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-MAX_STDERR);
    });
    shell.on('error', (error) => this.#over(error.message));
    shell.on('close', (code) => this.#over(lastLine(this.#said) || `ssh ended (${code ?? 'killed'})`));
    shell.stdin?.write(`${PRELUDE}\n${functions(this.mark)}`);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  run(argv: readonly string[], timeoutMs: number, options: RunOptions): Promise<LaneResult> {
    if (this.#isOver) return Promise.resolve({ broken: 'the connection has ended' });
    const words = argv.map(shellWord).join(' ');
    const { input, maxLines } = options;
    const line = input === undefined ? `j ${maxLines === undefined ? 0 : maxLines + 1} ${words}` : `i ${shellWord(input)} ${words}`;
    return new Promise((resolve) => {
      this.#queue.push({ timeoutMs, resolve });
      this.#shell.stdin?.write(`${line}\n`);
      if (this.#queue.length === 1) this.#watch();
    });
  }

  close(): void {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#shell.stdin?.end();
    if (!wasOver) this.#fail('the connection was closed');
  }

  #receive(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const end = `\n${this.mark}.\n`;
    for (;;) {
      const at = this.#buffer.indexOf(end, Math.max(0, this.#searched - end.length));
      if (at < 0) break;
      this.#answer(this.#buffer.subarray(0, at));
      this.#buffer = this.#buffer.subarray(at + end.length);
      this.#searched = 0;
    }
    this.#searched = this.#buffer.length;
    if (this.#buffer.length > MAX_BYTES) this.#abandon(`more than ${MAX_BYTES} bytes were printed`);
  }

  #answer(frame: Buffer): void {
    const head = `\n${this.mark} `;
    const at = frame.indexOf(head);
    const rest = frame.subarray(at + head.length).toString('utf8');
    const lineEnd = rest.indexOf('\n');
    const job = this.#queue.shift();
    job?.resolve({
      code: Number(rest.slice(0, lineEnd)),
      stdout: frame.subarray(0, at).toString('utf8'),
      stderr: rest.slice(lineEnd + 1).slice(0, MAX_STDERR),
    });
    this.#watch();
  }

  #watch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const [job] = this.#queue;
    if (job !== undefined) this.#timer = setTimeout(() => this.#abandon(`no answer within ${job.timeoutMs / 1000} s`), job.timeoutMs);
  }

  /** What hangs there hangs in this shell only: it is left, and the next command gets another one. */
  #abandon(why: string): void {
    this.#shell.kill('SIGKILL');
    this.#over(why);
  }

  #over(said: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#fail(said);
    this.#ended(said);
  }

  #fail(why: string): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const job of this.#queue.splice(0)) job.resolve({ broken: why });
  }
}
