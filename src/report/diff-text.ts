/** What other rules would change, for people: the totals first, then the flows by what decided and would decide, the most important first. */

import { assertNever } from '../base/assert-never.ts';
import { grouped } from '../base/grouped.ts';
import { printable } from '../base/printable.ts';
import type { Verdict } from '../path/verdict.ts';
import { type ChangeKind, type Effect, weightOf } from '../path/verdict-change.ts';
import type { FlowVerdict } from '../session/state/flow-verdict.ts';
import { decisionWords } from './decision.ts';
import { endText } from './flow-line.ts';
import type { ChangedFlow, SessionDiff } from './session-diff.ts';
import { tallyOf } from './session-diff.ts';
import { foldGlyphs, glyphsOf, type Style, type Tone, tint } from './style.ts';
import { formatTable } from './table.ts';
import { clockText, countText } from './time.ts';
import { wrapWords } from './wrap.ts';

export interface DiffTextOptions {
  readonly style: Style;
  /** Null where lines may be as long as they like. */
  readonly columns: number | null;
  /** Every flow, and not the first of each group only. */
  readonly all: boolean;
  /** Minutes east of UTC at a moment. */
  readonly offsetOf: (sec: number) => number;
}

/** Flows that one sentence is true of. */
interface Group {
  readonly kind: ChangeKind;
  readonly before: Effect;
  readonly after: Effect;
  readonly was: string;
  readonly now: string;
  readonly flows: ChangedFlow[];
}

const SHOWN_FLOWS = 5;

export const diffText = (diff: SessionDiff, options: DiffTextOptions): string[] => {
  const { style, columns } = options;
  const lines = [diffSummary(diff, style)];
  for (const group of groupsOf(diff.changed, style)) lines.push('', ...groupLines(group, options));
  return lines.flatMap((line) => wrapped(foldGlyphs(style, line), columns));
};

/** `2 of 3 flows change: 1 accept → no reply, …`. */
export const diffSummary = ({ changed, compared, flows }: SessionDiff, style: Style): string => {
  const unjudged = flows - compared;
  const rest = unjudged === 0 ? '' : ` (${countText(unjudged, 'flow')} without a verdict: not compared)`;
  if (changed.length === 0) return `None of ${countText(compared, 'flow')} changes its verdict.${rest}`;
  const parts = tallyOf(changed).map((tally) => `${grouped(tally.flows)} ${changeWords(tally, style)}`);
  const verb = changed.length === 1 ? 'changes' : 'change';
  return `${tint(style, 'strong', `${grouped(changed.length)} of ${countText(compared, 'flow')} ${verb}:`)} ${parts.join(', ')}${rest}`;
};

export const changeWords = ({ kind, before, after }: Pick<Group, 'kind' | 'before' | 'after'>, style: Style): string => {
  switch (kind) {
    case 'outcome':
      return `${before} ${glyphsOf(style).arrow} ${after}`;
    case 'nat':
      return `still ${after}, with another translation`;
    case 'rule':
      return `still ${after}, by another rule`;
    default:
      return assertNever(kind);
  }
};

const groupsOf = (changed: readonly ChangedFlow[], style: Style): readonly Group[] => {
  const groups = new Map<string, Group>();
  for (const flow of changed) {
    const { kinds, before, after } = flow.change;
    const kind = kinds[0] as ChangeKind;
    const { was, now } = sidesWords(flow, style);
    const key = [kind, before, after, was, now].join('\n');
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { kind, before, after, was, now, flows: [flow] });
    else known.flows.push(flow);
  }
  const weigh = ({ flows }: Group): number => weightOf((flows[0] as ChangedFlow).change);
  return [...groups.values()].sort((x, y) => weigh(x) - weigh(y) || y.flows.length - x.flows.length);
};

/** What decided and what would decide; of the answer, too, where that alone is decided otherwise. */
export const sidesWords = (flow: Pick<ChangedFlow, 'before' | 'after' | 'change'>, style: Style): { was: string; now: string } => {
  const { before, after, change } = flow;
  const was = sideWords(before, change.before, style);
  const now = sideWords(after, change.after, style);
  if (was !== now || before.reply === null || after.reply === null) return { was, now };
  const replies = [decided(before.reply), decided(after.reply)].map((words) => printable(words));
  if (replies[0] === replies[1]) return { was, now };
  return { was: `${was}; the reply by ${replies[0]}`, now: `${now}; the reply by ${replies[1]}` };
};

/** What decides on one side: of the reply, where that is what its sender misses. Translations by their rule, since their ports differ. */
const sideWords = (side: FlowVerdict, effect: Effect, style: Style): string => {
  const { verdict, reply } = side;
  const ofReply = (effect === 'no reply' || effect === 'reply undetermined') && reply !== null ? reply : null;
  const second = verdict.proxiedTo === undefined ? '' : `; docker-proxy dials ${verdict.proxiedTo.address}`;
  const nat = verdict.nat.map(
    ({ kind, by }) => ` ${glyphsOf(style).dot} ${kind.toUpperCase()} by ${by.table} ${by.chain} #${by.rule}: ${by.text}`,
  );
  return printable(`${ofReply === null ? decided(verdict) : `the reply by ${decided(ofReply)}`}${nat.join('')}${second}`);
};

const decided = (verdict: Verdict): string => {
  const by = verdict.decidedBy;
  const unknown = verdict.outcome === 'undetermined' ? verdict.unknowns.filter((text) => text !== by.text).join('; ') : '';
  const text = by.kind === 'rule' ? `:  ${by.text}` : '';
  return `${decisionWords(verdict)}${text}${unknown === '' ? '' : ` (${unknown})`}`;
};

const groupLines = (group: Group, { style, all, offsetOf }: DiffTextOptions): string[] => {
  const { flows } = group;
  const packets = flows.reduce((sum, { row }) => sum + row.flow.packets[0] + row.flow.packets[1], 0);
  const lines = [
    `${tint(style, toneOf(group), changeWords(group, style))}  ${countText(flows.length, 'flow')}, ${countText(packets, 'packet')}`,
    `  was  ${group.was}`,
    `  now  ${group.now}`,
  ];
  const shown = all ? flows : flows.slice(0, SHOWN_FLOWS);
  lines.push(
    ...formatTable(
      shown.map((flow) => flowCells(flow, style, offsetOf)),
      style,
      { indent: 4 },
    ),
  );
  if (shown.length < flows.length) lines.push(`    and ${countText(flows.length - shown.length, 'more', 'more')} (--all shows them)`);
  return lines;
};

const toneOf = ({ kind, after }: Group): Tone => {
  if (kind !== 'outcome') return 'plain';
  return after === 'accept' ? 'good' : after === 'drop' || after === 'reject' || after === 'no reply' ? 'bad' : 'warn';
};

const flowCells = ({ row, before }: ChangedFlow, style: Style, offsetOf: (sec: number) => number): string[] => {
  const { flow } = row;
  const ends = `${endText(row.aName, flow.a, flow.aPort)} ${glyphsOf(style).arrow} ${endText(row.bName, flow.b, flow.bPort)}`;
  const times = before.changes.length;
  const changes = times === 0 ? '' : `its verdict had changed ${times === 1 ? 'once' : `${times} times`}: the last one is compared`;
  return [
    clockText(flow.firstSec, flow.firstNsec, offsetOf(flow.firstSec)),
    ends,
    row.state === '' ? row.protocol : `${row.protocol}, ${row.state}`,
    countText(flow.packets[0] + flow.packets[1], 'packet'),
    changes,
  ];
};

/** Sentences and rules are broken where a word ends; coloured lines are left to the terminal. */
const wrapped = (line: string, columns: number | null): string[] => {
  if (columns === null || line.length <= columns || line.includes('\u001b')) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const [head = '', ...rest] = wrapWords(line.slice(indent.length), columns - indent.length - 5);
  return [`${indent}${head}`, ...rest.map((piece) => `${indent}     ${piece}`)];
};
