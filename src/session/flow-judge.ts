/**
 * Gives flows their verdicts: the question is formed from the flow's first packet and the place where it was seen, the path
 * answers it, and the deciding rule's counter is watched beside the packets.
 */
import type { Flow } from '../flow/flow.ts';
import { ORIGINAL } from '../flow/flow.ts';
import { isNeverTracked } from '../netfilter/conntrack.ts';
import type { RuleRef } from '../netfilter/ruleset.ts';
import { decodePacket } from '../packet/decode.ts';
import { Packet } from '../packet/packet.ts';
import { judgeBoth } from '../path/judge.ts';
import { type SharedAnswer, unshared } from '../path/judge-cache.ts';
import { specOfPacket } from '../path/origin.ts';
import type { DecidedBy, PacketSpec, Verdict } from '../path/verdict.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { answered, contradictionOf, movedOf, natCounts, observe, trackOf, witnessOf } from './evidence.ts';
import type { FlowNote } from './flow-note.ts';
import type { HostStore, HostVersion } from './host-store.ts';
import { LiveVerdict, NONE, NOTHING_SEEN, type SeenBeside } from './live-verdict.ts';
import type { Contradiction, FlowQuestion } from './state.ts';

/** The answer before it is laid beside the flow. */
interface Answer {
  readonly shared: SharedAnswer;
  readonly assumptions: readonly string[];
}

const KEPT_CHANGES = 20;
/** Counters are read about once a second; so long after its last packet a flow's own packets have been counted. */
const COUNTED_AFTER_SEC = 3;

export class FlowJudge {
  readonly #store: HostStore;
  readonly #points: readonly CapturePoint[];
  readonly #trailContradiction: (note: FlowNote, isFinal: boolean) => Contradiction | null;
  readonly #packet = new Packet();

  constructor(
    store: HostStore,
    points: readonly CapturePoint[],
    trailContradiction: (note: FlowNote, isFinal: boolean) => Contradiction | null = () => null,
  ) {
    this.#store = store;
    this.#points = points;
    this.#trailContradiction = trailContradiction;
  }

  /** True for flows that the host's path has a say in. */
  isJudged(flow: Flow): boolean {
    return flow.kind !== 'arp' && flow.tunnel === null && flow.protocol >= 0;
  }

  /** Brings the note's verdict up to date with the facts. Returns whether outcome, decider or translation are others than before. */
  judge(note: FlowNote, reason: string, atSec: number): boolean {
    const version = this.#store.version;
    if (version === null) return false;
    note.generation = version.generation;
    const { shared, assumptions } = this.#answer(note, version, false);
    const before = note.verdict;
    const ref = refOf(shared.answer.verdict.decidedBy);
    note.verdict = new LiveVerdict(shared, assumptions, NOTHING_SEEN, before?.changes ?? NONE);
    const from = before === null ? null : decisionKey(before.verdict);
    const to = before === null ? null : decisionKey(note.verdict.verdict);
    if (from !== null && to !== null && from !== to) {
      const changes = [...note.verdict.changes, { at: atSec, from, to, because: reason }].slice(-KEPT_CHANGES);
      note.verdict = new LiveVerdict(shared, assumptions, NOTHING_SEEN, changes);
      // What the rule had counted before it decided about this flow came from others.
      if (note.stale !== null && !note.wholly) note.countFromSec = note.stale.sinceSec;
    }
    note.counter = witnessOf(this.#store, ref, note.countFromSec);
    const isWhole = from === null || note.wholly;
    note.track = this.#store.isHypothetical ? null : trackOf(this.#store, note.flow, note.verdict.verdict, note.countFromSec, isWhole);
    note.stale = null;
    note.wholly = false;
    this.recount(note);
    return from === null || from !== to;
  }

  /** Looks again whether the deciding rule's counter has moved since the flow began. Returns whether the evidence changed. */
  recount(note: FlowNote): boolean {
    const { verdict } = note;
    if (verdict === null) return false;
    // What is counted long after the flow's last packet belongs to others.
    if (verdict.counted !== null && this.#store.readAtSec > note.flow.lastSec + COUNTED_AFTER_SEC) return false;
    const seen = this.#seenBeside(note, verdict);
    const { seen: old } = verdict;
    const isSame =
      seen.counted === old.counted &&
      seen.contradiction?.kind === old.contradiction?.kind &&
      seen.nat.every((count, at) => count.connections === old.nat[at]?.connections);
    if (isSame) return false;
    note.verdict = new LiveVerdict(verdict.answer, verdict.assumptions, seen, verdict.changes);
    return true;
  }

  /** Lays the flow's trail beside its verdict. `isFinal`: nothing more will be seen. Returns whether that says something else than before. */
  lookAtTrail(note: FlowNote, isFinal: boolean): boolean {
    const { verdict } = note;
    if (verdict === null || note.headDirection !== ORIGINAL || this.#store.isHypothetical) return false;
    const known = verdict.seen.contradiction;
    if (known !== null && !isOfTrail(known)) return false;
    const contradiction = this.#trailContradiction(note, isFinal);
    if (contradiction?.kind === known?.kind) return false;
    note.verdict = new LiveVerdict(verdict.answer, verdict.assumptions, { ...verdict.seen, contradiction }, verdict.changes);
    return true;
  }

  /** Whether what was seen of the flow cannot be under its verdict. */
  isContradicted({ verdict, track, flow, headDirection }: FlowNote): boolean {
    if (verdict === null || track === null || headDirection !== ORIGINAL) return false;
    return verdict.contradiction !== null || answered({ flow, verdict: verdict.answer.answer.verdict, track }) !== null;
  }

  /** The verdict with near misses. */
  explain(note: FlowNote): { readonly verdict: Verdict; readonly reply: Verdict | null } | null {
    const version = this.#store.version;
    if (version === null || !this.isJudged(note.flow)) return null;
    const { verdict, reply } = this.#answer(note, version, true).shared.answer;
    return { verdict: { ...verdict, evidence: note.verdict?.verdict.evidence ?? verdict.evidence }, reply };
  }

  question(note: FlowNote): FlowQuestion | null {
    const version = this.#store.version;
    return version === null ? null : this.#question(note, version);
  }

  #question(note: FlowNote, version: HostVersion): FlowQuestion {
    const point = this.#points[note.flow.interfaceId];
    if (point === undefined) return { unknown: 'the capture does not say at which interface the packet was seen' };
    decodePacket(this.#packet, note.head, 0, note.head.length, note.headOriginalLength, note.headLinkType);
    const question = specOfPacket(version.asked, this.#packet, point);
    if ('unknown' in question) return question;
    if (
      note.headDirection !== ORIGINAL &&
      question.spec.state === undefined &&
      !isNeverTracked(this.#packet.protocol, this.#packet.icmpType)
    ) {
      return {
        spec: { ...question.spec, state: 'ESTABLISHED' },
        assumptions: [...question.assumptions, 'the capture began in the middle of the conversation: only the answer has been seen'],
      };
    }
    return question;
  }

  #answer(note: FlowNote, version: HostVersion, explain: boolean): Answer {
    const question = this.#question(note, version);
    note.wantsConnections = 'unknown' in question || question.assumptions.length > 0;
    if ('unknown' in question) return { shared: unshared({ verdict: unanswerable(question.unknown), reply: null }), assumptions: NONE };
    const { spec, assumptions } = question;
    const ask = (asked: PacketSpec): SharedAnswer =>
      explain ? unshared(judgeBoth(version.model, asked, { explain })) : version.cache.judge(asked);
    const first = ask(spec);
    const stays = spec.state !== undefined || isNeverTracked(note.flow.protocol, note.flow.icmpType);
    if (note.verdict === null || !isUnderWay(note.flow) || stays) return { shared: first, assumptions };
    // Rules that are asked while the conversation runs see ESTABLISHED packets. What admits it is told as long as that lets them pass, too.
    const later = ask({ ...spec, state: 'ESTABLISHED' });
    return { shared: later.answer.verdict.outcome === first.answer.verdict.outcome ? first : later, assumptions };
  }

  #seenBeside(note: FlowNote, live: LiveVerdict): SeenBeside {
    const { counter: witness, track, flow, countFromSec } = note;
    const counted = witness === null ? null : movedOf(this.#store, witness, countFromSec);
    if (track === null) return { ...NOTHING_SEEN, counted };
    observe(track, flow, counted, this.#store.readAtSec);
    const nat = track.nat.length === 0 ? NONE : natCounts(this.#store, track, countFromSec);
    // What is known of the answer alone is no prediction about the question, and what was seen once stays seen.
    if (note.headDirection !== ORIGINAL) return { counted, nat, contradiction: null };
    const isSettled = live.contradiction !== null && (live.contradiction.kind === 'answered' || counted === 0);
    const laterCounted = (): boolean => this.#laterCounted(note);
    const contradiction = isSettled
      ? live.contradiction
      : (contradictionOf({ flow, verdict: live.answer.answer.verdict, witness, counted, track, laterCounted }) ?? trailOf(live));
    return { counted, nat, contradiction };
  }

  /** Whether the rule that decides about packets of an established conversation has counted, or has no counter to tell. */
  #laterCounted(note: FlowNote): boolean {
    const version = this.#store.version;
    const question = version === null ? null : this.#question(note, version);
    if (version === null || question === null || 'unknown' in question) return true;
    const later = version.cache.judge({ ...question.spec, state: 'ESTABLISHED' }).answer.verdict;
    const witness = witnessOf(this.#store, refOf(later.decidedBy), note.countFromSec);
    return witness === null || movedOf(this.#store, witness, note.countFromSec) !== 0;
  }
}

const isOfTrail = ({ kind }: Contradiction): boolean => kind === 'seen-beyond' || kind === 'not-seen';

/** What the trail said stays until the trail says otherwise. */
const trailOf = ({ contradiction }: LiveVerdict): Contradiction | null =>
  contradiction !== null && isOfTrail(contradiction) ? contradiction : null;

/** Both ends have been heard: conntrack calls what comes now ESTABLISHED. */
const isUnderWay = (flow: Flow): boolean => flow.packets[0] > 0 && flow.packets[1] > 0;

const refOf = (decided: DecidedBy): RuleRef | null => {
  // The counters that are read are the host's.
  if (decided.namespace !== undefined) return null;
  if (decided.kind !== 'rule' && decided.kind !== 'policy') return null;
  const { backend, family, table, chain, rule, text } = decided;
  if (backend === undefined || family === undefined || table === undefined || chain === undefined) return null;
  return { backend, family, table, chain, rule: rule ?? null, text, counters: null };
};

/** What a person would call the decision; two verdicts with the same one are the same. The rule's number is not part of it. */
const decisionKey = (verdict: Verdict): string => {
  const { decidedBy: by } = verdict;
  const place = by.table === undefined ? by.kind : `${by.table} ${by.chain}`;
  const nat = verdict.nat.map((step) => ` ${step.kind} ${step.to}`).join('');
  return `${verdict.outcome} by ${by.namespace === undefined ? '' : `${by.namespace}: `}${place}: ${by.text}${nat}`;
};

const unanswerable = (why: string): Verdict => ({
  outcome: 'undetermined',
  decidedBy: { kind: 'default', text: why },
  nat: [],
  out: null,
  steps: [],
  unknowns: [why],
  evidence: 'predicted',
});
