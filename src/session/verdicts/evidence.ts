/**
 * Lays rule counters and answers beside a flow's prediction: which of its rules counted with its packets, and whether what was seen
 * contradicts what was predicted. Counters are shared with other traffic, so that moving proves little and standing still proves much.
 */
import { formatIp } from '../../base/ip-address.ts';
import type { Flow } from '../../flow/flow.ts';
import { ORIGINAL, REPLY } from '../../flow/flow.ts';
import type { RuleRef } from '../../netfilter/ruleset.ts';
import { protocolName } from '../../packet/protocols.ts';
import type { DecidedBy, Verdict, VerdictNat } from '../../path/verdict.ts';
import { decidedByWords } from '../../report/decision.ts';
import { countText } from '../../report/time.ts';
import type { HostStore } from '../host-store.ts';
import type { Contradiction, RuleCount } from '../state/flow-verdict.ts';

/** A rule that a flow's packets must have met, and what it had counted before them. */
export interface Witness {
  readonly ref: RuleRef;
  readonly before: number;
  /** Counters were read before the flow's first packet: what came since can be its own. */
  readonly sure: boolean;
}

/** What has been seen of a flow between readings of the counters. */
export interface EvidenceTrack {
  readonly nat: readonly Witness[];
  /** Answers that had come when the verdict was made; those belong to another decision. */
  readonly answersBefore: number;
  readAtSec: number;
  packets: number;
  /** Readings between which packets of the flow came and the deciding rule did not count any. */
  silentReadings: number;
}

/** So many readings must agree before a rule is said not to count: a reading may miss the newest packets. */
const SILENT_READINGS = 3;
/** After a change of verdict an answer may still be on its way. */
const LATE_ANSWERS = 2;

export const witnessOf = (store: HostStore, ref: RuleRef | null, fromSec: number): Witness | null => {
  const before = ref === null ? null : store.countedBefore(ref, fromSec);
  return ref === null || before === null ? null : { ref, before, sure: store.firstReadAtSec <= fromSec };
};

export const witnessesOf = (store: HostStore, refs: readonly RuleRef[], fromSec: number): readonly Witness[] =>
  refs.length === 0 ? NO_WITNESSES : refs.flatMap((ref) => witnessOf(store, ref, fromSec) ?? []);

export const trackOf = (store: HostStore, flow: Flow, nat: readonly Witness[], isFirst: boolean): EvidenceTrack => ({
  nat,
  answersBefore: isFirst ? 0 : flow.packets[REPLY] + LATE_ANSWERS - 1,
  readAtSec: store.readAtSec,
  packets: flow.packets[ORIGINAL],
  silentReadings: 0,
});

const NO_WITNESSES: readonly Witness[] = Object.freeze([]);

/** Called after each reading of the counters. `counted`: what the deciding rule has counted since the flow began. */
export const observe = (track: EvidenceTrack, flow: Flow, counted: number | null, readAtSec: number): void => {
  if (readAtSec <= track.readAtSec) return;
  if (counted === 0 && flow.packets[ORIGINAL] > track.packets) track.silentReadings++;
  track.readAtSec = readAtSec;
  track.packets = flow.packets[ORIGINAL];
};

/** Packets that a witness has counted since the flow began; null where no reading tells. */
export const movedOf = (store: HostStore, { ref, before }: Witness, fromSec: number): number | null => {
  const now = store.countedNow(ref);
  // A reading from before the flow began says nothing about it.
  return now === null || store.readAtSec <= fromSec ? null : Math.max(0, now - before);
};

/** Rules of the nat tables count the first packet of each connection only. */
export const natCounts = (
  store: HostStore,
  nat: readonly Witness[],
  fromSec: number,
  wordsOf: (ref: RuleRef) => string = ruleWords,
): readonly RuleCount[] => nat.map((witness) => ({ by: wordsOf(witness.ref), connections: movedOf(store, witness, fromSec) }));

export const ruleWords = (ref: RuleRef): string => decidedByWords(byOf(ref));

export interface Observed {
  readonly flow: Flow;
  readonly verdict: Verdict;
  readonly witness: Witness | null;
  readonly counted: number | null;
  readonly track: EvidenceTrack;
  /** The rule that decides about later packets of the conversation, where another one does: it counted them. Asked only where needed. */
  readonly laterCounted: () => boolean;
}

export const contradictionOf = (observed: Observed): Contradiction | null => answered(observed) ?? uncounted(observed);

/** Who is dropped gets no answer; who is rejected gets a refusal and nothing else. */
export const answered = ({ flow, verdict, track }: Pick<Observed, 'flow' | 'verdict' | 'track'>): Contradiction | null => {
  if (verdict.outcome !== 'drop' && verdict.outcome !== 'reject') return null;
  const answers = flow.packets[REPLY] - (flow.errorPackets?.[REPLY] ?? 0) - track.answersBefore;
  if (answers <= 0 || (flow.tcp !== null && flow.tcp.phase === 'reset' && verdict.outcome === 'reject')) return null;
  const what =
    flow.tcp !== null && flow.tcp.phase === 'established' ? 'the connection is established' : `${countText(answers, 'packet')} came back`;
  return {
    kind: 'answered',
    text: `This contradicts the prediction: ${verdict.outcome.toUpperCase()} by ${decidedByWords(verdict.decidedBy)} was predicted, yet ${what}. ${tryTrace(flow)}`,
  };
};

/** Packets came, and the rule that should have decided about them counted none. */
const uncounted = ({ flow, verdict, witness, counted, track, laterCounted }: Observed): Contradiction | null => {
  if (witness === null || !witness.sure || counted !== 0 || verdict.outcome === 'undetermined') return null;
  if (track.silentReadings < SILENT_READINGS) return null;
  if (laterCounted()) {
    track.silentReadings = 0;
    return null;
  }
  return {
    kind: 'not-counted',
    text: `This contradicts the prediction: ${verdict.outcome.toUpperCase()} by ${decidedByWords(verdict.decidedBy)} was predicted, yet that rule has not counted one packet while ${countText(flow.packets[ORIGINAL], 'packet')} came. Either they are stopped or sent elsewhere before they meet it (tc, XDP or eBPF at an interface, another namespace's rules), or another rule decides. ${tryTrace(flow)}`,
  };
};

const tryTrace = (flow: Flow): string => {
  const port = flow.bPort < 0 ? '' : `:${flow.bPort}`;
  const proto = flow.kind === 'icmp-echo' ? 'icmp' : protocolName(flow.protocol).toLowerCase();
  return `To see what the kernel does: vethscope trace ${formatIp(flow.a)} ${formatIp(flow.b)} ${proto}${port}`;
};

/** The rules that translate it, as far as their counters are read. */
export const natRefsOf = (verdict: Verdict): readonly RuleRef[] => verdict.nat.flatMap((nat) => natRef(verdict, nat) ?? []);

/** The step has what a translation does not say: the rule's backend and family. */
const natRef = (verdict: Verdict, { by, namespace }: VerdictNat): RuleRef | null => {
  // The counters that are read are the host's.
  if (namespace !== undefined) return null;
  const step = verdict.steps.find(
    (each) =>
      each.namespace === undefined && each.table === by.table && each.chain === by.chain && each.rule === by.rule && each.text === by.text,
  );
  if (step?.backend === undefined || step.family === undefined) return null;
  const { backend, family } = step;
  return { backend, family, table: by.table, chain: by.chain, rule: by.rule, text: by.text, counters: null };
};

const byOf = ({ backend, family, table, chain, rule, text }: RuleRef): DecidedBy => ({
  kind: rule === null ? 'policy' : 'rule',
  backend,
  family,
  table,
  chain,
  ...(rule === null ? {} : { rule }),
  text,
});

/** What counted, for the detail of a flow; null where nothing did. */
export const countedSentence = (verdict: Verdict, counted: number | null, nat: readonly RuleCount[]): string | null => {
  const parts = [
    counted === null || counted === 0 ? '' : `${decidedByWords(verdict.decidedBy)} +${countText(counted, 'packet')}`,
    ...nat.map(({ by, connections }) =>
      connections === null || connections === 0 ? '' : `${by} +${countText(connections, 'connection')}`,
    ),
  ].filter((part) => part !== '');
  return parts.length === 0 ? null : `Counted since the flow began: ${parts.join(', ')}.`;
};
