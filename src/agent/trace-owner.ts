/**
 * The process that owns a trace's tables: an interactive nft whose standard input only this process holds. Tables with NFT_TABLE_F_OWNER
 * belong to its netlink socket (nf_tables_api.c, nft_rcv_nl_event): others can neither change nor flush them, and the kernel deletes them
 * when the socket closes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cleanEnvironment, lastLine, run } from './programs.ts';

const INSTALL_WITHIN_MS = 5000;
const POLL_MS = 25;
/** An error comes with the whole command. */
const MAX_SAID = 16_384;

export class TableOwner {
  readonly #gone: () => void;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #released = false;
  #said = '';

  /** `gone` is called when the process ends without having been released. */
  constructor(gone: () => void) {
    this.#gone = gone;
  }

  /** Null when all tables are in force, else what nft said. */
  async install(commands: string, table: string, families: readonly string[]): Promise<string | null> {
    // It writes what it was told into a file in HOME.
    const child = spawn('nft', ['-i'], { env: { ...cleanEnvironment(), HOME: '/dev/null' }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    let isOver = false;
    const hear = (chunk: Buffer): void => {
      if (this.#said.length < MAX_SAID) this.#said += chunk.toString('utf8');
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.stdin?.on('error', () => {}); // it has ended: 'close' follows
    let installed = false;
    this.#ended = new Promise((resolve) => {
      child.on('error', () => {
        isOver = true;
        resolve();
      });
      child.on('close', () => {
        isOver = true;
        resolve();
        if (installed && !this.#released) this.#gone();
      });
    });
    child.stdin?.write(commands);
    const until = performance.now() + INSTALL_WITHIN_MS;
    while (!isOver && !/Error/.test(this.#said) && performance.now() < until) {
      const found = await Promise.all(families.map((family) => run('nft', ['list', 'table', family, table])));
      if (found.every((result) => result.ok && /^\s*flags .*owner/m.test(result.stdout))) {
        installed = true;
        return isOver ? 'nft has ended' : null;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return /Error: ?(.*)/.exec(this.#said)?.[1] ?? (lastLine(this.#said) || 'nft gave no answer');
  }

  /** Settles when the process is gone and the tables with it. */
  async release(): Promise<void> {
    this.#released = true;
    this.#child?.stdin?.end();
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 1000);
    await this.#ended;
    clearTimeout(timer);
  }
}
