/** The rules of a host in their order, and by how much their own counters grew from reading to reading. */
import type { HostFacts } from '../../host/facts.ts';
import type { RuleRef } from '../../netfilter/ruleset.ts';

export type PlainRef = Omit<RuleRef, 'counters'>;

export const refKey = ({ backend, family, table, chain, rule, text }: PlainRef): string =>
  // A policy goes by its chain: how it is written differs.
  `${backend} ${family} ${table} ${chain} ${rule === null ? 'policy' : `${rule} ${text}`}`;

export class RuleCounters {
  readonly #growth = new Map<string, number>();
  #last = new Map<string, number>();

  /** New counters. A rule that was made anew in between began at nothing, and is looked at from now on. */
  read(facts: HostFacts): void {
    const now = new Map<string, number>();
    for (const ref of refsOf(facts)) {
      if (ref.counters === null) continue;
      const key = refKey(ref);
      const { packets } = ref.counters;
      const before = this.#last.get(key);
      if (before !== undefined && packets >= before) this.#growth.set(key, (this.#growth.get(key) ?? 0) + packets - before);
      now.set(key, packets);
    }
    this.#last = now;
  }

  /** Null where fewer than two readings tell. */
  growthOf(ref: PlainRef): number | null {
    return this.#growth.get(refKey(ref)) ?? null;
  }

  listed(facts: HostFacts | null): readonly RuleRef[] {
    return facts === null ? [] : refsOf(facts);
  }
}

/** The rules of each chain, and its policy last, as a packet meets them. */
const refsOf = (facts: HostFacts): readonly RuleRef[] => {
  const refs: RuleRef[] = [];
  for (const { backend, family, tables } of facts.self.rulesets) {
    for (const { name: table, chains } of tables) {
      for (const { name: chain, policy, counters, rules } of chains) {
        for (const rule of rules) refs.push({ backend, family, table, chain, rule: rule.number, text: rule.text, counters: rule.counters });
        // A policy of iptables-nft that shows nothing may have no counter at all.
        const own = backend === 'nft' && counters?.packets === 0 ? null : counters;
        if (policy !== null) refs.push({ backend, family, table, chain, rule: null, text: `-P ${chain} ${policy}`, counters: own });
      }
    }
  }
  for (const { family, name: table, chains } of facts.self.nftables ?? []) {
    if (family === 'arp') continue;
    for (const { name: chain, base, rules } of chains) {
      for (const { number: rule, text, counters } of rules) refs.push({ backend: 'nftables', family, table, chain, rule, text, counters });
      if (base !== null)
        refs.push({ backend: 'nftables', family, table, chain, rule: null, text: `policy ${base.policy}`, counters: null });
    }
  }
  return refs;
};
