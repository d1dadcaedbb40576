/**
 * Gives flows their verdicts: the question is formed from the flow's first packet and the place where it was seen, the path
 * answers it, and the deciding rule's counter is watched beside the packets.
 */
import type { Flow } from '../../flow/flow.ts';
import { ORIGINAL } from '../../flow/flow.ts';
import { isNeverTracked } from '../../netfilter/conntrack.ts';
import type { RuleRef } from '../../netfilter/ruleset.ts';
import { decodePacket } from '../../packet/decode.ts';
import { Packet } from '../../packet/packet.ts';
import { judgeBoth } from '../../path/judge.ts';
import { specOfPacket } from '../../path/origin/origin.ts';
import { type Answer, type SharedAnswer, unshared } from '../../path/sharing/judge-cache.ts';
import type { DecidedBy, PacketSpec, Verdict } from '../../path/verdict.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { FlowNote } from '../flows/flow-note.ts';
import type { HostStore, HostVersion } from '../host-store.ts';
import type { Contradiction, FlowQuestion } from '../state/flow-verdict.ts';
import {
  answered,
  contradictionOf,
  type EvidenceTrack,
  movedOf,
  natCounts,
  natRefsOf,
  observe,
  ruleWords,
  trackOf,
  type Witness,
  witnessesOf,
  witnessOf,
} from './evidence.ts';
import { LiveVerdict, NONE, NOTHING_SEEN, type SeenBeside } from './live-verdict.ts';

interface Asking {
  /** With near misses. */
  readonly explain: boolean;
  /** About a packet of the conversation while it runs. */
  readonly isLater: boolean;
}

/** Rules of a verdict whose counters can be looked at; and what was found of the last flow under it, which is mostly what the next one has. */
interface Refs {
  readonly decided: RuleRef | null;
  readonly nat: readonly RuleRef[];
  /** The readings by which the rest was found, as `HostStore.readingsAt` has them; -1 for none. */
  readings: number;
  witness: Witness | null;
  natWitnesses: readonly Witness[];
  seen: SeenBeside;
}

const KEPT_CHANGES = 20;
/** Counters are read about once a second; so long after its last packet a flow's own packets have been counted. */
const COUNTED_AFTER_SEC = 3;

export class FlowJudge {
  readonly #store: HostStore;
  readonly #points: readonly CapturePoint[];
  readonly #trailContradiction: (note: FlowNote, isFinal: boolean) => Contradiction | null;
  readonly #packet = new Packet();
  readonly #refs = new WeakMap<Verdict, Refs>();
  readonly #ruleWords = new WeakMap<RuleRef, string>();

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
    const before = note.verdict;
    const answer = this.#answer(note, version);
    const refs = this.#refsOf(answer.shared.answer.verdict);
    let changes = before?.changes ?? NONE;
    let hasChanged = false;
    if (before !== null) {
      const from = decisionKey(before.verdict);
      const to = decisionKey(answer.verdict);
      hasChanged = from !== to;
      if (hasChanged) {
        changes = [...changes, { at: atSec, from, to, because: reason }].slice(-KEPT_CHANGES);
        // What the rule had counted before it decided about this flow came from others.
        if (note.stale !== null && !note.wholly) note.countFromSec = note.stale.sinceSec;
      }
    }
    note.wantsConnections = answer.shared.answer.wantsConnections;
    this.#look(refs, note.countFromSec);
    note.counter = refs.witness;
    note.track = this.#store.isHypothetical ? null : trackOf(this.#store, note.flow, refs.natWitnesses, before === null || note.wholly);
    note.stale = null;
    note.wholly = false;
    note.verdict = new LiveVerdict(answer, this.#seenFirst(note, answer, refs.seen), changes);
    return before === null || hasChanged;
  }

  /** Looks again whether the deciding rule's counter has moved since the flow began. Returns whether the evidence changed. */
  recount(note: FlowNote): boolean {
    const { verdict } = note;
    if (verdict === null) return false;
    // What is counted long after the flow's last packet belongs to others.
    if (verdict.counted !== null && this.#store.readAtSec > note.flow.lastSec + COUNTED_AFTER_SEC) return false;
    // Nothing has been read since it was looked at, and what lets packets pass is contradicted by counters alone.
    if (note.track?.readAtSec === this.#store.readAtSec && verdict.outcome === 'accept') return false;
    const seen = this.#seenBeside(note, verdict.answer, verdict.contradiction);
    const { seen: old } = verdict;
    const isSame =
      seen.counted === old.counted &&
      seen.contradiction?.kind === old.contradiction?.kind &&
      seen.nat.every((count, at) => count.connections === old.nat[at]?.connections);
    if (isSame) return false;
    note.verdict = new LiveVerdict(verdict.answer, seen, verdict.changes);
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
    note.verdict = new LiveVerdict(verdict.answer, { ...verdict.seen, contradiction }, verdict.changes);
    return true;
  }

  /** Whether what was seen of the flow cannot be under its verdict. */
  isContradicted({ verdict, track, flow, headDirection }: FlowNote): boolean {
    if (verdict === null || track === null || headDirection !== ORIGINAL) return false;
    return verdict.contradiction !== null || answered({ flow, verdict: verdict.answer.shared.answer.verdict, track }) !== null;
  }

  /** The verdict with near misses. */
  explain(note: FlowNote): { readonly verdict: Verdict; readonly reply: Verdict | null } | null {
    const version = this.#store.version;
    if (version === null || !this.isJudged(note.flow)) return null;
    const point = this.#points[note.flow.interfaceId];
    const first = this.#ask(note, version, point, { explain: true, isLater: false });
    const later = this.#isAskedLater(note, first) ? this.#ask(note, version, point, { explain: true, isLater: true }) : first;
    const { verdict, reply } = told(first, later);
    return { verdict: { ...verdict, evidence: note.verdict?.verdict.evidence ?? verdict.evidence }, reply };
  }

  question(note: FlowNote): FlowQuestion | null {
    const version = this.#store.version;
    return version === null ? null : this.#question(note, version);
  }

  #question(note: FlowNote, version: HostVersion): FlowQuestion {
    this.#decode(note);
    return this.#questionAt(note, version, this.#points[note.flow.interfaceId]);
  }

  #decode({ head, headOriginalLength, headLinkType }: FlowNote): void {
    decodePacket(this.#packet, head, 0, head.length, headOriginalLength, headLinkType);
  }

  /** The question about the packet that has just been decoded. */
  #questionAt(note: FlowNote, version: HostVersion, point: CapturePoint | undefined): FlowQuestion {
    if (point === undefined) return { unknown: 'the capture does not say at which interface the packet was seen' };
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

  #answer(note: FlowNote, version: HostVersion): SharedAnswer {
    this.#decode(note);
    const first = this.#shared(note, version, false);
    if (!this.#isAskedLater(note, first.shared.answer)) return first;
    const later = this.#shared(note, version, true);
    return told(first.shared.answer, later.shared.answer) === first.shared.answer ? first : later;
  }

  /** About the packet that has just been decoded. */
  #shared(note: FlowNote, version: HostVersion, isLater: boolean): SharedAnswer {
    const point = this.#points[note.flow.interfaceId];
    const ask = (): Answer => this.#ask(note, version, point, { explain: false, isLater });
    if (point === undefined) return unshared(ask());
    const kind = (note.headDirection === ORIGINAL ? 0 : 1) + (isLater ? 2 : 0);
    return version.cache.answer(this.#packet, note.flow, point, kind, ask);
  }

  #isAskedLater(note: FlowNote, { stays }: Answer): boolean {
    return note.verdict !== null && isUnderWay(note.flow) && !stays;
  }

  #ask(note: FlowNote, version: HostVersion, point: CapturePoint | undefined, { explain, isLater }: Asking): Answer {
    this.#decode(note);
    const question = this.#questionAt(note, version, point);
    if ('unknown' in question) {
      return { verdict: unanswerable(question.unknown), reply: null, assumptions: NONE, stays: true, wantsConnections: true };
    }
    const { spec, assumptions } = question;
    const asked: PacketSpec = isLater ? { ...spec, state: 'ESTABLISHED' } : spec;
    return {
      ...judgeBoth(version.model, asked, explain ? { explain } : {}),
      assumptions,
      stays: spec.state !== undefined || isNeverTracked(note.flow.protocol, note.flow.icmpType),
      wantsConnections: assumptions.length > 0,
    };
  }

  #refsOf(verdict: Verdict): Refs {
    const known = this.#refs.get(verdict);
    if (known !== undefined) return known;
    const refs: Refs = {
      decided: refOf(verdict.decidedBy),
      nat: natRefsOf(verdict),
      readings: -1,
      witness: null,
      natWitnesses: NONE,
      seen: NOTHING_SEEN,
    };
    this.#refs.set(verdict, refs);
    return refs;
  }

  /** Reads the counters of the verdict's rules for a flow that began then, unless they were read for such a one already. */
  #look(refs: Refs, fromSec: number): void {
    const readings = this.#store.readingsAt(fromSec);
    if (refs.readings === readings) return;
    refs.readings = readings;
    const witness = witnessOf(this.#store, refs.decided, fromSec);
    if (!isSameWitness(witness, refs.witness)) refs.witness = witness;
    const nat = witnessesOf(this.#store, refs.nat, fromSec);
    // The same ones again where they have counted no more than they had for the last flow.
    const { natWitnesses: last } = refs;
    if (nat.length !== last.length || !nat.every((each, at) => isSameWitness(each, last[at] ?? null))) refs.natWitnesses = nat;
    refs.seen = shared(refs, this.#countsOf(refs.witness, refs.natWitnesses, fromSec));
  }

  #countsOf(witness: Witness | null, nat: readonly Witness[], fromSec: number): SeenBeside {
    const counted = witness === null ? null : movedOf(this.#store, witness, fromSec);
    if (counted === null && nat.length === 0) return NOTHING_SEEN;
    return {
      counted,
      nat: nat.length === 0 ? NONE : natCounts(this.#store, nat, fromSec, (ref) => this.#wordsOf(ref)),
      contradiction: null,
    };
  }

  /** Beside a verdict that has just been made. */
  #seenFirst(note: FlowNote, answer: SharedAnswer, seen: SeenBeside): SeenBeside {
    const { track } = note;
    // What is known of the answer alone is no prediction about the question.
    if (track === null || note.headDirection !== ORIGINAL) return seen;
    const contradiction = this.#contradictionOf(note, answer, track, seen.counted);
    return contradiction === null ? seen : { ...seen, contradiction };
  }

  #seenBeside(note: FlowNote, answer: SharedAnswer, known: Contradiction | null): SeenBeside {
    const { counter: witness, track, flow, countFromSec } = note;
    if (track === null) return this.#countsOf(witness, NONE, countFromSec);
    const counts = this.#countsOf(witness, track.nat, countFromSec);
    const { counted } = counts;
    observe(track, flow, counted, this.#store.readAtSec);
    // What was seen once stays seen.
    const contradiction = note.headDirection === ORIGINAL ? this.#contradiction(note, answer, { known, counted, track }) : null;
    if (contradiction !== null) return { ...counts, contradiction };
    const refs = this.#refsOf(answer.shared.answer.verdict);
    const seen = shared(refs, counts);
    if (seen !== refs.seen) {
      refs.seen = seen;
      refs.readings = -1;
    }
    return seen;
  }

  #contradiction(
    note: FlowNote,
    answer: SharedAnswer,
    { known, counted, track }: { readonly known: Contradiction | null; readonly counted: number | null; readonly track: EvidenceTrack },
  ): Contradiction | null {
    const isSettled = known !== null && (known.kind === 'answered' || counted === 0);
    if (isSettled) return known;
    return this.#contradictionOf(note, answer, track, counted) ?? (known !== null && isOfTrail(known) ? known : null);
  }

  #wordsOf(ref: RuleRef): string {
    let words = this.#ruleWords.get(ref);
    if (words === undefined) {
      words = ruleWords(ref);
      this.#ruleWords.set(ref, words);
    }
    return words;
  }

  /** The words are made of the flow's own verdict, where there is anything to say. */
  #contradictionOf(note: FlowNote, answer: SharedAnswer, track: EvidenceTrack, counted: number | null): Contradiction | null {
    const { verdict } = answer.shared.answer;
    const { outcome } = verdict;
    // What lets packets pass is contradicted by nothing but a counter that stands still.
    if (outcome !== 'drop' && outcome !== 'reject' && counted !== 0) return null;
    const { flow, counter: witness } = note;
    const found = contradictionOf({ flow, verdict, witness, counted, track, laterCounted: () => this.#laterCounted(note) });
    return found === null ? null : { ...found, text: answer.words(found.text) };
  }

  /** Whether the rule that decides about packets of an established conversation has counted, or has no counter to tell. */
  #laterCounted(note: FlowNote): boolean {
    const version = this.#store.version;
    if (version === null) return true;
    this.#decode(note);
    const { verdict } = this.#shared(note, version, true).shared.answer;
    const witness = witnessOf(this.#store, this.#refsOf(verdict).decided, note.countFromSec);
    return witness === null || movedOf(this.#store, witness, note.countFromSec) !== 0;
  }
}

/** Rules that are asked while the conversation runs see ESTABLISHED packets. What admits it is told as long as that lets them pass, too. */
const told = (first: Answer, later: Answer): Answer => (later.verdict.outcome === first.verdict.outcome ? first : later);

const isOfTrail = ({ kind }: Contradiction): boolean => kind === 'seen-beyond' || kind === 'not-seen';

const isSameWitness = (x: Witness | null, y: Witness | null): boolean =>
  x === y || (x !== null && y !== null && x.before === y.before && x.sure === y.sure && x.ref === y.ref);

/** What the last flow under the verdict has, where it is the same. */
const shared = ({ seen: last }: Refs, seen: SeenBeside): SeenBeside =>
  seen.counted === last.counted &&
  seen.nat.length === last.nat.length &&
  seen.nat.every(({ connections }, at) => connections === last.nat[at]?.connections)
    ? last
    : seen;

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
