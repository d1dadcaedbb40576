/** Native nftables as data: what `nft -j list ruleset` prints, parsed. libnftables-json(5), nft(8). */
import type { Counters } from '../ruleset.ts';
import type { JsonObject } from './json.ts';
import type { CompiledStatement } from './statement.ts';

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev' | 'arp';

export interface NftRuleset {
  readonly tables: readonly NftTable[];
  /** Tables that another reader has, read only as far as is needed to compare them with what it says. */
  readonly managed: readonly ManagedTable[];
  /** What could not be understood, and why; the rules that it belongs to are kept and unknown. */
  readonly problems: readonly string[];
}

export interface ManagedTable {
  readonly family: NftFamily;
  readonly name: string;
  /** Rules as they stand in the JSON. */
  readonly chains: ReadonlyMap<string, { readonly base: NftBase | null; readonly rules: readonly JsonObject[] }>;
  readonly finish: () => NftTable;
}

export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
  /** A table with the flag `dormant` keeps its chains out of the hooks. */
  readonly dormant: boolean;
  readonly chains: readonly NftChain[];
  readonly sets: ReadonlyMap<string, NftSet>;
  /** Named counters, quotas, limits, helpers and others, as `counter NAME`. */
  readonly objects: ReadonlyMap<string, JsonObject>;
  /** Whether iptables' extensions stand in it, which nft shows without their options. */
  readonly hasXt: boolean;
}

export interface NftChain {
  readonly name: string;
  /** Null for chains that others call. */
  readonly base: NftBase | null;
  readonly rules: readonly NftRule[];
}

export interface NftBase {
  readonly type: string;
  readonly hook: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** Devices of ingress and egress chains. */
  readonly devices: readonly string[];
}

export interface NftRule {
  /** The rule's place in its chain, from 1. */
  readonly number: number;
  readonly handle: number | null;
  /** As `nft -s list ruleset` prints it. */
  readonly text: string;
  readonly comment: string | null;
  /** Of the rule's first anonymous counter. */
  readonly counters: Counters | null;
  readonly statements: readonly JsonObject[];
  /** The same made ready to run: at the first use, as the text. */
  readonly compiled: readonly CompiledStatement[];
  /** Why the rule could not be read at all. */
  readonly problem?: string;
}

export interface NftSet {
  readonly name: string;
  readonly kind: 'set' | 'map';
  /** Datatypes of the key: one, or those of a concatenation; an expression where the set was made with `typeof`. */
  readonly keyTypes: readonly unknown[];
  /** The same of a map's values. */
  readonly dataTypes: readonly unknown[];
  readonly flags: readonly string[];
  readonly timeoutSec: number | null;
  readonly elements: readonly unknown[];
}
