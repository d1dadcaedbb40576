/**
 * A packet's way as a table of phases, as packet tracers of firewalls show it: which hook and table was asked, and what it answered,
 * with the rules that matched beneath. Phases that let the packet pass without a match are in it, too.
 */
import { printable } from '../base/printable.ts';
import type { PhaseResult, Verdict, VerdictPhase, VerdictStep } from '../path/verdict.ts';
import { decisiveStep, inChain, outcomeTone } from './decision.ts';
import { glyphsOf, type Style, type Tone, tint } from './style.ts';
import { countText } from './time.ts';
import { displayWidth, padEnd } from './width.ts';
import { wrapWords } from './wrap.ts';

export interface PhaseTableOptions {
  /** Null where lines may be as long as they like. */
  readonly columns: number | null;
  /** One line a phase, and of the rules only the one that decides. */
  readonly compact: boolean;
}

interface PhaseRow {
  readonly cells: readonly string[];
  readonly result: PhaseResult;
  readonly answer: string;
  readonly decides: boolean;
  readonly below: readonly { readonly place: string; readonly action: string; readonly text: string; readonly decides: boolean }[];
  readonly tuples: string | null;
  /** Where the rows from here on are, where that is another namespace than before. */
  readonly place: string | null;
}

const HEAD = ['#', 'HOOK', 'TABLE', 'CHAIN', 'RESULT', 'ANSWER'] as const;
/** Below this width the chain is left out where it is named like its hook. */
const NARROW_COLUMNS = 100;
/** No answer is squeezed into less. */
const ANSWER_MIN_COLUMNS = 24;

export const phaseTable = (verdict: Verdict, style: Style, options: PhaseTableOptions): string[] => {
  const phases = verdict.phases ?? [];
  if (phases.length === 0) return [];
  const rows = phases.map((phase, index) => rowOf(verdict, phase, index, style, options));
  const narrow = options.columns !== null && options.columns < NARROW_COLUMNS;
  const plainChains = phases.every((phase) => phase.chain === null || phase.chain.toLowerCase() === phase.hook);
  const hidden = narrow && plainChains ? 3 : -1;
  const shown = (cells: readonly string[]): string[] => cells.filter((_, column) => column !== hidden);
  const all = [HEAD.slice(0, 5), ...rows.map((row) => row.cells)].map(shown);
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((cells) => displayWidth(cells[column] ?? ''))));
  const lead = widths.reduce((sum, width) => sum + width + 2, 1);
  const room = options.columns === null ? null : Math.max(ANSWER_MIN_COLUMNS, options.columns - lead);
  const line = (cells: readonly string[]): string[] => shown(cells).map((cell, column) => padEnd(cell, widths[column] ?? 0));
  const lines = [` ${tint(style, 'dim', `${line(HEAD.slice(0, 5)).join('  ')}  ${HEAD[5]}`)}`];
  for (const row of rows) {
    if (row.place !== null) lines.push(` ${tint(style, 'name', row.place)}`);
    const cells = line(row.cells);
    const result = cells.pop() ?? '';
    const tone = row.decides ? outcomeTone(verdict.outcome) : resultTone(row.result);
    const [head = '', ...rest] = wrapWords(row.answer, room);
    lines.push(` ${cells.join('  ')}  ${tint(style, tone, result)}  ${tint(style, row.decides ? 'strong' : 'plain', head)}`.trimEnd());
    for (const more of rest) lines.push(`${' '.repeat(lead)}${more}`);
    if (row.tuples !== null) lines.push(...hanging(' '.repeat(6), row.tuples, options.columns).map((text) => tint(style, 'name', text)));
    lines.push(...rulesBelow(row, verdict, style, options.columns));
  }
  return lines;
};

const rulesBelow = (row: PhaseRow, verdict: Verdict, style: Style, columns: number | null): string[] => {
  const places = Math.max(0, ...row.below.map((rule) => displayWidth(rule.place)));
  const actions = Math.max(0, ...row.below.map((rule) => displayWidth(rule.action)));
  return row.below.flatMap((rule) => {
    const lead = `${' '.repeat(6)}${padEnd(rule.place, places)}  ${padEnd(rule.action, actions)}  `;
    const [head = '', ...rest] = hanging(lead, rule.text, columns);
    const tone = rule.decides ? outcomeTone(verdict.outcome) : 'plain';
    return [head, ...rest].map((text) => tint(style, tone, text.trimEnd()));
  });
};

/** The text behind its lead, and what does not fit there below, moved in as far as it can be. */
const hanging = (lead: string, text: string, columns: number | null): string[] => {
  if (columns === null) return [`${lead}${text}`];
  const width = displayWidth(lead);
  const beside = columns - width >= ANSWER_MIN_COLUMNS;
  const indent = beside ? width : 8;
  const pieces = wrapWords(text, Math.max(ANSWER_MIN_COLUMNS, columns - indent));
  const below = pieces.map((piece) => `${' '.repeat(indent)}${piece}`);
  return beside ? [`${lead}${pieces[0] ?? ''}`, ...below.slice(1)] : [lead.trimEnd(), ...below];
};

const rowOf = (verdict: Verdict, phase: VerdictPhase, index: number, style: Style, options: PhaseTableOptions): PhaseRow => {
  const phases = verdict.phases ?? [];
  const before = phases[index - 1];
  const isOpen = verdict.outcome === 'undetermined';
  const step = decisiveStep(verdict);
  const [from, to] = phase.steps;
  const mark = `${glyphsOf(style).decides} ${isOpen ? 'it depends on this' : 'decides'}${counterNote(verdict)}`;
  const isHere = step >= from && step < to;
  const below: PhaseRow['below'][number][] = [];
  for (const [at, each] of verdict.steps.slice(from, to).entries()) {
    const decides = from + at === step;
    if (each.rule === null || (options.compact && !decides)) continue;
    below.push({
      place: printable(`${each.chain ?? ''} ${each.rule}`),
      action: each.action,
      text: printable(`${ruleWords(each)}${decides ? `  ${mark}` : ''}`),
      decides,
    });
  }
  const answer = printable(answerOf(phase));
  const decides = isHere && below.every((rule) => !rule.decides);
  const sameHook = before !== undefined && before.namespace === phase.namespace && hookWord(before) === hookWord(phase);
  return {
    cells: [
      String(index + 1).padStart(2),
      sameHook ? '' : hookWord(phase),
      printable(tableWord(phase)),
      printable(phase.chain ?? ''),
      resultWord(phase),
    ],
    result: phase.result,
    answer: decides ? `${answer}  ${mark}` : answer,
    decides,
    below,
    tuples: phaseTuples(phases, glyphsOf(style).arrow)[index] ?? null,
    place: placeBefore(phases, index),
  };
};

/** `inside web1`, `on the host`: before the first phase of a namespace; null where the one before is in the same, or all are the host's. */
export const placeBefore = (phases: readonly { readonly namespace?: string }[], index: number): string | null => {
  const here = phases[index]?.namespace;
  if (index === 0 ? here === undefined : phases[index - 1]?.namespace === here) return null;
  return here === undefined ? 'on the host' : printable(`inside ${here}`);
};

/**
 * By index of the phase, both tuples where a translation lies between them: the packet as this hook sees it, and as it was sent. Once for
 * each hook and change.
 */
export const phaseTuples = (phases: readonly VerdictPhase[], arrow: string): readonly (string | null)[] =>
  phases.map((phase, index) => {
    const before = phases[index - 1];
    const sameHook = before !== undefined && before.namespace === phase.namespace && hookWord(before) === hookWord(phase);
    return phase.sent === undefined || !isHook(phase) || (sameHook && sameTuples(before, phase)) ? null : tupleWords(phase, arrow);
  });

const sameTuples = (before: VerdictPhase | undefined, phase: VerdictPhase): boolean =>
  before?.packet.src === phase.packet.src && before.packet.dst === phase.packet.dst;

/** Hooks see addresses; so does who gets the packet in the end. */
const isHook = (phase: VerdictPhase): boolean => phase.kind === 'delivery' || (phase.hook !== 'routing' && phase.hook !== 'bridge');

const tupleWords = ({ packet, sent }: VerdictPhase, arrow: string): string =>
  printable(`packet ${packet.src} ${arrow} ${packet.dst}, sent as ${sent?.src ?? ''} ${arrow} ${sent?.dst ?? ''}`);

const ruleWords = (step: VerdictStep): string =>
  [inChain(step), step.note === undefined ? '' : `(${step.note})`, step.uncertain === undefined ? '' : '(may match: see unknown)']
    .filter((part) => part !== '')
    .join('  ');

const counterNote = ({ decidedBy: { counters } }: Verdict): string =>
  counters === undefined ? '' : ` [${countText(counters.packets, 'packet')}]`;

const hookWord = (phase: VerdictPhase): string => {
  if (phase.kind === 'container' || phase.kind === 'delivery') return phase.kind;
  return phase.hook === 'routing' || phase.hook === 'bridge' ? phase.hook : phase.hook.toUpperCase();
};

/** What was asked: a table, or what stands in its place. */
const tableWord = (phase: VerdictPhase): string => {
  switch (phase.kind) {
    case 'rules':
    case 'nat':
      if (phase.backend === 'nftables') return `nft ${phase.family ?? ''} ${phase.table ?? ''}`;
      return phase.backend === 'legacy' ? `${phase.table ?? ''} (legacy)` : (phase.table ?? '');
    case 'container':
    case 'route':
      return 'route';
    case 'conntrack':
      return 'conntrack';
    case 'bridge':
      return 'port';
    case 'check':
      return 'check';
    case 'delivery':
      return phase.hook === 'input' ? 'socket' : '';
  }
};

const RESULTS: Readonly<Record<PhaseResult, string>> = {
  allow: 'ALLOW',
  drop: 'DROP',
  reject: 'REJECT',
  nat: 'NAT',
  route: 'ROUTE',
  local: 'LOCAL',
  skip: 'SKIP',
  unknown: 'UNKNOWN',
};

const resultWord = (phase: VerdictPhase): string => RESULTS[phase.result];

const resultTone = (result: PhaseResult): Tone => {
  switch (result) {
    case 'drop':
    case 'reject':
      return 'bad';
    case 'unknown':
      return 'warn';
    case 'nat':
      return 'name';
    case 'skip':
      return 'dim';
    default:
      return 'plain';
  }
};

const answerOf = (phase: VerdictPhase): string => {
  const { asked, matched, text, note } = phase;
  if (asked === undefined || matched === undefined) return note === undefined ? text : `${text} (${note})`;
  const rules =
    asked === 0 ? 'no rules' : matched === 0 ? `no rule matched (${asked} asked)` : `${matched} of ${asked} rules asked matched`;
  const start = `-P ${phase.chain ?? ''} `;
  return text.startsWith(start) ? `${rules}: policy ${text.slice(start.length)}` : rules;
};
