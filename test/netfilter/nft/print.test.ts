/** What this program prints for a rule is what `nft -s list ruleset` prints: a battery of rules, loaded by nft itself. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { namedSets } from '../../../src/netfilter/nft/named-sets.ts';
import type { NftContext } from '../../../src/netfilter/nft/operand.ts';
import { parseNftables } from '../../../src/netfilter/nft/parse.ts';
import type { NftRule, NftRuleset } from '../../../src/netfilter/nft/ruleset.ts';
import { compileStatement } from '../../../src/netfilter/nft/statement.ts';
import { describeLab } from '../../lab/root.ts';
import { namespaceName } from '../../namespaces.ts';
import { PREFIX, run } from '../kernel/namespaces.ts';

const BATTERY = new URL('../../fixtures/netfilter/native.nft', import.meta.url);

/** Loads the file without the lines that nft complains of, of which it names a few at a time. */
const load = (namespace: string, text: string): number => {
  const lines = text.split('\n');
  for (let left = 0; left < 100; left++) {
    try {
      run('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], lines.join('\n'));
      return left;
    } catch (error) {
      const bad = [...String((error as { stderr?: string }).stderr).matchAll(/^\S+:(\d+):\d+-\d+: Error/gm)].map((match) =>
        Number(match[1]),
      );
      if (bad.length === 0) throw error;
      // What follows an error may only seem to be one.
      lines[Math.min(...bad) - 1] = '';
    }
  }
  throw new Error('more than a hundred rounds of lines that nft does not load');
};

/** The lines of `nft list ruleset` that are rules, by chain. */
const listed = (text: string): readonly string[] => {
  const rules: string[] = [];
  let table = '';
  let chain: string | null = null;
  let number = 0;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line.startsWith('table ')) table = line.slice(0, -2);
    else if (line.startsWith('chain ')) [chain, number] = [line.slice(6, -2), 0];
    else if (chain !== null && line === '}') chain = null;
    else if (chain !== null && !line.startsWith('type ')) rules.push(`${table} ${chain} ${++number}: ${line}`);
  }
  return rules;
};

const rulesOf = (ruleset: NftRuleset): readonly (readonly [string, NftRule])[] =>
  ruleset.tables.flatMap((table) =>
    table.chains.flatMap((chain) =>
      chain.rules.map((rule) => [`table ${table.family} ${table.name} ${chain.name} ${rule.number}: ${rule.text}`, rule] as const),
    ),
  );

describeLab('rules in nft’s own words', () => {
  const namespace = namespaceName(PREFIX, 'print');
  let ruleset: NftRuleset;
  let theirs: readonly string[];
  beforeAll(() => {
    run('ip', ['netns', 'add', namespace]);
    load(namespace, readFileSync(BATTERY, 'utf8'));
    const nft = (...args: string[]): string => run('ip', ['netns', 'exec', namespace, 'nft', ...args, 'list', 'ruleset']);
    const parsed = parseNftables(nft('-j'));
    if ('problem' in parsed) throw new Error(parsed.problem);
    ruleset = parsed;
    theirs = listed(nft('-s'));
  });
  afterAll(() => {
    run('ip', ['netns', 'del', namespace]);
  });

  it('prints every rule as nft lists it', () => {
    expect(ruleset.problems).toEqual([]);
    expect(theirs.length).toBeGreaterThan(300);
    expect(rulesOf(ruleset).map(([text]) => text)).toEqual(theirs);
  });

  it('understands every statement of them', () => {
    const opaque: string[] = [];
    for (const table of ruleset.tables) {
      const context: NftContext = { family: table.family, table, sets: namedSets(table) };
      for (const { rules } of table.chains) {
        for (const statement of rules.flatMap((rule) => rule.statements)) {
          const compiled = compileStatement(statement, context);
          if (compiled.kind === 'unknown') opaque.push(`${compiled.text}: ${compiled.problem}`);
        }
      }
    }
    expect(opaque).toEqual([]);
  });
});
