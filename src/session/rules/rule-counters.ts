/** The rules of a host in their order, and by how much their own counters grew from reading to reading. */
import type { HostFacts } from '../../host/facts.ts';
import type { RuleRef } from '../../netfilter/ruleset.ts';
import type { HostStore } from '../host-store.ts';

export type PlainRef = Omit<RuleRef, 'counters'>;

export const refKey = ({ backend, family, table, chain, rule, text }: PlainRef): string =>
  // A policy goes by its chain: how it is written differs.
  `${backend} ${family} ${table} ${chain} ${rule === null ? 'policy' : `${rule} ${text}`}`;

export interface KeyedRef {
  readonly ref: RuleRef;
  readonly key: string;
}

export class RuleCounters {
  readonly #growth = new Map<string, number>();
  readonly #newest: Pick<HostStore, 'countedNow' | 'readAtSec'>;
  #last = new Map<string, number>();
  #lastAtSec = 0;
  #listed: { readonly facts: HostFacts; readonly refs: readonly KeyedRef[] } | null = null;

  /** `newest`: what counters showed when they were read last, which may be later than the facts. */
  constructor(newest: Pick<HostStore, 'countedNow' | 'readAtSec'>) {
    this.#newest = newest;
  }

  /** New facts. A rule that was made anew in between began at nothing, and is looked at from now on. */
  read(facts: HostFacts): void {
    const now = new Map<string, number>();
    for (const { ref, key } of this.listed(facts)) {
      if (ref.counters === null) continue;
      const { packets } = ref.counters;
      const before = this.#last.get(key);
      if (before !== undefined && packets >= before) this.#growth.set(key, (this.#growth.get(key) ?? 0) + packets - before);
      now.set(key, packets);
    }
    this.#last = now;
    this.#lastAtSec = this.#newest.readAtSec;
  }

  /** Null where fewer than two readings tell. */
  growthOf({ ref, key }: KeyedRef): number | null {
    const until = this.#growth.get(key) ?? null;
    const last = this.#last.get(key);
    if (last === undefined || this.#newest.readAtSec <= this.#lastAtSec) return until;
    const now = this.#newest.countedNow(ref);
    return now === null || now < last ? until : (until ?? 0) + now - last;
  }

  /** Kept as long as the facts are the same ones. */
  listed(facts: HostFacts | null): readonly KeyedRef[] {
    if (facts === null) return [];
    if (this.#listed?.facts !== facts) this.#listed = { facts, refs: refsOf(facts).map((ref) => ({ ref, key: refKey(ref) })) };
    return this.#listed.refs;
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
