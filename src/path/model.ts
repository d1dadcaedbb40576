/** The host made ready for judging packets: everything that a packet's way needs, indexed once for each change of the facts. */
import type { HostFacts, InterfaceAddress, Link, NamespaceFacts } from '../host/facts.ts';
import { LEGACY_TABLES_IN_USE } from '../host/read-facts.ts';
import { SNAPSHOT_COMMANDS } from '../host/snapshot.ts';
import { compileRuleset } from '../netfilter/compile.ts';
import type { BaseChain } from '../netfilter/evaluation.ts';
import { compileNftables } from '../netfilter/nft/compile.ts';
import { asksForTracking } from '../netfilter/tracking-asked.ts';
import { ConntrackIndex } from './conntrack-index.ts';
import { Fib } from './fib.ts';
import { type FrameChains, frameChains, HOOKS, type HookPrograms, hookProgram } from './hook-program.ts';
import { Places } from './places.ts';
import { Sysctls } from './sysctls.ts';
import { arpChains } from './unevaluated.ts';

export interface HostModel {
  readonly facts: HostFacts;
  readonly self: NamespaceFacts;
  /** Null where the links were not read. */
  readonly links: ReadonlyMap<string, Link> | null;
  readonly fib: Fib;
  readonly sysctls: Sysctls;
  readonly places: Places;
  readonly hooks: { readonly 4: HookPrograms; readonly 6: HookPrograms };
  readonly frames: FrameChains;
  /** Chains of family arp that may lose a question or an answer: `arp z i: policy drop`. */
  readonly arpChains: readonly string[];
  /** Whether connections are translated at all: with the first chain of type nat the kernel looks after all of them (nf_nat_register_fn). */
  readonly translates: { readonly 4: boolean; readonly 6: boolean };
  /** False where it is known that nothing asks for connection tracking: then no packet has a connection. */
  readonly tracks: { readonly 4: boolean; readonly 6: boolean };
  /** False where no firewall rules of the family were read at all. */
  readonly firewallKnown: { readonly 4: boolean; readonly 6: boolean };
  /** Sentences about parts of the firewall that were not read, to be shown with every verdict of the family. */
  readonly firewallGaps: { readonly 4: readonly string[]; readonly 6: readonly string[] };
  /** Null where conntrack was not read. */
  readonly conntrack: ConntrackIndex | null;
  /** Addresses of an interface; empty where there are none. */
  addressesOf(dev: string): readonly InterfaceAddress[];
  isBridge(dev: string): boolean;
}

/** What tests and other sources of rules may put in the place of the compiled rulesets. */
export interface CompileOptions {
  readonly chains?: { readonly 4: readonly BaseChain[]; readonly 6: readonly BaseChain[] };
}

export const compileHost = (facts: HostFacts, options: CompileOptions = {}): HostModel => {
  const { self } = facts;
  const links = self.links === null ? null : new Map(self.links.map((link) => [link.name, link]));
  const places = new Places(facts);
  const addresses = new Map<string, InterfaceAddress[]>();
  for (const address of self.addresses ?? []) {
    const known = addresses.get(address.interface);
    if (known === undefined) addresses.set(address.interface, [address]);
    else known.push(address);
  }
  const native = self.nftables === null ? [] : compileNftables({ tables: self.nftables });
  const chains = options.chains ?? { 4: compiled(self, native, 'ip'), 6: compiled(self, native, 'ip6') };
  const claimed = new Set(facts.networks.map((network) => network.claimedBridge).filter((name) => name !== null));
  return {
    facts,
    self,
    links,
    fib: new Fib(self),
    sysctls: new Sysctls(self),
    places,
    hooks: { 4: programs(chains[4]), 6: programs(chains[6]) },
    frames: frameChains(native),
    arpChains: arpChains(self),
    tracks: { 4: options.chains !== undefined || tracks(self, 'ip'), 6: options.chains !== undefined || tracks(self, 'ip6') },
    translates: { 4: chains[4].some(isNat), 6: chains[6].some(isNat) },
    firewallKnown: {
      4: options.chains !== undefined || firewallKnown(self, 'ip'),
      6: options.chains !== undefined || firewallKnown(self, 'ip6'),
    },
    firewallGaps: options.chains === undefined ? { 4: firewallGaps(self, 'ip'), 6: firewallGaps(self, 'ip6') } : { 4: [], 6: [] },
    conntrack: self.conntrack === null ? null : new ConntrackIndex(self.conntrack),
    addressesOf: (dev) => addresses.get(dev) ?? [],
    isBridge: (dev) => (links === null ? claimed.has(dev) : links.get(dev)?.kind === 'bridge'),
  };
};

/** Entries of the family show that something asks, be it nothing that stands in rules (Open vSwitch, tc, IPVS). */
const tracks = (self: NamespaceFacts, family: 'ip' | 'ip6'): boolean => {
  const version = family === 'ip' ? 4 : 6;
  if (self.nftables === null || !firewallKnown(self, family) || firewallGaps(self, family).length > 0) return true;
  if (self.conntrack === null || self.conntrack.some(({ original }) => original.src.version === version)) return true;
  return asksForTracking(self.rulesets, self.nftables, family);
};

const isNat = ({ type }: BaseChain): boolean => type === 'nat';

const compiled = (self: NamespaceFacts, native: readonly BaseChain[], family: 'ip' | 'ip6'): readonly BaseChain[] => [
  ...self.rulesets.filter((ruleset) => ruleset.family === family).flatMap((ruleset) => compileRuleset(ruleset)),
  ...native.filter((chain) => chain.family === family || chain.family === 'inet'),
];

const programs = (chains: readonly BaseChain[]): HookPrograms =>
  Object.fromEntries(HOOKS.map((hook) => [hook, hookProgram(chains, hook)])) as unknown as HookPrograms;

const LEGACY_SAVE = { ip: SNAPSHOT_COMMANDS.iptablesLegacy, ip6: SNAPSHOT_COMMANDS.ip6tablesLegacy } as const;
const LEGACY_TABLES = { ip: SNAPSHOT_COMMANDS.legacyTables4, ip6: SNAPSHOT_COMMANDS.legacyTables6 } as const;

const firewallKnown = (self: NamespaceFacts, family: 'ip' | 'ip6'): boolean =>
  self.rulesets.some((ruleset) => ruleset.family === family) || self.nftables !== null;

const firewallGaps = (self: NamespaceFacts, family: 'ip' | 'ip6'): readonly string[] => {
  const gaps: string[] = [];
  const read = (backend: 'nft' | 'legacy'): boolean =>
    self.rulesets.some((ruleset) => ruleset.family === family && ruleset.backend === backend);
  const program = family === 'ip' ? 'iptables' : 'ip6tables';
  if (!read('nft') && self.nftables === null) gaps.push(`rules of ${program}-nft and nftables were not read, if there are any`);
  else if (self.nftables === null) gaps.push('tables of native nftables were not read, if there are any');
  // Without the module (no such file) or with an empty list of tables there are no legacy rules.
  const unlisted = self.missing.get(LEGACY_TABLES[family]);
  const listed = self.missing.get(LEGACY_SAVE[family])?.startsWith(LEGACY_TABLES_IN_USE) === true;
  if (!read('legacy') && (listed || (unlisted !== undefined && !/no such file/i.test(unlisted)))) {
    gaps.push(`rules of ${program}-legacy were not read, if there are any`);
  }
  return gaps;
};
