/** What is foretold of the packets of a trace: of those that begin a conversation by the rules as they are, of later ones by what the kernel keeps of it. */
import type { AgentClient } from '../../agent/client.ts';
import type { TracedTuple } from '../../agent/protocol.ts';
import { messageOf } from '../../base/errors.ts';
import { IPPROTO_TCP } from '../../packet/packet.ts';
import { judge, judgeBoth } from '../../path/judge.ts';
import type { PacketSpec, Verdict } from '../../path/verdict.ts';
import type { TracePacket } from '../../trace/event.ts';
import { connectionsOf, type HostStore, type HostVersion } from '../host-store.ts';
import { conversationOf, specOfTraced } from './trace-packets.ts';

export interface TracePredictionsParts {
  readonly agent: AgentClient;
  readonly store: HostStore;
  /** What is asked for. */
  readonly spec: PacketSpec;
  readonly original: TracedTuple;
  /** A packet is looked at so long after it passed. */
  readonly settledMs: number;
  readonly remark: (text: string) => void;
}

interface Conversation {
  readonly reply: Verdict | null;
}

export class TracePredictions {
  readonly #parts: TracePredictionsParts;
  readonly #conversations = new Map<string, Conversation>();
  /** Conversations of which packets were seen under earlier rules. */
  readonly #begunBefore = new Set<string>();
  #version: HostVersion;
  #connectionsAtMs = Number.NEGATIVE_INFINITY;

  constructor(version: HostVersion, parts: TracePredictionsParts) {
    this.#version = version;
    this.#parts = parts;
  }

  /** The host as the newest rules are known: for packets that begin a conversation. */
  get version(): HostVersion {
    return this.#version;
  }

  knows(conversation: string): boolean {
    return this.#conversations.has(conversation) || this.#begunBefore.has(conversation);
  }

  /** The rules have changed, and are known. */
  rulesChanged(version: HostVersion): void {
    this.#version = version;
    for (const conversation of this.#conversations.keys()) this.#begunBefore.add(conversation);
    this.#conversations.clear();
  }

  /** What is known of how the conversation began says nothing any more. */
  begunBefore(conversation: string): void {
    this.#conversations.delete(conversation);
    this.#begunBefore.add(conversation);
  }

  async predict(packet: TracePacket, direction: 'there' | 'reply'): Promise<Verdict> {
    const { spec, original } = this.#parts;
    const key = conversationOf(packet, direction);
    const known = this.#conversations.get(key);
    if (direction === 'there' && known === undefined && !this.#begunBefore.has(key)) {
      const { verdict, reply } = judgeBoth(this.#version.model, specOfTraced(packet, spec));
      this.#conversations.set(key, { reply });
      return verdict;
    }
    if (direction === 'reply' && known !== undefined && known.reply !== null) return known.reply;
    // The conversation is under way: what the kernel keeps of it decides about its translations and its state.
    const model = await this.#connectionsNow();
    const base = direction === 'there' ? spec : answerBase(spec);
    const { flags: _flags, state: _state, ...rest } = specOfTraced(packet, base);
    return judge(model, { ...rest, ...(original.protocol === IPPROTO_TCP ? { flags: 'ACK' } : {}) });
  }

  /** A packet is looked at when it has settled: connections read since then know it. */
  async #connectionsNow(): Promise<HostVersion['model']> {
    const { agent, store, settledMs, remark } = this.#parts;
    const nowMs = performance.now();
    if (this.#connectionsAtMs > nowMs - settledMs && store.version !== null) return store.version.model;
    this.#connectionsAtMs = nowMs;
    try {
      const snapshot = await agent.collect({ firewall: false, conntrack: true, namespaces: 'none', docker: false });
      store.replaceConnections(connectionsOf(snapshot));
    } catch (error) {
      remark(`the connections could not be read: ${messageOf(error)}`);
    }
    return (store.version ?? this.#version).model;
  }
}

/** What is known of an answer before it is seen: nothing of the question's port, sender and translation. */
const answerBase = (spec: PacketSpec): PacketSpec => ({ in: null, src: spec.dst, dst: spec.src, proto: spec.proto });
