/** What iptables-save printed on a real kernel (iptables 1.8.9, both variants), read and printed again. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileRuleset } from '../../../src/netfilter/compile.ts';
import { parseSave } from '../../../src/netfilter/parse/save.ts';
import { printRule } from '../../../src/netfilter/print.ts';

const fixture = (name: string): string[] =>
  readFileSync(new URL(`../../fixtures/netfilter/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '');

const tableOf = (line: string): string => {
  const chain = line.split(' ')[1] as string;
  const target = / -j (\S+)/.exec(line)?.[1] ?? '';
  if (['DNAT', 'SNAT', 'MASQUERADE', 'REDIRECT', 'NETMAP'].includes(target)) return 'nat';
  if (['CT', 'NOTRACK'].includes(target)) return 'raw';
  return chain === 'PREROUTING' || chain === 'POSTROUTING' ? 'mangle' : 'filter';
};

describe.each(['saved-rules-nft.txt', 'saved-rules-legacy.txt', 'saved-rules-sets.txt'])('%s', (name) => {
  const lines = fixture(name);

  it.each(lines)('%s', (line) => {
    const ruleset = parseSave(`*${tableOf(line)}\n:UC - [0:0]\n[3:252] ${line}\nCOMMIT\n`, { backend: 'nft', family: 'ip' });
    expect(ruleset.problems).toEqual([]);
    const chain = ruleset.tables[0]?.chains.find((candidate) => candidate.rules.length > 0);
    const [rule] = chain?.rules ?? [];
    if (chain === undefined || rule === undefined) throw new Error('no rule');
    expect(rule.text).toBe(line);
    expect(rule.counters).toEqual({ packets: 3, bytes: 252 });
    expect(printRule(rule, chain.name)).toBe(line);
  });

  it('reads every option of them into something that can be evaluated or says why not', () => {
    for (const line of lines)
      expect(() =>
        compileRuleset(parseSave(`*${tableOf(line)}\n:UC - [0:0]\n${line}\nCOMMIT\n`, { backend: 'nft', family: 'ip' })),
      ).not.toThrow();
  });
});
