/**
 * Counts for each rule the packets of a capture that it matches, as the verdicts foretell: the first packet of a connection meets all
 * tables, later ones no nat table and the rules for what is established, answers their own way back. nf_nat_inet_fn in
 * net/netfilter/nf_nat_core.c asks the rules for a new connection's packets only until it is confirmed.
 */
import { type Direction, type Flow, ORIGINAL } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import { judgeBoth } from '../../path/judge.ts';
import { laterPacket } from '../../path/later-packet.ts';
import type { HostModel } from '../../path/model.ts';
import type { PacketSpec, Verdict, VerdictStep } from '../../path/verdict.ts';
import type { RuleUse, RuleUses } from '../../report/rule-use.ts';
import type { HostStore } from '../host-store.ts';
import type { CaptureObserver, CaptureView } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { FlowVerdict } from '../state/flow-verdict.ts';
import { LiveVerdict } from '../verdicts/live-verdict.ts';
import { RuleCounters, refKey } from './rule-counters.ts';

/** Which part of a conversation a packet is: its beginning, more of it before an answer, all after that, or an answer. */
const FIRST = 0;
const AGAIN = 1;
const LATER = 2;
const REPLY = 3;
type Part = typeof FIRST | typeof AGAIN | typeof LATER | typeof REPLY;
const PARTS: readonly Part[] = [FIRST, AGAIN, LATER, REPLY];

/** The steps that packets of each part take; null where none are foretold. */
interface Ways {
  readonly steps: readonly (readonly VerdictStep[] | null)[];
  readonly isCertain: boolean;
}

interface Entry {
  readonly packets: number[];
  readonly bytes: number[];
  isAnswered: boolean;
  hasBegun: boolean;
  ways: Ways | null;
  /** Rules that the flow is counted at already. */
  readonly met: Set<string>;
}

interface Hits {
  packets: number;
  bytes: number;
  flows: number;
  uncertain: number;
  readonly step: VerdictStep;
}

export class RuleHits implements CaptureObserver {
  readonly #store: HostStore;
  readonly #view: CaptureView;
  readonly #counters = new RuleCounters();
  readonly #entries = new Map<number, Entry>();
  readonly #hits = new Map<string, Hits>();
  #ways = new WeakMap<Verdict, Ways>();
  #packets = 0;
  #unplaced = 0;
  #generation = 0;

  constructor(store: HostStore, view: CaptureView) {
    this.#store = store;
    this.#view = view;
    store.subscribe((reason) => this.#factsRead(reason !== null));
    this.#factsRead(true);
    view.observe(this);
  }

  packet(packet: Packet, flow: Flow, direction: Direction): void {
    let entry = this.#entries.get(flow.id);
    if (entry === undefined) {
      entry = { packets: [0, 0, 0, 0], bytes: [0, 0, 0, 0], isAnswered: false, hasBegun: false, ways: null, met: new Set() };
      this.#entries.set(flow.id, entry);
    }
    const part = partOf(entry, direction);
    entry.packets[part] = (entry.packets[part] as number) + 1;
    entry.bytes[part] = (entry.bytes[part] as number) + packet.originalLength;
  }

  /** What has come since the facts changed was decided by this verdict, too. */
  verdictChanged(row: FlowRow): void {
    const entry = this.#entries.get(row.flow.id);
    if (entry !== undefined && row.verdict !== null) entry.ways = this.#waysOf(row.flow.id, row.verdict);
  }

  flowJoined(flowId: number): void {
    this.#entries.delete(flowId);
  }

  flowEnded(row: FlowRow): void {
    const entry = this.#entries.get(row.flow.id);
    if (entry === undefined) return;
    this.#entries.delete(row.flow.id);
    if (entry.ways === null && row.verdict !== null) entry.ways = this.#waysOf(row.flow.id, row.verdict);
    this.#book(entry);
  }

  uses(): RuleUses {
    const rules: RuleUse[] = [];
    const told = new Set<string>();
    const version = this.#store.version;
    for (const ref of this.#counters.listed(version?.facts ?? null)) {
      const own = this.#hitsOf(refKey(ref), told);
      const { packets = 0, bytes = 0, flows = 0, uncertain = 0 } = own ?? {};
      const { backend, family, table, chain, rule, text } = ref;
      const counted = this.#counters.growthOf(ref);
      rules.push({ namespace: null, backend, family, table, chain, rule, text, packets, bytes, flows, uncertain, counted });
    }
    // Those of containers, and those that were gone by the end.
    for (const [key, { step, packets, bytes, flows, uncertain }] of this.#hits) {
      if (told.has(key)) continue;
      const { namespace = null, backend = 'nft', family = 'ip', table, chain, rule, text } = step;
      rules.push({
        ...{ namespace, backend, family, table: table ?? '', chain: chain ?? '', rule, text },
        ...{ packets, bytes, flows, uncertain, counted: null },
      });
    }
    return { rules, packets: this.#packets, unplaced: this.#unplaced };
  }

  #hitsOf(key: string, told: Set<string>): Hits | undefined {
    told.add(key);
    return this.#hits.get(key);
  }

  /** Until now the rules of before decided. */
  #factsRead(hasChanged: boolean): void {
    const version = this.#store.version;
    if (version === null) return;
    if (hasChanged && version.generation !== this.#generation) {
      this.#generation = version.generation;
      // What has no verdict yet has only just begun.
      for (const entry of this.#entries.values()) if (entry.ways !== null) this.#book(entry);
      this.#ways = new WeakMap();
    }
    this.#counters.read(version.facts);
  }

  #book(entry: Entry): void {
    for (const part of PARTS) {
      const packets = entry.packets[part] as number;
      const bytes = entry.bytes[part] as number;
      if (packets === 0) continue;
      const steps = entry.ways?.steps[part] ?? null;
      if (steps === null) this.#unplaced += packets;
      else {
        this.#packets += packets;
        for (const step of steps) this.#count(entry, step, packets, bytes);
      }
      entry.packets[part] = 0;
      entry.bytes[part] = 0;
    }
  }

  #count({ ways, met }: Entry, step: VerdictStep, packets: number, bytes: number): void {
    const key = stepKey(step);
    let hits = this.#hits.get(key);
    if (hits === undefined) {
      hits = { packets: 0, bytes: 0, flows: 0, uncertain: 0, step };
      this.#hits.set(key, hits);
    }
    if (!met.has(key)) {
      met.add(key);
      hits.flows++;
    }
    if (ways?.isCertain !== true || step.uncertain === true) {
      hits.uncertain += packets;
      return;
    }
    hits.packets += packets;
    hits.bytes += bytes;
  }

  #waysOf(flowId: number, live: FlowVerdict): Ways | null {
    const shared = live instanceof LiveVerdict ? live.template : live.verdict;
    const known = this.#ways.get(shared);
    if (known !== undefined) return known;
    const question = this.#view.question(flowId);
    const version = this.#store.version;
    if (question === null || 'unknown' in question || version === null) return null;
    const ways = waysOf(version.model, question.spec, live);
    this.#ways.set(shared, ways);
    return ways;
  }
}

const partOf = (entry: Entry, direction: Direction): Part => {
  // Of a conversation that was joined in its middle the first packet stands for those of its direction.
  if (!entry.hasBegun) {
    entry.hasBegun = true;
    return FIRST;
  }
  if (direction !== ORIGINAL) {
    entry.isAnswered = true;
    return REPLY;
  }
  return entry.isAnswered ? LATER : AGAIN;
};

const waysOf = (model: HostModel, spec: PacketSpec, live: FlowVerdict): Ways => {
  const { outcome } = live.verdict;
  const isCertain = outcome !== 'undetermined';
  const first = judgeBoth(model, spec, { explain: true }).verdict;
  const all = rulesOf(first.steps);
  // Of a connection that is never confirmed each packet is as new as the first.
  const again = outcome === 'accept' ? rulesOf(withoutNat(first)) : all;
  const next = laterPacket(spec, first);
  const later = next === null ? again : rulesOf(judgeBoth(model, next).verdict.steps);
  const reply = live.reply === null ? null : rulesOf(live.reply.steps);
  return { steps: [all, again, later, reply], isCertain };
};

const rulesOf = (steps: readonly VerdictStep[]): readonly VerdictStep[] =>
  steps.filter(({ table, chain }) => table !== null && chain !== null);

const withoutNat = ({ steps, phases = [] }: Verdict): readonly VerdictStep[] => {
  const nat = phases.filter(({ kind }) => kind === 'nat').map((phase) => phase.steps);
  return steps.filter((_step, at) => !nat.some(([from, to]) => at >= from && at < to));
};

const stepKey = ({ namespace = '', backend = 'nft', family = 'ip', table, chain, rule, text }: VerdictStep): string =>
  `${namespace}${refKey({ backend, family, table: table ?? '', chain: chain ?? '', rule, text })}`;
