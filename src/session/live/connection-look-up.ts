/** Flows that were seen behind a translation are laid beside the kernel's own table of connections, which is read when they ask for it. */
import type { AgentClient } from '../../agent/client.ts';
import { messageOf } from '../../base/errors.ts';
import { connectionsOf, type HostStore } from '../host-store.ts';
import type { SessionEvent } from '../state/capture-state.ts';
import type { VerdictQueue } from '../verdicts/verdict-queue.ts';

export interface ConnectionLookUpOptions {
  readonly agent: AgentClient;
  readonly store: HostStore;
  readonly verdicts: VerdictQueue;
  /** The store has them. */
  readonly read: () => void;
  readonly say: (severity: SessionEvent['severity'], text: string) => void;
}

/** The connections are not read more often than this. */
const INTERVAL_MS = 1_000;

export class ConnectionLookUp {
  readonly #options: ConnectionLookUpOptions;
  #isLooking = false;
  #lookedAtMs = 0;

  constructor(options: ConnectionLookUpOptions) {
    this.#options = options;
  }

  tick(): void {
    if (!this.#options.verdicts.wantsConnections || this.#isLooking) return;
    if (performance.now() - this.#lookedAtMs > INTERVAL_MS) void this.#look();
  }

  async #look(): Promise<void> {
    const { agent, store, verdicts, read, say } = this.#options;
    this.#lookedAtMs = performance.now();
    this.#isLooking = true;
    try {
      const snapshot = await agent.collect({ firewall: false, conntrack: true, namespaces: 'none', docker: false });
      store.replaceConnections(connectionsOf(snapshot));
      read();
    } catch (error) {
      // The verdicts keep their assumptions, which they name.
      say('warning', `the connections could not be read: ${messageOf(error)}`);
    } finally {
      this.#isLooking = false;
      verdicts.connectionsRead();
    }
  }
}
