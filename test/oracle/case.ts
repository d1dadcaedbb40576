/** A case: rules of one family for one or two backends, sets, and packets that go through them in order. Kept as JSON in cases/. */
import type { PacketPlan } from './packet.ts';

export interface RulePlan {
  /** Groups of words, each a condition of its own: `-p tcp --dport 80`, `! -i br0`. */
  readonly matches: readonly string[];
  /** `-j ACCEPT`, `-g chain`, or '' for a rule that only counts. */
  readonly target: string;
}

export interface ChainPlan {
  readonly name: string;
  /** Null for user chains. */
  readonly policy: 'ACCEPT' | 'DROP' | null;
  readonly rules: readonly RulePlan[];
}

export interface TablePlan {
  readonly name: string;
  readonly chains: readonly ChainPlan[];
}

export interface RulesetPlan {
  readonly backend: 'nft' | 'legacy';
  readonly tables: readonly TablePlan[];
}

export interface CasePlan {
  readonly family: 4 | 6;
  /** Lines of `ipset restore`. */
  readonly sets: readonly string[];
  readonly rulesets: readonly RulesetPlan[];
  /** Native rules, as `nft -f` reads them. */
  readonly native: readonly string[];
  readonly packets: readonly PacketPlan[];
  /** What follows a packet that got through: by its place in `packets`. */
  readonly follows: readonly Follow[];
}

export interface Follow {
  readonly id: number;
  readonly after: number;
  readonly kind: 'reply' | 'again' | 'error';
}

export const ruleText = (chain: string, rule: RulePlan): string =>
  ['-A', chain, ...rule.matches, rule.target].filter((word) => word !== '').join(' ');

export const saveText = ({ tables }: RulesetPlan): string =>
  tables
    .map((table) =>
      [
        `*${table.name}`,
        ...table.chains.map((chain) => `:${chain.name} ${chain.policy ?? '-'} [0:0]`),
        ...table.chains.flatMap((chain) => chain.rules.map((rule) => ruleText(chain.name, rule))),
        'COMMIT',
        '',
      ].join('\n'),
    )
    .join('');
