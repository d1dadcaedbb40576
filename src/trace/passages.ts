/**
 * Trace events to packets' passages through the host. A trace id covers one packet at one hook and mostly its later ones; it changes
 * where the packet is received anew (lo, the way up from a bridge port) and repeats for other packets (nft_trace_init hashes the
 * buffer's address), so that ids, the order of hooks and the packet's own fields are taken together. Legacy records have fields only.
 */
import { type IpAddress, sameIp } from '../base/ip-address.ts';
import type { Hook } from '../netfilter/ruleset.ts';
import type { TraceEvent, TracePacket, TraceSource } from './event.ts';
import { chainOf, type RuleIndex } from './rule-index.ts';

/** Something that the kernel did with the packet in a chain: a rule that matched, or a policy. */
export interface KernelStep {
  readonly source: TraceSource;
  readonly family: TraceEvent['family'];
  readonly table: string;
  readonly chain: string;
  /** Null for a policy, and for a rule that is not in the index (it has gone meanwhile); then `handle` is all there is. */
  readonly rule: number | null;
  readonly handle: number | null;
  readonly kind: 'rule' | 'policy';
  /** Legacy does not tell what its rules do. */
  readonly verdict: TraceEvent['verdict'];
  readonly target: string | null;
  readonly text: string | null;
  readonly hook: Hook | null;
  readonly priority: number | null;
  readonly packet: TracePacket | null;
  readonly mark: number | null;
}

export interface Passage {
  /** The packet as it was first seen. */
  readonly packet: TracePacket;
  readonly steps: readonly KernelStep[];
  /** The base chains that it was seen in, also those of which nothing else was told. */
  readonly visits: readonly ChainVisit[];
  /** When it was first heard of, by the clock that the events came with. */
  readonly beganMs: number;
}

export interface ChainVisit {
  readonly source: TraceSource;
  readonly family: TraceEvent['family'];
  readonly table: string;
  readonly chain: string;
  readonly hook: Hook | null;
  readonly priority: number | null;
  readonly packet: TracePacket;
}

interface OpenPassage {
  readonly first: TracePacket;
  last: TracePacket;
  readonly beganMs: number;
  lastTime: number;
  readonly steps: KernelStep[];
  readonly visits: ChainVisit[];
  readonly ids: Set<string>;
  /** Where the packet was last seen by each source; the two are not in step with each other. */
  readonly at: Map<TraceSource, ChainVisit>;
}

/** Passages that are kept open at most; above, the oldest are given out first. */
const OPEN_MAX = 4096;

export class Passages {
  readonly #index: () => RuleIndex;
  readonly #ignored: (event: TraceEvent) => boolean;
  readonly #open: OpenPassage[] = [];
  readonly #done: OpenPassage[] = [];
  /** Rules and policies whose packet is not known: the trace began, or was cut, in the middle of it. */
  orphans = 0;

  /** `index` is asked at each event, so that it may change; `ignored` leaves out the events of the tracer's own rules. */
  constructor(index: () => RuleIndex, ignored: (event: TraceEvent) => boolean = () => false) {
    this.#index = index;
    this.#ignored = ignored;
  }

  /** `timeMs`: any clock that does not run backwards; it serves `take` only. */
  add(event: TraceEvent, timeMs = 0): void {
    const passage = event.kind === 'packet' || event.source === 'legacy' ? this.#enter(event, timeMs) : this.#within(event);
    if (passage === null) {
      this.orphans++;
      return;
    }
    passage.lastTime = timeMs;
    if (event.kind === 'packet' || event.kind === 'return' || this.#ignored(event)) {
      // Legacy tells an unconditional RETURN, ACCEPT or DROP of a user chain as `return`: it is a rule where the chain has one there.
      if (event.source !== 'legacy' || event.kind !== 'return' || !this.#isRule(event)) return;
    }
    passage.steps.push(this.#step(event, passage));
  }

  /** The passages of which nothing was heard since `beforeMs`, oldest first; all of them without it. */
  take(beforeMs = Number.POSITIVE_INFINITY): readonly Passage[] {
    const ready = this.#done.splice(0);
    const rest = this.#open.splice(0);
    for (const each of rest) (each.lastTime < beforeMs ? ready : this.#open).push(each);
    return ready.map(({ first, steps, visits, beganMs }) => ({ packet: first, steps, visits, beganMs }));
  }

  #isRule(event: TraceEvent): boolean {
    const chain = chainOf(this.#index(), event.source, event.family, event.table, event.chain);
    return event.rule !== null && chain !== null && event.rule <= chain.rules;
  }

  #step(event: TraceEvent, passage: OpenPassage): KernelStep {
    const chain = chainOf(this.#index(), event.source, event.family, event.table, event.chain);
    const visit = passage.at.get(event.source) ?? null;
    const isRule = event.kind === 'rule' || (event.source === 'legacy' && this.#isRule(event));
    const rule = !isRule ? null : (event.rule ?? (event.handle === null ? null : (chain?.numbers.get(event.handle) ?? null)));
    return {
      source: event.source,
      family: event.family,
      table: event.table,
      chain: event.chain,
      rule,
      handle: event.handle,
      kind: isRule ? 'rule' : 'policy',
      verdict: event.verdict,
      target: event.target,
      text: event.text ?? (rule === null ? null : (chain?.texts[rule - 1] ?? null)),
      hook: event.hook ?? chain?.hook ?? visit?.hook ?? null,
      priority: chain?.priority ?? visit?.priority ?? null,
      packet: event.packet ?? visit?.packet ?? null,
      mark: event.mark,
    };
  }

  /** nft's events within a chain: the passage that last carried the id, and is in that table. */
  #within(event: TraceEvent): OpenPassage | null {
    for (let at = this.#open.length - 1; at >= 0; at--) {
      const passage = this.#open[at] as OpenPassage;
      const visit = passage.at.get('nft');
      if (event.id !== null && passage.ids.has(event.id) && visit?.table === event.table && visit.family === event.family) return passage;
    }
    return null;
  }

  /** An event that shows the packet: into the passage it continues, or a new one. */
  #enter(event: TraceEvent, timeMs: number): OpenPassage | null {
    const { packet } = event;
    if (packet === null) return null;
    const chain = chainOf(this.#index(), event.source, event.family, event.table, event.chain);
    const visit: ChainVisit = {
      source: event.source,
      family: event.family,
      table: event.table,
      chain: event.chain,
      hook: event.hook ?? chain?.hook ?? null,
      priority: chain?.isBase === true ? chain.priority : legacyPriority(this.#index(), event),
      packet,
    };
    for (let at = this.#open.length - 1; at >= 0; at--) {
      const passage = this.#open[at] as OpenPassage;
      const before = passage.at.get(event.source);
      if (before !== undefined && sameVisit(before, visit, event)) return passage;
      if (!samePacket(passage, packet, event.id) || !follows(before ?? null, visit)) continue;
      move(passage, visit, event.id);
      return passage;
    }
    const passage: OpenPassage = {
      first: packet,
      last: packet,
      beganMs: timeMs,
      lastTime: 0,
      steps: [],
      visits: [],
      ids: new Set(),
      at: new Map(),
    };
    move(passage, visit, event.id);
    this.#open.push(passage);
    if (this.#open.length > OPEN_MAX) this.#done.push(...this.#open.splice(0, this.#open.length - OPEN_MAX));
    return passage;
  }
}

const move = (passage: OpenPassage, visit: ChainVisit, id: string | null): void => {
  passage.visits.push(visit);
  passage.at.set(visit.source, visit);
  passage.last = visit.packet;
  if (id !== null) passage.ids.add(id);
};

/** A user chain's record comes with the hook, and its table is the base chain's. */
const legacyPriority = (index: RuleIndex, event: TraceEvent): number | null => {
  if (event.source !== 'legacy' || event.hook === null) return null;
  return chainOf(index, 'legacy', event.family, event.table, event.hook.toUpperCase())?.priority ?? null;
};

/** Legacy shows the packet with each record: those of one table at one hook belong to one visit. */
const sameVisit = (before: ChainVisit, visit: ChainVisit, event: TraceEvent): boolean =>
  event.source === 'legacy' &&
  before.family === visit.family &&
  before.table === visit.table &&
  before.hook === visit.hook &&
  sameFields(before.packet, visit.packet) &&
  before.packet.inDev === visit.packet.inDev &&
  before.packet.outDev === visit.packet.outDev;

const RANK: Readonly<Record<Hook, number>> = { ingress: 0, prerouting: 0, input: 1, forward: 1, output: 2, postrouting: 3, egress: 3 };

/** Whether a packet that was at `before` can come to `visit`. */
const follows = (before: ChainVisit | null, visit: ChainVisit): boolean => {
  if (before === null || before.hook === null || visit.hook === null) return true;
  const looped = before.packet.outDev === 'lo' || before.hook === 'postrouting' || before.hook === 'output';
  if (visit.hook === 'prerouting' && before.hook !== 'prerouting') {
    // Nothing is translated between a device's way out and its way in: what is asked of another address is another packet.
    const comesBack =
      before.packet.outDev === visit.packet.inDev &&
      sameAddress(before.packet.dst, visit.packet.dst) &&
      agree(before.packet.dstPort, visit.packet.dstPort);
    return looped && (visit.packet.inDev === 'lo' || comesBack);
  }
  const step = (RANK[visit.hook] ?? 0) - (RANK[before.hook] ?? 0);
  // Of the hooks for received packets none leads to OUTPUT, and from INPUT and OUTPUT there is no way to FORWARD.
  if (visit.hook === 'output' && before.hook !== 'output') return false;
  if (before.hook === 'output' && (visit.hook === 'input' || visit.hook === 'forward')) {
    // Legacy has no table at POSTROUTING or PREROUTING mostly: what goes through lo is seen again at INPUT only.
    return visit.hook === 'input' && before.packet.outDev === 'lo' && visit.packet.inDev === 'lo';
  }
  if (before.hook === 'input' && visit.hook !== 'input') return false;
  if (before.hook === 'forward' && visit.hook === 'input') return false;
  if (step !== 0) return step > 0;
  if (before.family !== visit.family && (before.family === 'bridge' || visit.family === 'bridge')) return true;
  return (before.priority ?? 0) < (visit.priority ?? 0) || ((before.priority ?? 0) === (visit.priority ?? 0) && !sameChain(before, visit));
};

const sameChain = (x: ChainVisit, y: ChainVisit): boolean => x.family === y.family && x.table === y.table && x.chain === y.chain;

/** The same packet further on: nothing that stays has changed, and of what translation may change, not everything. */
const samePacket = (passage: OpenPassage, packet: TracePacket, id: string | null): boolean => {
  const { last } = passage;
  if (!agree(last.protocol, packet.protocol) || !agree(last.ipId, packet.ipId) || !agree(last.flowLabel, packet.flowLabel)) return false;
  if (!agree(last.lengthBytes, packet.lengthBytes) || !agree(last.icmpType, packet.icmpType)) return false;
  if (!agree(last.icmpSequence, packet.icmpSequence)) return false;
  if (id !== null && passage.ids.has(id)) return true;
  return addressesStay(last, packet) || addressesStay(passage.first, packet);
};

const addressesStay = (x: TracePacket, y: TracePacket): boolean =>
  (sameAddress(x.src, y.src) && agree(x.srcPort, y.srcPort)) || (sameAddress(x.dst, y.dst) && agree(x.dstPort, y.dstPort));

const sameFields = (x: TracePacket, y: TracePacket): boolean =>
  agree(x.protocol, y.protocol) &&
  agree(x.ipId, y.ipId) &&
  agree(x.flowLabel, y.flowLabel) &&
  agree(x.lengthBytes, y.lengthBytes) &&
  agree(x.icmpType, y.icmpType) &&
  agree(x.icmpId, y.icmpId) &&
  agree(x.icmpSequence, y.icmpSequence) &&
  agree(x.srcPort, y.srcPort) &&
  agree(x.dstPort, y.dstPort) &&
  sameAddress(x.src, y.src) &&
  sameAddress(x.dst, y.dst);

/** What one of the two does not show speaks for nothing. */
const agree = (x: number | null, y: number | null): boolean => x === null || y === null || x === y;

const sameAddress = (x: IpAddress | null, y: IpAddress | null): boolean => x === null || y === null || sameIp(x, y);
