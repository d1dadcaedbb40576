/** The answer to "what would happen to such a packet" for people: the answer first, then what decided, then the path step by step. */
import { printable } from '../base/printable.ts';
import type { Verdict, VerdictStep } from '../path/verdict.ts';
import type { ExplainAnswer } from '../session/state.ts';
import { decisionWords, natPhrase, outcomeTone, outcomeWord } from './decision.ts';
import { foldGlyphs, glyphsOf, type Style, tint } from './style.ts';
import { formatTable, type Row } from './table.ts';
import { countText } from './time.ts';

export const explainText = (answer: ExplainAnswer, style: Style): string[] => {
  const lines = [
    ...headLines(answer.verdict, answer.question, style),
    '',
    ...pathLines(answer.verdict, style),
    ...endLines(answer.verdict, style),
  ];
  const misses = nearMissLines(answer.verdict, style);
  if (misses.length > 0) lines.push('', ...misses);
  lines.push('', ...replyLines(answer.verdict, answer.reply, style));
  if (answer.why.length > 0) lines.push('', ...answer.why.map((sentence) => printable(sentence)));
  return lines.map((line) => foldGlyphs(style, line));
};

/** `DROP  web1 172.18.0.2 → web2 198.18.20.2 icmp` and what decided it. */
const headLines = (verdict: Verdict, question: string, style: Style): string[] => {
  const outcome = tint(style, outcomeTone(verdict.outcome), outcomeWord(verdict.outcome));
  const rejectWith = verdict.rejectWith === undefined ? '' : ` with ${printable(verdict.rejectWith)}`;
  const lines = [`${outcome}${rejectWith}  ${printable(question)}  (${verdict.evidence})`];
  const lead = verdict.outcome === 'undetermined' ? 'it depends on' : 'decided by';
  lines.push(`  ${lead} ${tint(style, 'strong', decisionWords(verdict))}${counterNote(verdict)}${ruleText(verdict)}`);
  return lines;
};

const ruleText = (verdict: Verdict): string => (verdict.decidedBy.kind === 'rule' ? `:  ${printable(verdict.decidedBy.text)}` : '');

const counterNote = (verdict: Verdict): string => {
  const { counters } = verdict.decidedBy;
  return counters === undefined ? '' : ` [${countText(counters.packets, 'packet')} so far]`;
};

/** A line a step; hook and table are named where they change, and the step that decides is marked. */
export const pathLines = (verdict: Verdict, style: Style): string[] => {
  const decisive = decisiveStep(verdict);
  const rows: Row[] = verdict.steps.map((step, index) => {
    const before = verdict.steps[index - 1];
    const sameHook = before?.hook === step.hook;
    const sameTable = sameHook && before?.table === step.table && before?.family === step.family && before?.backend === step.backend;
    const decides = index === decisive;
    return [
      { text: String(index + 1), right: true, tone: 'dim' },
      { text: sameHook ? '' : hookWord(step), tone: 'strong' },
      sameTable ? '' : tableWord(step),
      step.chain === null ? '' : `${step.chain}${step.rule === null ? '' : ` ${step.rule}`}`,
      { text: step.action, tone: decides ? outcomeTone(verdict.outcome) : 'plain' },
      { text: stepText(step, decides, verdict.outcome === 'undetermined', style), tone: decides ? 'strong' : 'plain' },
    ];
  });
  return formatTable(rows, style, { indent: 1 });
};

const hookWord = (step: VerdictStep): string => (step.hook === 'routing' || step.hook === 'bridge' ? step.hook : step.hook.toUpperCase());

const tableWord = (step: VerdictStep): string => {
  if (step.table === null) return '';
  if (step.backend === 'nftables') return `nft ${step.family ?? ''} ${step.table}`;
  return step.backend === 'legacy' ? `${step.table} (legacy)` : step.table;
};

const stepText = (step: VerdictStep, decides: boolean, isOpen: boolean, style: Style): string =>
  [
    step.text,
    step.note === undefined ? '' : `(${step.note})`,
    step.uncertain === undefined ? '' : '(may match: see unknown)',
    decides ? `${glyphsOf(style).decides} ${isOpen ? 'it depends on this' : 'decides'}` : '',
  ]
    .filter((part) => part !== '')
    .join('  ');

/** Index of the step that is the verdict's decider, -1 where the path ends on something that is no step. */
const decisiveStep = (verdict: Verdict): number => {
  const { decidedBy } = verdict;
  for (let index = verdict.steps.length - 1; index >= 0; index--) {
    const step = verdict.steps[index] as VerdictStep;
    const sameBackend = (step.backend ?? null) === (decidedBy.backend ?? null) && (step.family ?? null) === (decidedBy.family ?? null);
    if (!sameBackend) continue;
    const sameRule =
      step.table === (decidedBy.table ?? null) && step.chain === (decidedBy.chain ?? null) && step.rule === (decidedBy.rule ?? null);
    if (sameRule && step.text === decidedBy.text) return index;
    if (decidedBy.kind === 'policy' && step.action === 'policy' && step.table === decidedBy.table && step.chain === decidedBy.chain)
      return index;
  }
  return -1;
};

/** What happened to the packet beside being decided: translations, the way out, who gets it, what is not known. */
const endLines = (verdict: Verdict, style: Style): string[] => {
  const { arrow } = glyphsOf(style);
  const lines: string[] = [];
  for (const nat of verdict.nat) {
    lines.push(
      `  ${natPhrase(nat, arrow)}  (${printable(nat.from)} ${arrow} ${printable(nat.to)}) by ${printable(`${nat.by.table} ${nat.by.chain} #${nat.by.rule}`)}:  ${printable(nat.by.text)}`,
    );
  }
  const where = destination(verdict);
  if (where !== null) lines.push(`  ${where}`);
  if (verdict.proxiedTo !== undefined) {
    const name = verdict.proxiedTo.container === null ? '' : `${verdict.proxiedTo.container} `;
    lines.push(`  ${printable(`docker-proxy takes the connection and dials ${name}${verdict.proxiedTo.address} as a second one`)}`);
  }
  for (const unknown of verdict.unknowns) lines.push(tint(style, 'warn', `  unknown: ${printable(unknown)}`));
  return lines;
};

const destination = (verdict: Verdict): string | null => {
  if (verdict.deliveredTo !== undefined) return printable(`delivered to ${verdict.deliveredTo.container} (${verdict.deliveredTo.network})`);
  if (verdict.outcome !== 'accept') return null;
  if (verdict.out === 'local') return 'delivered to the host itself';
  return verdict.out === null ? null : printable(`leaves by ${verdict.out}`);
};

const nearMissLines = (verdict: Verdict, style: Style): string[] => {
  if (verdict.nearMisses === undefined) return [];
  if (verdict.nearMisses.length === 0) return ['why not others: every rule that was asked matched'];
  const rows: Row[] = verdict.nearMisses.map((miss, index, all) => [
    { text: all[index - 1]?.hook === miss.hook ? '' : miss.hook.toUpperCase(), tone: 'strong' },
    all[index - 1]?.hook === miss.hook && all[index - 1]?.table === miss.table ? '' : miss.table,
    `${miss.chain} ${miss.rule}`,
    { text: miss.failed, tone: 'warn' },
    { text: miss.text, tone: 'dim' },
  ]);
  return ['why not others: rules that were asked, and the condition that failed', ...formatTable(rows, style, { indent: 1, maxWidth: 60 })];
};

const replyLines = (verdict: Verdict, reply: Verdict | null, style: Style): string[] => {
  if (reply === null)
    return [verdict.outcome === 'drop' || verdict.outcome === 'reject' ? 'reply: none is expected' : 'reply: it cannot be said'];
  const outcome = tint(style, outcomeTone(reply.outcome), outcomeWord(reply.outcome));
  const text = reply.decidedBy.kind === 'rule' ? `:  ${printable(reply.decidedBy.text)}` : '';
  return [`reply: ${outcome} by ${decisionWords(reply)}${text}`, ...reply.unknowns.map((unknown) => `  unknown: ${printable(unknown)}`)];
};
