/**
 * Hears of changes to links, addresses and routes from `ip monitor`, which a shell keeps on a leash: when its stdin ends, by our will or
 * because the agent is gone, `ip` ends too. ip-monitor(8).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cleanEnvironment } from './programs.ts';

const KEEPER = `exec 4>&1 1>&2
ip -o monitor link address route </dev/null >&4 4>&- &
monitor=$!
exec 4>&-
read -r _
kill $monitor 2>/dev/null`;

const RESTART_AFTER_MS = 2000;
/** Several lines belong to one change: a container's start makes dozens. */
const SETTLE_MS = 30;

export class LinkMonitor {
  readonly #changed: () => void;
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  start(): void {
    const child = spawn('sh', ['-c', KEEPER], { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    child.stdin?.on('error', () => {}); // the keeper has ended: 'close' follows
    child.stdout?.on('data', () => {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#changed();
      }, SETTLE_MS);
    });
    // `ip` has ended (its socket overflowed): the keeper need not wait
    child.stdout?.on('end', () => child.stdin?.end());
    child.on('error', () => this.#again());
    child.on('close', () => this.#again());
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#child?.stdin?.end();
  }

  /** What happened meanwhile is unknown: it counts as a change. */
  #again(): void {
    if (this.#stopped || this.#child === null) return;
    this.#child = null;
    setTimeout(() => {
      if (this.#stopped) return;
      this.start();
      this.#changed();
    }, RESTART_AFTER_MS);
  }
}
