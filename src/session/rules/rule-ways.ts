/**
 * The rules that packets of a conversation meet, part by part: its first packet meets all tables, later ones no nat table and the rules
 * for what is established, answers their own way back. nf_nat_inet_fn in net/netfilter/nf_nat_core.c asks the rules for a new
 * connection's packets only until it is confirmed.
 */
import type { Flow } from '../../flow/flow.ts';
import { judgeBoth } from '../../path/judge.ts';
import { laterPacket } from '../../path/later-packet.ts';
import type { HostModel } from '../../path/model.ts';
import type { PacketSpec, Verdict, VerdictStep } from '../../path/verdict.ts';
import type { FlowVerdict } from '../state/flow-verdict.ts';
import { refKey } from './rule-counters.ts';

/** Which part of a conversation a packet is: its beginning, more of it before an answer, all after that, or an answer. */
const FIRST = 0;
const AGAIN = 1;
const LATER = 2;
const REPLY = 3;
type Part = typeof FIRST | typeof AGAIN | typeof LATER | typeof REPLY;
export const PARTS: readonly Part[] = [FIRST, AGAIN, LATER, REPLY];

/** A rule on the way, by the key that it is counted under. */
export interface MetRule {
  readonly key: string;
  readonly step: VerdictStep;
}

/** What packets of each part meet; null where none is foretold. */
export interface Ways {
  readonly rules: readonly (readonly MetRule[] | null)[];
  /** By part: false where the verdict is undetermined, so that they may meet them. */
  readonly isCertain: readonly boolean[];
}

/** Packets and bytes of each part. */
export interface PartCounts {
  readonly packets: number[];
  readonly bytes: number[];
}

export const noCounts = (): PartCounts => ({ packets: [0, 0, 0, 0], bytes: [0, 0, 0, 0] });

/**
 * What has come of the flow, less what was `taken` before, written over `into`: there are many flows. Where b began, its first packet
 * stands for those of a that were not seen. Returns the parts of which anything has come, a bit a part.
 */
export const countInto = (into: PartCounts, flow: Flow, taken: PartCounts | null): number => {
  const { packets: sent, bytes: sentBytes, firstBytes = 0, askedPackets = -1, askedBytes = 0 } = flow;
  const { packets, bytes } = into;
  const hasBegunWithB = askedPackets === 0;
  const asked = askedPackets < 0 ? sent[0] : askedPackets;
  const askedLength = askedPackets < 0 ? sentBytes[0] : askedBytes;
  packets[FIRST] = 1;
  bytes[FIRST] = firstBytes;
  packets[AGAIN] = hasBegunWithB ? 0 : asked - 1;
  bytes[AGAIN] = hasBegunWithB ? 0 : askedLength - firstBytes;
  packets[LATER] = sent[0] - asked;
  bytes[LATER] = sentBytes[0] - askedLength;
  packets[REPLY] = sent[1] - (hasBegunWithB ? 1 : 0);
  bytes[REPLY] = sentBytes[1] - (hasBegunWithB ? firstBytes : 0);
  let parts = 0;
  for (const part of PARTS) {
    if (taken !== null) {
      packets[part] = (packets[part] as number) - (taken.packets[part] as number);
      bytes[part] = (bytes[part] as number) - (taken.bytes[part] as number);
    }
    if (packets[part] !== 0) parts |= 1 << part;
  }
  return parts;
};

export const waysOf = (model: HostModel, spec: PacketSpec, live: FlowVerdict): Ways => {
  const { outcome } = live.verdict;
  const first = judgeBoth(model, spec, { explain: true }).verdict;
  const all = rulesOf(first.steps);
  // Of a connection that is never confirmed each packet is as new as the first.
  const again = outcome === 'accept' ? rulesOf(withoutNat(first)) : all;
  const next = laterPacket(spec, first);
  const later = next === null ? again : rulesOf(judgeBoth(model, next).verdict.steps);
  const isCertain = outcome !== 'undetermined';
  return {
    rules: [told(all, isCertain), told(again, isCertain), told(later, isCertain), repliesOf(live.reply)],
    isCertain: [isCertain, isCertain, isCertain, live.reply?.outcome !== 'undetermined'],
  };
};

const repliesOf = (reply: Verdict | null): readonly MetRule[] | null =>
  reply === null ? null : told(rulesOf(reply.steps), reply.outcome !== 'undetermined');

/** Where nothing is determined, having met no rule is no way either. */
const told = (rules: readonly MetRule[], isCertain: boolean): readonly MetRule[] | null =>
  rules.length === 0 && !isCertain ? null : rules;

/** Keys of the rules that a flow has met by the parts of it that have come, a bit a part. */
export const metBy = ({ rules }: Ways, parts: number): ReadonlySet<string> =>
  new Set(PARTS.flatMap((part) => ((parts >> part) & 1 ? (rules[part] ?? []) : [])).map(({ key }) => key));

const rulesOf = (steps: readonly VerdictStep[]): readonly MetRule[] =>
  steps.flatMap((step) => (step.table === null || step.chain === null ? [] : [{ key: stepKey(step), step }]));

const withoutNat = ({ steps, phases = [] }: Verdict): readonly VerdictStep[] => {
  const nat = phases.filter(({ kind }) => kind === 'nat').map((phase) => phase.steps);
  return steps.filter((_step, at) => !nat.some(([from, to]) => at >= from && at < to));
};

const stepKey = ({ namespace = '', backend = 'nft', family = 'ip', table, chain, rule, text }: VerdictStep): string =>
  `${namespace}${refKey({ backend, family, table: table ?? '', chain: chain ?? '', rule, text })}`;
