/**
 * One trace: the agent's rules and what the kernel tells because of them, cut into packets, each judged anew as exactly the packet that it was
 * and laid beside the prediction.
 */
import type { AgentClient, TraceHandle, TraceNews } from '../../agent/client.ts';
import type { CaptureNamespace, TracedTuple } from '../../agent/protocol.ts';
import { messageOf, type VethscopeError } from '../../base/errors.ts';
import type { PacketSpec, Verdict } from '../../path/verdict.ts';
import { compareTrace } from '../../trace/compare.ts';
import type { TraceSource } from '../../trace/event.ts';
import type { Passage } from '../../trace/passages.ts';
import { Notifier } from '../capture/notifier.ts';
import type { HostStore, HostVersion } from '../host-store.ts';
import type { TracedPacket, TraceLost, TraceOptions, TraceState, TraceView } from '../state/trace-state.ts';
import { TraceGaps } from './trace-gaps.ts';
import { concludeTrace, conversationOf, fitsTuple, isBeforeConntrack, outcomeOf, replyTupleOf, tupleOf } from './trace-packets.ts';
import { TracePredictions } from './trace-predictions.ts';
import { isOwnTable, TraceReader } from './trace-reader.ts';

/** What is asked for, with its predictions. */
/** Where a packet can be sent from: null for the host itself; or the container whose namespace cannot be entered. */
export type TraceSender = { readonly from: CaptureNamespace | null } | { readonly unreachable: string };

export interface TraceTask {
  readonly words: string;
  readonly spec: PacketSpec;
  /** The sender's port is known: a flow's. */
  readonly withPort: boolean;
  readonly verdict: Verdict;
  /** Who sends, for `send`; undefined where it cannot be sent from here. */
  readonly sender: TraceSender | undefined;
}

export interface TraceParts {
  readonly agent: AgentClient;
  readonly store: HostStore;
  /** Reads the host anew after a change of its rules. */
  readonly refresh: () => Promise<void>;
}

const TICK_MS = 50;
/** A packet of which nothing was heard for so long has gone its way. */
const SETTLED_MS = 250;
/** An answer may take so long before the trace ends without it. */
const ANSWER_MS = 1200;
/** The news of a change of the rules may come so long after the packets that met the changed ones, on a machine that has much to do. */
const CHANGE_HEARD_MS = 1000;
const KEPT_PACKETS = 200;
/** Of a flood, so many packets are judged a second; the others are counted. */
const COMPARED_AT_ONCE = 50;

const NOTHING_LOST: TraceLost = { messages: null, overRate: null, legacyRecords: null, gaps: 0, unreadable: 0 };

export class TraceRun implements TraceView {
  readonly finished: Promise<void>;
  readonly #task: TraceTask;
  readonly #options: TraceOptions;
  readonly #parts: TraceParts;
  readonly #original: TracedTuple;
  readonly #reply: TracedTuple | null;
  readonly #notifier = new Notifier();
  readonly #observers = new Set<(packet: TracedPacket) => void>();
  readonly #predictions: TracePredictions;
  readonly #handle: TraceHandle;
  #state: TraceState;
  #reader: TraceReader | null = null;
  readonly #early: Uint8Array[] = [];
  #sources: readonly TraceSource[] = ['nft'];
  #timer: NodeJS.Timeout | null = null;
  #clock: NodeJS.Timeout | null = null;
  #answerUntil = Number.POSITIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();
  readonly #gaps = new TraceGaps();
  #numbers = 0;
  readonly #taken = { there: 0, reply: 0 };
  #ended: () => void = () => {};

  constructor(task: TraceTask, options: TraceOptions, version: HostVersion, parts: TraceParts) {
    this.#task = task;
    this.#options = options;
    this.#parts = parts;
    this.#original = tupleOf(task.spec, task.withPort);
    this.#predictions = new TracePredictions(version, {
      agent: parts.agent,
      store: parts.store,
      spec: task.spec,
      original: this.#original,
      settledMs: SETTLED_MS,
      remark: (text) => this.#remark(text),
    });
    this.#reply = replyTupleOf(this.#original, task.verdict);
    this.#state = {
      question: task.words,
      status: 'starting',
      remarks: [],
      packets: [],
      there: 0,
      replies: 0,
      others: 0,
      incomplete: 0,
      agreeing: 0,
      differing: 0,
      lost: NOTHING_LOST,
      problem: null,
    };
    this.finished = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#handle = parts.agent.startTrace({ original: this.#original, reply: this.#reply }, (news) => this.#hear(news));
  }

  getState(): TraceState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    return this.#notifier.subscribe(listener);
  }

  observe(observer: (packet: TracedPacket) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  async stop(): Promise<void> {
    await this.#handle.stop();
    await this.finished;
  }

  #hear(news: TraceNews): void {
    switch (news.kind) {
      case 'started':
        this.#begin(news.ruleset, news.readsLegacy, news.remarks);
        return;
      case 'gap':
        this.#gaps.opened();
        return;
      case 'rules':
        this.#reader?.rules(news.ruleset);
        this.#work = this.#work.then(() => this.#rulesChanged());
        return;
      case 'text':
        this.#reader?.text(news.text, performance.now());
        return;
      case 'records':
        // The file's header comes as soon as tcpdump listens.
        if (this.#reader === null) this.#early.push(news.bytes);
        else this.#reader.records(news.bytes, performance.now());
        return;
      case 'lost':
        this.#gaps.lost(performance.now());
        this.#set({ lost: { ...this.#state.lost, messages: news.messages } });
        return;
      case 'ended':
        void this.#end(news.problem, news.counts);
    }
  }

  #begin(ruleset: string, readsLegacy: boolean, remarks: readonly string[]): void {
    const reader = new TraceReader(ruleset, this.#predictions.version.facts);
    this.#reader = reader;
    for (const bytes of this.#early.splice(0)) reader.records(bytes, performance.now());
    if (readsLegacy) this.#sources = ['nft', 'legacy'];
    this.#set({ status: 'running', remarks });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    if (this.#options.durationMs !== null) this.#clock = setTimeout(() => void this.#handle.stop(), this.#options.durationMs);
    if (this.#options.send) void this.#sendOne();
  }

  async #sendOne(): Promise<void> {
    const { sender, spec } = this.#task;
    if (sender === undefined || 'unreachable' in sender) return;
    const { family, protocol, dport } = this.#original;
    try {
      const by = await this.#parts.agent.sendPacket({ family, from: sender.from, src: spec.src, dst: spec.dst, protocol, dport });
      this.#remark(`sent: ${by}`);
    } catch (error) {
      if (this.#state.status === 'ended') return;
      this.#set({ problem: error as VethscopeError });
      void this.#handle.stop();
    }
  }

  #tick(): void {
    const reader = this.#reader;
    if (reader === null) return;
    this.#take(reader.take(performance.now(), SETTLED_MS));
    if (performance.now() > this.#answerUntil) void this.#handle.stop();
  }

  #take(passages: readonly Passage[]): void {
    let compared = 0;
    for (const passage of passages) {
      const direction = this.#directionOf(passage);
      if (direction === null || compared >= COMPARED_AT_ONCE) {
        if (passage.visits.length > 0) this.#set({ others: this.#state.others + 1 });
        continue;
      }
      // More of the last packet's conversation, before the trace has ended: enough has been shown.
      if (this.#isEnough(direction)) continue;
      compared++;
      this.#taken[direction]++;
      this.#work = this.#work.then(() => this.#compare(passage, direction));
    }
  }

  #isEnough(direction: 'there' | 'reply'): boolean {
    return this.#options.packetLimit !== null && this.#taken[direction] >= this.#options.packetLimit;
  }

  /** Null for what is neither the packet nor its answer: errors about them, packets that the host made in their stead. */
  #directionOf(passage: Passage): 'there' | 'reply' | null {
    const { packet } = passage;
    if (fitsTuple(packet, this.#original)) return 'there';
    if (this.#reply !== null && fitsTuple(packet, this.#reply)) return 'reply';
    const isAnswer =
      packet.protocol === this.#original.protocol &&
      conversationOf(packet, 'reply') !== 'null' &&
      this.#predictions.knows(conversationOf(packet, 'reply'));
    return isAnswer && this.#reply !== null ? 'reply' : null;
  }

  /** A difference is told when no change of the rules has come to light that explains it. */
  async #hearOfChanges({ beganMs }: Passage): Promise<void> {
    const restMs = beganMs + SETTLED_MS + CHANGE_HEARD_MS - performance.now();
    if (restMs > 0 && !this.#gaps.isIncomplete(beganMs)) await new Promise((resolve) => setTimeout(resolve, restMs));
  }

  async #compare(passage: Passage, direction: 'there' | 'reply'): Promise<void> {
    const verdict = await this.#predictions.predict(passage.packet, direction);
    const begunLate = isOwnTable(passage.visits[0]?.table ?? '') && /_known$/.test(passage.visits[0]?.chain ?? '');
    const comparison = compareTrace(verdict, passage, {
      sources: this.#sources,
      // What marks packets for the trace stands in PREROUTING and OUTPUT: a device's ingress lies before it.
      ours: isOwnTable,
      untraced: (step) => step.hook === 'ingress' || (begunLate && isBeforeConntrack(step)) || this.#reader?.isAbsent(step) === true,
    });
    const agrees = comparison.result === 'agrees' && comparison.matched > 0;
    if (comparison.result === 'differs') await this.#hearOfChanges(passage);
    const isIncomplete = this.#gaps.isIncomplete(passage.beganMs);
    // The connections that were read with the new rules may hold what this very packet began: they say nothing of how it began.
    if (isIncomplete) this.#predictions.begunBefore(conversationOf(passage.packet, direction));
    if (isIncomplete && !agrees) {
      this.#taken[direction]--;
      this.#set({ incomplete: this.#state.incomplete + 1 });
      return;
    }
    const traced: TracedPacket = {
      number: ++this.#numbers,
      direction,
      packet: passage.packet,
      verdict: agrees ? { ...verdict, evidence: 'traced' } : verdict,
      comparison,
      outcome: outcomeOf(passage, comparison, verdict),
      conclusion: concludeTrace(passage, comparison, verdict),
    };
    const state = this.#state;
    this.#set({
      packets: [...state.packets, traced].slice(-KEPT_PACKETS),
      there: state.there + (direction === 'there' ? 1 : 0),
      replies: state.replies + (direction === 'reply' ? 1 : 0),
      agreeing: state.agreeing + (agrees ? 1 : 0),
      differing: state.differing + (comparison.result === 'differs' ? 1 : 0),
    });
    for (const observer of this.#observers) observer(traced);
    this.#maybeEnough(verdict, traced);
  }

  /** The limit counts packets there; the last one's answer is waited for a little, where one is expected. */
  #maybeEnough(verdict: Verdict, traced: TracedPacket): void {
    const { packetLimit } = this.#options;
    if (packetLimit === null || this.#state.there < packetLimit) return;
    if (traced.direction === 'reply' && this.#state.replies >= packetLimit) void this.#handle.stop();
    else if (traced.direction === 'there') {
      const answers = verdict.outcome === 'accept' && traced.outcome === 'accept' && this.#reply !== null;
      if (!answers || this.#state.replies >= packetLimit) void this.#handle.stop();
      else this.#answerUntil = performance.now() + ANSWER_MS;
    }
  }

  async #rulesChanged(): Promise<void> {
    try {
      await this.#parts.refresh();
    } catch (error) {
      this.#remark(`the rules have changed and could not be read: ${messageOf(error)}`);
      return;
    }
    const version = this.#parts.store.version ?? this.#predictions.version;
    this.#predictions.rulesChanged(version);
    this.#reader?.facts(version.facts);
    this.#gaps.closed(performance.now());
    this.#remark('the rules have changed: predictions from here on are about the new ones');
  }

  async #end(problem: VethscopeError | null, counts: Extract<TraceNews, { kind: 'ended' }>['counts']): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#clock !== null) clearTimeout(this.#clock);
    const reader = this.#reader;
    if (reader !== null) this.#take(reader.rest(performance.now()));
    await this.#work;
    const messages = counts.messagesLost === null ? null : Math.max(counts.messagesLost, reader?.overruns ?? 0);
    this.#set({
      status: 'ended',
      problem: this.#state.problem ?? problem,
      lost: {
        messages,
        overRate: counts.overRate,
        legacyRecords: counts.legacyDropped,
        gaps: counts.gaps,
        unreadable: reader?.unreadable ?? 0,
      },
    });
    this.#ended();
  }

  #remark(text: string): void {
    if (!this.#state.remarks.includes(text)) this.#set({ remarks: [...this.#state.remarks, text] });
  }

  #set(change: Partial<TraceState>): void {
    this.#state = { ...this.#state, ...change };
    this.#notifier.touch();
  }
}
