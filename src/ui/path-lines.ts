/** A verdict as lines for a person: each step with its hook, table, chain, rule and translation, and which one decides. */

import { grouped } from '../base/grouped.ts';
import { printable } from '../base/printable.ts';
import { clientWords } from '../path/proxied-leg.ts';
import type { DecidedBy, Verdict, VerdictNearMiss, VerdictPhase, VerdictStep } from '../path/verdict.ts';
import { decidedByWords, missWords, natPhrase, outcomeTone } from '../report/decision.ts';
import { phaseTuples } from '../report/phase-table.ts';
import { plainText, type Spans, spanText } from './spans.ts';
import type { PathContent } from './state/path.ts';
import type { PathScreen } from './state/screens.ts';
import { cutEnd, cutMiddle, fitTo, wrap } from './text.ts';
import type { Tone } from './theme.ts';
import { trailSection } from './trail-section.ts';

export type PathLine = Spans;

const HOOK_NAMES: Readonly<Record<VerdictStep['hook'], string>> = {
  ingress: 'INGRESS',
  prerouting: 'PREROUTING',
  input: 'INPUT',
  forward: 'FORWARD',
  output: 'OUTPUT',
  postrouting: 'POSTROUTING',
  egress: 'EGRESS',
  routing: 'routing',
  bridge: 'bridge',
};

const HOOK_WIDTH = 12;
const TABLE_WIDTH = 9;

/** Where a step's own text begins. */
const MARGIN = 4 + HOOK_WIDTH + TABLE_WIDTH;

export const pathLines = (content: PathContent, screen: PathScreen, columns: number): PathLine[] => {
  const { verdict } = content;
  // The counter of the rule that decides the packet there says nothing about the reply.
  const counted = screen.direction === 'there' ? content.counted : null;
  const lines: PathLine[] = [];
  if (verdict === null) {
    lines.push([[screen.direction === 'reply' ? 'No reply is expected.' : 'The flow is gone: it was evicted to make room.', 'dim']]);
    return lines;
  }
  lines.push(
    ...whyLines(content, columns),
    ...trailSection(content.trail, columns),
    ...stepLines(verdict, counted, columns),
    ...endLines(verdict, screen.direction === 'there' ? content.natCounted : []),
    ...secondLegLines(verdict, columns),
    ...nearMissLines(verdict, screen, columns),
  );
  lines.push(...noteLines(content, verdict, columns));
  lines.push([['', 'plain']], replyLine(content, screen));
  return lines;
};

const whyLines = (content: PathContent, columns: number): PathLine[] =>
  content.why.length === 0
    ? []
    : [...content.why.flatMap((sentence) => wrap(sentence, columns - 2).map((line): PathLine => [` ${line}`])), ['']];

const stepLines = (verdict: Verdict, counted: number | null, columns: number): PathLine[] => {
  const decider = decidingStep(verdict);
  let hook = '';
  let table = '';
  const stepless = steplessPhases(verdict);
  const tuples = tuplesByStep(verdict);
  let number = 0;
  let namespace: string | undefined;
  /** Whose rows follow, where these are another namespace's than those before. */
  const headLine = (of: { readonly namespace?: string }): PathLine[] => {
    if (of.namespace === namespace) return [];
    namespace = of.namespace;
    hook = '';
    return [
      [
        ['    ', 'dim'],
        [namespace === undefined ? 'on the host' : `inside ${printable(namespace)}`, 'accent'],
      ],
    ];
  };
  const stepLine = (step: VerdictStep, index: number): PathLine[] => {
    const heading = headLine(step);
    const hookName = HOOK_NAMES[step.hook];
    const tableName = step.table ?? '';
    const sameHook = hookName === hook;
    const sameTable = sameHook && tableName === table;
    hook = hookName;
    table = tableName;
    const decides = index === decider;
    const tone: Tone = decides ? outcomeTone(verdict.outcome) : step.uncertain === true ? 'warn' : 'plain';
    const place = step.chain === null ? '' : `${step.chain}${step.rule === null ? '' : ` #${step.rule}`}${backendWords(step)} `;
    const head: Spans = [
      [`${String(++number).padStart(3)} `, 'dim'],
      [fitTo(sameHook ? '' : hookName, HOOK_WIDTH), 'accent'],
      fitTo(sameTable ? '' : tableName, TABLE_WIDTH),
      [place, decides ? tone : 'strong'],
    ];
    const said = `${actionWords(step)}${inChain(step)} ${noteWords(step)}`.trim();
    const tail = decides ? ` ◀ decides${counterWords(verdict.decidedBy, counted)}` : '';
    const room = columns - MARGIN - place.length - tail.length - 1;
    if (!decides || said.length <= room) return [...heading, [...head, [cutMiddle(said, Math.max(12, room)), tone], [tail, tone]]];
    const whole = wrap(`${step.text} ${noteWords(step)}`.trim(), columns - MARGIN - 1);
    return [...heading, [...head, [tail.trim(), tone]], ...whole.map((line): PathLine => [' '.repeat(MARGIN), [line, tone]])];
  };
  const tupleLine = (text: string): PathLine => [' '.repeat(MARGIN), [cutMiddle(text, Math.max(12, columns - MARGIN - 1)), 'accent']];
  const phaseLine = (phase: VerdictPhase): PathLine[] => {
    const heading = headLine(phase);
    const hookName = phase.kind === 'container' || phase.kind === 'delivery' ? phase.kind : HOOK_NAMES[phase.hook];
    const sameHook = hookName === hook;
    hook = hookName;
    table = '';
    const said = `${phase.text}${phase.note === undefined ? '' : ` · ${phase.note}`}`;
    const line: PathLine = [
      [`${String(++number).padStart(3)} `, 'dim'],
      [fitTo(sameHook ? '' : hookName, HOOK_WIDTH), 'accent'],
      fitTo(PHASE_NAMES[phase.kind], TABLE_WIDTH),
      [cutEnd(said, Math.max(12, columns - MARGIN - 1)), 'dim'],
    ];
    return [...heading, line];
  };
  const before = (index: number): PathLine[] =>
    (stepless.get(index) ?? []).flatMap((phase) => [...phaseLine(phase), ...tuples.of(phase).map(tupleLine)]);
  const lines = verdict.steps.flatMap((step, index) => [...before(index), ...stepLine(step, index), ...tuples.at(index).map(tupleLine)]);
  lines.push(...before(verdict.steps.length));
  if (decider < 0)
    lines.push([
      ['    ', 'dim'],
      [`${decidedByWords(verdict.decidedBy)} ◀ decides`, outcomeTone(verdict.outcome)],
    ]);
  return lines;
};

interface Tuples {
  /** Below a phase that has no steps. */
  readonly of: (phase: VerdictPhase) => readonly string[];
  /** Below a step, which is the first of its phase. */
  readonly at: (step: number) => readonly string[];
}

const tuplesByStep = ({ phases = [] }: Verdict): Tuples => {
  const texts = phaseTuples(phases, '→');
  const listed = (text: string | null | undefined): readonly string[] => (text === null || text === undefined ? [] : [text]);
  return {
    of: (phase) => listed(texts[phases.indexOf(phase)]),
    at: (step) => listed(texts[phases.findIndex(({ steps: [from, to] }) => from === step && to > from)]),
  };
};

/** What had a say without being a step: connection tracking, checks that were passed, delivery; by the step that it stands before. */
const steplessPhases = (verdict: Verdict): ReadonlyMap<number, readonly VerdictPhase[]> => {
  const found = new Map<number, VerdictPhase[]>();
  for (const phase of verdict.phases ?? []) {
    const [from, to] = phase.steps;
    if (from !== to) continue;
    const known = found.get(from);
    if (known === undefined) found.set(from, [phase]);
    else known.push(phase);
  }
  return found;
};

const PHASE_NAMES: Readonly<Record<VerdictPhase['kind'], string>> = {
  container: 'route',
  bridge: 'port',
  conntrack: 'tracking',
  rules: 'rules',
  nat: 'nat',
  route: 'route',
  check: 'check',
  delivery: '',
};

/** The usual backend goes without saying; two may be active at once, and each rules on its own. */
const backendWords = (step: VerdictStep): string => (step.backend === undefined || step.backend === 'nft' ? '' : ` (${step.backend})`);

/** The rule without `-A CHAIN`, the policy without `-P CHAIN`: the chain stands before it already. */
const inChain = (step: { readonly chain: string | null; readonly text: string }): string => {
  if (step.text.startsWith(`-P ${step.chain} `)) return `policy ${step.text.slice(`-P ${step.chain} `.length)}`;
  const start = `-A ${step.chain} `;
  return step.chain !== null && step.text.startsWith(start) ? step.text.slice(start.length) : step.text;
};

/** Jumps and verdicts stand in the rule's own text; what else happened is said. */
const actionWords = (step: VerdictStep): string => (step.text === '' ? `${step.action} ` : '');

const noteWords = (step: VerdictStep): string =>
  `${step.note === undefined ? '' : `· ${step.note}`}${step.uncertain === true ? ' (only perhaps)' : ''}`;

/** The last step that is what decided; -1 where the decision is none of the steps. */
const decidingStep = (verdict: Verdict): number => {
  const by = verdict.decidedBy;
  return verdict.steps.findLastIndex(
    (step) =>
      step.text === by.text &&
      step.namespace === by.namespace &&
      (by.chain === undefined || step.chain === by.chain) &&
      (by.table === undefined || step.table === by.table) &&
      (by.rule === undefined || step.rule === by.rule) &&
      (by.backend === undefined || step.backend === undefined || step.backend === by.backend),
  );
};

/** What the rule counted since the flow began, or all that it had counted when the facts were read. */
const counterWords = (by: DecidedBy, counted: number | null): string => {
  if (counted !== null) return ` [+${grouped(counted)} packets with this flow]`;
  return by.counters === undefined ? '' : ` [${grouped(by.counters.packets)} packets]`;
};

const fateWords = (verdict: Verdict): string => {
  if (verdict.outcome === 'drop' || verdict.outcome === 'reject') return 'what lies behind is never reached';
  const to = verdict.deliveredTo === undefined ? '' : ` to ${verdict.deliveredTo.container} (${verdict.deliveredTo.network})`;
  if (verdict.out === 'local') return 'delivered to the host itself';
  return verdict.out === null ? `where it leaves is not known${to}` : `leaves by ${verdict.out}${to}`;
};

const endLines = (verdict: Verdict, counts: PathContent['natCounted']): PathLine[] => {
  const lines: PathLine[] = [['']];
  for (const nat of verdict.nat)
    lines.push([
      ['    ', 'dim'],
      [`${natPhrase(nat)} (from ${nat.from}, ${nat.by.chain} #${nat.by.rule})`, 'accent'],
    ]);
  for (const { by, connections } of counts)
    lines.push([
      ['    counted  ', 'dim'],
      `${by}: ${connections === null ? 'has no counter' : `+${grouped(connections)} connection${connections === 1 ? '' : 's'} since the flow began`}`,
    ]);
  const reject = verdict.rejectWith === undefined ? '' : ` with ${verdict.rejectWith}`;
  lines.push(['    ', [`${verdict.outcome.toUpperCase()}${reject}`, outcomeTone(verdict.outcome)], ` · ${fateWords(verdict)}`]);
  return lines;
};

/** The way of the connection that docker-proxy makes itself. */
const secondLegLines = ({ proxiedTo: to }: Verdict, columns: number): PathLine[] => {
  if (to === undefined) return [];
  const dials = `docker-proxy takes the connection over and dials ${to.container === null ? '' : `${to.container} `}${to.address}`;
  const head = to.from === null ? dials : `${dials} from ${to.from}: ${clientWords(to)}`;
  const lines: PathLine[] = [[''], ...wrap(head, Math.max(20, columns - 5)).map((line): PathLine => ['    ', [line, 'strong']])];
  if (to.verdict !== null) lines.push(...stepLines(to.verdict, null, columns), ...endLines(to.verdict, []));
  return lines;
};

/** The line that heads the rules which did not match, -1 where they are not shown. */
export const nearMissLine = (lines: readonly PathLine[]): number =>
  lines.findIndex((line) => line.some((span) => spanText(span).startsWith(WHY_NOT)));

const WHY_NOT = '    why not others';

/** `FORWARD filter DOCKER-CT`: a chain that is come back to, after those that it calls, is shown once. */
const byChain = (misses: readonly VerdictNearMiss[]): ReadonlyMap<string, readonly VerdictNearMiss[]> => {
  const groups = new Map<string, VerdictNearMiss[]>();
  for (const miss of misses) {
    const hook = Object.entries(HOOK_NAMES).find(([name]) => name === miss.hook)?.[1] ?? miss.hook;
    const place = `${hook} ${miss.table} ${miss.chain}`;
    const known = groups.get(place);
    if (known === undefined) groups.set(place, [miss]);
    else known.push(miss);
  }
  return groups;
};

const nearMissLines = (verdict: Verdict, screen: PathScreen, columns: number): PathLine[] => {
  if (!screen.whyNot) return [];
  const misses = verdict.nearMisses ?? [];
  if (misses.length === 0) return [[''], [[`${WHY_NOT}: no other rule was asked`, 'dim']]];
  return [
    [''],
    [
      ['    why not others', 'strong'],
      [' · asked on the way, and the condition that failed', 'dim'],
    ],
    ...[...byChain(misses)].flatMap(([place, group]): PathLine[] => [
      ['    ', [place, 'strong']],
      ...group.map((miss): PathLine => {
        const number = `      #${miss.rule}`.padEnd(11);
        const failed = ` ✗ ${missWords(miss)}`;
        const room = Math.max(16, columns - number.length - 1 - failed.length);
        return [number, [cutMiddle(inChain(miss), room), 'dim'], [failed, 'warn']];
      }),
    ]),
  ];
};

const noteLines = (content: PathContent, verdict: Verdict, columns: number): PathLine[] => {
  const lines: PathLine[] = [];
  const add = (label: string, text: string, tone: Tone): void => {
    for (const [index, line] of wrap(text, Math.max(20, columns - 16)).entries())
      lines.push([[index === 0 ? fitTo(`    ${label}`, 14) : ' '.repeat(14), tone], line]);
  };
  for (const unknown of verdict.unknowns) add('not known', unknown, 'warn');
  for (const assumption of content.assumptions) add('assumed', assumption, 'warn');
  for (const change of content.changes) add('changed', `${clock(change.at)} ${change.from} → ${change.to}: ${change.because}`, 'accent');
  return lines.length === 0 ? [] : [[''], ...lines];
};

const replyLine = (content: PathContent, screen: PathScreen): PathLine =>
  screen.direction === 'reply'
    ? [['this is the reply; ← shows the packet there', 'dim']]
    : [['reply: ', 'dim'], content.hasReply ? ['→ shows its own path', 'dim'] : ['none is expected', 'dim']];

/** `03:14:07`, in the zone of the person's machine. */
export const clock = (at: number): string => {
  const date = new Date(at * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => String(value).padStart(2, '0')).join(':');
};

/** `predicted DROP · counted ✓ 12 · traced —`: what the verdict rests on. */
export const evidenceWords = (content: PathContent): Spans => {
  const { verdict, counted } = content;
  if (verdict === null) return [];
  if (content.isContradicted)
    return ['predicted ', [verdict.outcome.toUpperCase(), outcomeTone(verdict.outcome)], ' · ', ['CONTRADICTED by what was seen', 'warn']];
  const tick = (seen: boolean): string => (seen ? '✓' : '—');
  const wasCounted = verdict.evidence === 'counted' || (counted !== null && counted > 0);
  return [
    'predicted ',
    [verdict.outcome.toUpperCase(), outcomeTone(verdict.outcome)],
    ` · counted ${tick(wasCounted)}${counted !== null && counted > 0 ? ` ${grouped(counted)}` : ''}`,
    ` · traced ${tick(verdict.evidence === 'traced')}`,
    ...(content.trail === null ? [] : [` · trail ${tick(content.trail.trail.agrees === true)}`]),
  ];
};

/** The whole path without tones or cuts, for the clipboard and for reading in peace. */
export const pathPlainText = (content: PathContent, screen: PathScreen): string[] => {
  return [
    `${content.title}    ${plainText(evidenceWords(content))}`,
    '',
    ...pathLines(content, screen, 400).map((line) => plainText(line).trimEnd()),
  ];
};
