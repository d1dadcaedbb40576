/**
 * The kernel's trace of a whole namespace, for tests: a table of our own marks every packet and shows it last at each hook; what nft and
 * iptables-legacy's TRACE say is read into passages.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import type { Ruleset } from '../../src/netfilter/ruleset.ts';
import type { TraceEvent } from '../../src/trace/event.ts';
import { NftMonitorReader } from '../../src/trace/nft-monitor.ts';
import { type ChainVisit, type Passage, Passages } from '../../src/trace/passages.ts';
import { indexRules, type RuleIndex } from '../../src/trace/rule-index.ts';

export const TRACER = 'vslab_trace';
/** Behind every chain that hosts have. */
const LAST = 400;
const BEFORE_RAW = -350;

const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;

/** Of TCP only what begins and answers: what follows goes the same way. */
const marks = ['meta l4proto tcp tcp flags & (syn | rst) == 0x0 return', 'meta nftrace set 1'];

const table = (): string =>
  [
    `table inet ${TRACER} {`,
    ...['prerouting', 'output'].map(
      (hook) => ` chain first-${hook} {\n  type filter hook ${hook} priority ${BEFORE_RAW};\n  ${marks.join('\n  ')}\n }`,
    ),
    ...HOOKS.map((hook) => ` chain last-${hook} {\n  type filter hook ${hook} priority ${LAST};\n }`),
    '}\n',
  ].join('\n');

export type Wrap = (argv: readonly string[]) => readonly string[];

export class KernelTrace {
  readonly #wrap: Wrap;
  readonly #index: RuleIndex;
  readonly #reader = new NftMonitorReader();
  readonly #monitor: ChildProcessWithoutNullStreams;
  readonly #events: TraceEvent[] = [];
  #stderr = '';
  #ended = false;
  #wake: () => void = () => {};

  private constructor(wrap: Wrap, rulesets: readonly Ruleset[]) {
    this.#wrap = wrap;
    this.#index = indexRules(this.#run(['nft', '-a', '-j', 'list', 'ruleset']), rulesets);
    const [program = '', ...args] = wrap(['stdbuf', '-oL', 'nft', '-n', '-a', 'monitor', 'trace']);
    this.#monitor = spawn(program, args, { stdio: 'pipe' });
    this.#monitor.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#events.push(...this.#reader.push(chunk));
      this.#wake();
    });
    this.#monitor.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk;
    });
    this.#monitor.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** `wrap`: argv that runs argv in the namespace; `rulesets`: the ones of iptables-legacy there, for their texts. */
  static open(wrap: Wrap, rulesets: readonly Ruleset[]): KernelTrace {
    const [program = '', ...args] = wrap(['nft', '-f', '-']);
    execFileSync(program, args, { input: table(), stdio: ['pipe', 'pipe', 'pipe'] });
    return new KernelTrace(wrap, rulesets);
  }

  get index(): RuleIndex {
    return this.#index;
  }

  get unreadable(): number {
    return this.#reader.unreadable;
  }

  /**
   * The passages until the packet that `isLast` knows, which `send` brings about. Throws where the kernel's messages were lost: then
   * nothing that was read is worth anything.
   */
  async passagesUntil(isLast: (event: TraceEvent) => boolean, timeoutMs: number): Promise<readonly Passage[]> {
    const deadline = performance.now() + timeoutMs;
    for (let at = 0; ; ) {
      for (; at < this.#events.length; at++) {
        if (isLast(this.#events[at] as TraceEvent)) return this.#passagesOf(this.#events.splice(0, at + 1));
      }
      const left = deadline - performance.now();
      if (this.#ended || left <= 0) throw new Error(`the trace ended too early: ${this.#stderr.trim() || `nothing for ${timeoutMs} ms`}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async close(): Promise<void> {
    if (!this.#ended) {
      const closed = new Promise((resolve) => this.#monitor.once('close', resolve));
      this.#monitor.kill();
      await closed;
    }
    this.#run(['nft', 'delete', 'table', 'inet', TRACER]);
  }

  #passagesOf(events: readonly TraceEvent[]): readonly Passage[] {
    if (/lost|overrun|No buffer/i.test(this.#stderr)) throw new Error(`the trace is not whole: ${this.#stderr.trim()}`);
    const passages = new Passages(
      () => this.#index,
      (event) => event.table === TRACER,
    );
    for (const event of events) passages.add(event);
    return passages.take();
  }

  #run(argv: readonly string[]): string {
    const [program = '', ...args] = this.#wrap(argv);
    return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** Where the kernel let the packet go at the end of all hooks; null where it did not come so far. */
export const lastVisit = (passage: Passage): ChainVisit | null => {
  const last = passage.visits.filter(({ source }) => source === 'nft').at(-1) ?? null;
  return last?.table === TRACER && last.priority === LAST && (last.hook === 'input' || last.hook === 'postrouting') ? last : null;
};
