/** Saved rules as iptables-save wrote them, beside what this program makes of them again. */
import { expect } from 'vitest';
import { parseSave } from '../../../src/netfilter/parse/save.ts';
import { printRule } from '../../../src/netfilter/print.ts';
import type { Counters, Rule, Ruleset } from '../../../src/netfilter/ruleset.ts';

const counted = (counters: Counters | null): string => (counters === null ? '' : `[${counters.packets}:${counters.bytes}] `);

/** A rule that could not be read is kept as it stood. */
export const printKept = (rule: Rule, chain: string): string => (rule.problem === undefined ? printRule(rule, chain) : rule.text);

/** A whole ruleset as text that iptables-restore takes. */
export const printSave = ({ tables }: Ruleset): string =>
  tables
    .map(({ name, chains }) =>
      [
        `*${name}`,
        ...chains.map(
          ({ name: chain, policy, counters }) => `:${chain} ${policy ?? '-'} [${counters?.packets ?? 0}:${counters?.bytes ?? 0}]`,
        ),
        ...chains.flatMap(({ name: chain, rules }) => rules.map((rule) => `${counted(rule.counters)}${printKept(rule, chain)}`)),
        'COMMIT',
        '',
      ].join('\n'),
    )
    .join('');

/** All but comments, which hold the date. */
export const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

/** Expects that everything in the text was understood and prints as it stood; gives how many rules these were. */
export const expectPrintsAsSaved = (text: string, backend: 'nft' | 'legacy', family: 'ip' | 'ip6'): number => {
  const ruleset = parseSave(text, { backend, family });
  expect(ruleset.problems).toEqual([]);
  // iptables-nft-save writes a table's rules in the order of its chains, as this does.
  expect(linesOf(printSave(ruleset))).toEqual(linesOf(text));
  return ruleset.tables.reduce((sum, table) => sum + table.chains.reduce((rules, chain) => rules + chain.rules.length, 0), 0);
};
