/** Chains of family arp decide who learns whose address (net/ipv4/arp.c; nft(8)). They are not evaluated: which of them could lose a question or its answer. */
import type { NamespaceFacts } from '../host/facts.ts';
import type { NftChain, NftRule, NftTable } from '../netfilter/nft/ruleset.ts';

/** `arp z i: policy drop, 1 rule`, one for each chain that may lose something. */
export const arpChains = (facts: NamespaceFacts): readonly string[] =>
  (facts.nftables ?? [])
    .filter(({ family, dormant }) => !dormant && family === 'arp')
    .flatMap((table) =>
      table.chains.flatMap((chain) => {
        if (chain.base === null || (chain.base.hook !== 'input' && chain.base.hook !== 'output')) return [];
        const rules = actingRules(table, chain, new Set());
        const parts = [
          ...(chain.base.policy === 'drop' ? ['policy drop'] : []),
          ...(rules === 0 ? [] : [`${rules} rule${rules === 1 ? '' : 's'}`]),
        ];
        return parts.length === 0 ? [] : [`${table.family} ${table.name} ${chain.name}: ${parts.join(', ')}`];
      }),
    );

/** Each called chain counts once. */
const actingRules = (table: NftTable, chain: NftChain, counted: Set<string>): number => {
  if (counted.has(chain.name)) return 0;
  counted.add(chain.name);
  return chain.rules.reduce(
    (sum, rule) =>
      sum + (isHarmless(rule) ? 0 : 1) + calledBy(table, rule).reduce((called, each) => called + actingRules(table, each, counted), 0),
    0,
  );
};

const calledBy = (table: NftTable, { statements }: NftRule): readonly NftChain[] =>
  statements.flatMap((statement) =>
    (['jump', 'goto'] as const).flatMap((verb) => {
      const target = (statement[verb] as { readonly target?: unknown } | undefined)?.target;
      return table.chains.filter((chain) => chain.name === target);
    }),
  );

const HARMLESS: ReadonlySet<string> = new Set(['match', 'counter', 'log', 'accept', 'return', 'continue', 'jump', 'goto']);

const isHarmless = ({ statements, problem }: NftRule): boolean =>
  problem === undefined && statements.flatMap((statement) => Object.keys(statement)).every((key) => HARMLESS.has(key));
