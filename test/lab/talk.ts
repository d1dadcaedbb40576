/** Really speaks between network namespaces: sends what is planned, listens where somebody should answer, and says what came of it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** From the repository's root, from where tests and programs are started. */
const TALK_PY = 'test/lab/talk.py';

export interface Conversation {
  /** The sender's port, or the identifier of the echo: unlike any other's. */
  readonly key: number;
  /** A name given to `open`. */
  readonly space: string;
  readonly proto: 'icmp' | 'tcp' | 'udp';
  readonly dst: string;
  readonly dport?: number;
  /** An answer is to come: it is waited for as long as may be. */
  readonly awaited?: boolean;
}

export interface Spoken {
  /** By key: `answered`, `silence`, or the name of the error (ECONNREFUSED, ENETUNREACH ...). */
  readonly results: ReadonlyMap<number, string>;
  /** What listeners heard, from the sender that they saw. */
  readonly arrivals: readonly { readonly space: string; readonly proto: string; readonly from: string; readonly port: number }[];
}

export interface Listener {
  readonly space: string;
  readonly proto: 'tcp' | 'udp';
  readonly port: number;
}

export class Talk {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #stderr = '';

  private constructor() {
    this.#child = spawn('python3', ['-u', TALK_PY], { stdio: 'pipe' });
    this.#child.stderr.on('data', (chunk) => {
      this.#stderr += String(chunk);
    });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** `spaces`: names to files of network namespaces. */
  static async open(spaces: ReadonlyMap<string, string>, listeners: readonly Listener[]): Promise<Talk> {
    const talk = new Talk();
    try {
      await talk.#ask({ op: 'open', spaces: Object.fromEntries(spaces) });
      await talk.#ask({ op: 'listen', at: listeners.map(({ space, proto, port }) => [space, proto, port]) });
    } catch (error) {
      talk.close();
      throw error;
    }
    return talk;
  }

  /** Says all of it, until nothing more has come for a while. */
  async speak(items: readonly Conversation[], quietMs: number, mostMs: number): Promise<Spoken> {
    const told = (await this.#ask({ op: 'talk', items, quietMs, mostMs })) as {
      readonly results: readonly (readonly [number, string])[];
      readonly arrivals: readonly (readonly [string, string, string, number])[];
    };
    return {
      results: new Map(told.results),
      arrivals: told.arrivals.map(([space, proto, from, port]) => ({ space, proto, from, port })),
    };
  }

  close(): void {
    this.#child.kill();
  }

  async #ask(request: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`${TALK_PY} ended: ${this.#stderr.trim()}`);
    const answer = JSON.parse(value) as { ok?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`${TALK_PY}: ${answer.error}`);
    return answer.ok;
  }
}
