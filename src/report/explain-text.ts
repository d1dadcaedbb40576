/** The answer to "what would happen to such a packet" for people: the answer first, what decided and what to do; then the way by phases. */
import { printable } from '../base/printable.ts';
import { clientWords } from '../path/proxied-leg.ts';
import type { Verdict, VerdictNearMiss } from '../path/verdict.ts';
import type { ExplainAnswer } from '../session/state/workspace.ts';
import { decisionWords, inChain, missWords, natPhrase, outcomeTone, outcomeWord } from './decision.ts';
import { phaseTable } from './phase-table.ts';
import { foldGlyphs, glyphsOf, type Style, tint } from './style.ts';
import { countText } from './time.ts';
import { wrapWords } from './wrap.ts';

/** `columns`: how wide the terminal is, null where lines may be as long as they like (a pipe). */
export const explainText = (answer: ExplainAnswer, style: Style, columns: number | null): string[] => {
  const { verdict, reply, why } = answer;
  const lines = [...headLines(verdict, answer.question, style), ...endLines(verdict, style)];
  if (why.length > 0) lines.push('', ...why.map((sentence) => printable(sentence)));
  lines.push('', ...phaseTable(verdict, style, { columns, compact: false }));
  const misses = nearMissLines(verdict, style, columns);
  if (misses.length > 0) lines.push('', ...misses);
  lines.push(...secondLegLines(verdict, style, columns));
  lines.push('', ...replyLines(verdict, reply, style, columns));
  return lines.flatMap((line) => wrapped(foldGlyphs(style, line), columns));
};

/** Tables are as wide as the terminal already; sentences and rules are broken where a word ends. Coloured lines are left to the terminal. */
const wrapped = (line: string, columns: number | null): string[] => {
  if (columns === null || line.length <= columns || line.includes(ESCAPE)) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const [head = '', ...rest] = wrapWords(line.slice(indent.length), columns - indent.length - 2);
  return [`${indent}${head}`, ...rest.map((piece) => `${indent}  ${piece}`)];
};

const ESCAPE = '\u001b';

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
    const { container, address } = verdict.proxiedTo;
    const name = container === null ? '' : `${container} `;
    lines.push(`  ${printable(`docker-proxy takes the connection and dials ${name}${address} as a second one (below)`)}`);
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

/** By chain, in the order in which the kernel comes to them: the condition that failed, what the packet has in its place, and the rule. */
const nearMissLines = (verdict: Verdict, style: Style, columns: number | null): string[] => {
  const { nearMisses } = verdict;
  if (nearMisses === undefined) return [];
  if (nearMisses.length === 0) return ['why not others: every rule that was asked matched'];
  const lines = ['why not others: rules that were asked, the condition that failed, and what the packet has'];
  const chains = new Map<string, VerdictNearMiss[]>();
  for (const miss of nearMisses) {
    const chain = `${miss.hook.toUpperCase()}  ${miss.table} ${miss.chain}`;
    const known = chains.get(chain);
    if (known === undefined) chains.set(chain, [miss]);
    else known.push(miss);
  }
  const rows = [...chains].flatMap(([chain, misses]) => misses.map((miss, index) => ({ chain: index === 0 ? chain : null, miss })));
  for (const { chain, miss } of rows) {
    if (chain !== null) lines.push(` ${tint(style, 'strong', printable(chain))}`);
    const number = String(miss.rule).padStart(4);
    const failed = printable(`${glyphsOf(style).cross} ${missWords(miss)}`);
    const rule = printable(inChain(miss));
    const whole = `${number}  ${failed}   ${rule}`;
    if (columns === null || whole.length <= columns) lines.push(`${number}  ${tint(style, 'warn', failed)}   ${tint(style, 'dim', rule)}`);
    else
      lines.push(
        `${number}  ${tint(style, 'warn', failed)}`,
        ...wrapWords(rule, columns - 8).map((piece) => `        ${tint(style, 'dim', piece)}`),
      );
  }
  return lines;
};

/** The connection that docker-proxy makes itself: its question, what decided, its way and its answer. */
const secondLegLines = (verdict: Verdict, style: Style, columns: number | null): string[] => {
  const to = verdict.proxiedTo;
  if (to === undefined || to.verdict === null) return [];
  const { arrow } = glyphsOf(style);
  const second = to.verdict;
  const outcome = tint(style, outcomeTone(second.outcome), outcomeWord(second.outcome));
  const name = to.container === null ? '' : `${to.container} `;
  const lead = second.outcome === 'undetermined' ? 'it depends on' : 'decided by';
  return [
    '',
    `second connection: ${outcome}  ${printable(`docker-proxy ${to.from ?? 'host'} ${arrow} ${name}${to.address}`)}`,
    `  ${lead} ${tint(style, 'strong', decisionWords(second))}${counterNote(second)}${ruleText(second)}`,
    `  ${printable(clientWords(to))}`,
    ...second.unknowns.map((unknown) => tint(style, 'warn', `  unknown: ${printable(unknown)}`)),
    ...phaseTable(second, style, { columns, compact: true }),
    ...replyLines(second, to.reply, style, columns).map((line, index) => (index === 0 ? `second connection's ${line}` : line)),
  ];
};

const replyLines = (verdict: Verdict, reply: Verdict | null, style: Style, columns: number | null): string[] => {
  if (reply === null)
    return [verdict.outcome === 'drop' || verdict.outcome === 'reject' ? 'reply: none is expected' : 'reply: it cannot be said'];
  const outcome = tint(style, outcomeTone(reply.outcome), outcomeWord(reply.outcome));
  return [
    `reply: ${outcome} by ${decisionWords(reply)}${ruleText(reply)}`,
    ...reply.unknowns.map((unknown) => `  unknown: ${printable(unknown)}`),
    ...phaseTable(reply, style, { columns, compact: true }),
  ];
};
