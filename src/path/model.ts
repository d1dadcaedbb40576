/** The host made ready for judging packets: everything that a packet's way needs, indexed once for each change of the facts. */
import { formatIp } from '../base/ip-address.ts';
import type { HostFacts, InterfaceAddress, Link, NamespaceFacts, OtherNamespace } from '../host/facts.ts';
import { LEGACY_TABLES_IN_USE } from '../host/read-facts.ts';
import { SNAPSHOT_COMMANDS } from '../host/snapshot.ts';
import { compileRuleset } from '../netfilter/compile.ts';
import type { BaseChain } from '../netfilter/evaluation.ts';
import { compileNftables } from '../netfilter/nft/compile.ts';
import { asksForTracking } from '../netfilter/tracking-asked.ts';
import { arpChains } from './arp-chains.ts';
import { ConntrackIndex } from './conntrack-index.ts';
import { Fib } from './fib.ts';
import { type FrameChains, frameChains, HOOKS, type HookPrograms, hookProgram } from './hook-program.ts';
import { Parents } from './layer2/parents.ts';
import { Places } from './places.ts';
import { Sysctls } from './sysctls.ts';
import type { PacketSpec } from './verdict.ts';
import { ownerOf, Wires } from './wires.ts';

export interface HostModel {
  readonly facts: HostFacts;
  /** Inode of the namespace that is modelled; null for the host's own. */
  readonly netns: string | null;
  /** The container, or the overlay network, whose namespace it is; null for the host. */
  readonly owner: string | null;
  /** For sentences: `the host`, `web1`. */
  readonly name: string;
  /** Null on the host at hand; another host's words for itself, `host 203.0.113.3`, in all of its namespaces. */
  readonly label: string | null;
  /** The namespace of the machine itself. */
  readonly host: HostModel;
  /** Other machines whose facts are at hand. */
  readonly peers: readonly HostModel[];
  /** Packets that come in here have been taken out of IPsec. */
  readonly decrypted?: true;
  readonly self: NamespaceFacts;
  /** Null where the links were not read. */
  readonly links: ReadonlyMap<string, Link> | null;
  readonly fib: Fib;
  readonly sysctls: Sysctls;
  readonly places: Places;
  /** Parents of macvlan and ipvlan devices, and their children in all namespaces. */
  readonly parents: Parents;
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
  /** Where cables lead, over all namespaces. */
  readonly wires: Wires;
  /**
   * Where nothing is known of the host but its rules: the ways that a packet may have taken, of which each is judged by a model of its own.
   * Absent where there are facts.
   */
  readonly worlds?: (spec: PacketSpec) => Worlds;
  /** Another namespace as one more host; null where it is not known, or its routes and rules were not read. */
  inside(netns: string): HostModel | null;
  /** Addresses of an interface; empty where there are none. */
  addressesOf(dev: string): readonly InterfaceAddress[];
  isBridge(dev: string): boolean;
}

/** A packet on one of the ways that it may have taken. */
export interface World {
  /** `forwarded`, `for the host itself`, `sent by the host`. */
  readonly words: string;
  readonly model: HostModel;
  readonly spec: PacketSpec;
}

export interface Worlds {
  /** At least one, unless there is a reason why nothing can be said. */
  readonly ways: readonly World[];
  /** What would tell which of them it was, or why there is none. */
  readonly unknown: string;
}

/** What tests and other sources of rules may put in the place of the compiled rulesets. */
export interface CompileOptions {
  readonly chains?: { readonly 4: readonly BaseChain[]; readonly 6: readonly BaseChain[] };
  /** What is known of other machines, which tunnels of this one may lead to. */
  readonly peers?: readonly HostFacts[];
}

/** Another machine's namespaces are told from this one's, whose inodes may be the same: their ids carry its label. */
const compilePeer = (facts: HostFacts, all: () => readonly HostModel[]): HostModel => {
  const label = labelOf(facts);
  const own = (id: string): string => `${label}/${id}`;
  const apart: HostFacts = {
    ...facts,
    namespaces: facts.namespaces.map((namespace) => ({ ...namespace, id: own(namespace.id) })),
    containers: facts.containers.map((container) => (container.netns === null ? container : { ...container, netns: own(container.netns) })),
  };
  return compileMachine(apart, {}, label, all);
};

/** Hosts of one swarm may have the same name, addresses differ. */
const labelOf = ({ self, hostName }: HostFacts): string => {
  const address = (self.addresses ?? []).find(
    ({ scope, ip, interface: dev }) => scope === 'global' && ip.version === 4 && !bridges(self, dev),
  );
  return `host ${address === undefined ? hostName : formatIp(address.ip)}`;
};

const bridges = (self: NamespaceFacts, dev: string): boolean =>
  self.links?.some(({ name, kind }) => name === dev && kind === 'bridge') === true;

export const compileHost = (facts: HostFacts, options: CompileOptions = {}): HostModel => {
  const machines: HostModel[] = [];
  const all = (): readonly HostModel[] => machines;
  machines.push(compileMachine(facts, options, null, all));
  for (const peer of options.peers ?? []) machines.push(compilePeer(peer, all));
  return machines[0] as HostModel;
};

const compileMachine = (facts: HostFacts, options: CompileOptions, label: string | null, all: () => readonly HostModel[]): HostModel => {
  const wires = new Wires(facts);
  const inner = new Map<string, HostModel | null>();
  const inside = (netns: string): HostModel | null => {
    const known = inner.get(netns);
    if (known !== undefined) return known;
    const namespace = facts.namespaces.find(({ id }) => id === netns);
    if (namespace === undefined) return label === null ? elsewhere(netns) : null;
    const made = isWhole(namespace.facts) ? compileInside(facts, namespace, { wires, inside, label, host, peers }) : null;
    inner.set(netns, made);
    return made;
  };
  const elsewhere = (netns: string): HostModel | null =>
    peers()
      .map((peer) => peer.inside(netns))
      .find((found) => found !== null) ?? null;
  const peers = (): readonly HostModel[] => all().filter((machine) => machine !== made);
  const host = (): HostModel => made;
  const made = compileNamespace(facts, { netns: null, owner: null, name: label ?? 'the host', wires, inside, label, host, peers }, options);
  return made;
};

/** Enough to follow a packet through it: while only links are read, nothing is said of a namespace. */
const isWhole = ({ links, routes, rulesets, nftables }: NamespaceFacts): boolean =>
  links !== null && routes !== null && (rulesets.length > 0 || nftables !== null);

interface Shared extends Pick<HostModel, 'wires' | 'inside' | 'label'> {
  readonly host: () => HostModel;
  readonly peers: () => readonly HostModel[];
}

type Identity = Pick<HostModel, 'netns' | 'owner' | 'name'> & Shared;

/** What Docker knows is about the host's bridges and devices, whatever other namespaces call theirs. */
const compileInside = (facts: HostFacts, namespace: OtherNamespace, shared: Shared): HostModel => {
  const known = ownerOf(facts, namespace);
  // A network's own namespace is there on each of its hosts.
  const owner = shared.label === null || namespace.owners.length > 0 ? known : `${known} on ${shared.label}`;
  const own: HostFacts = { ...facts, self: namespace.facts, namespaces: [], containers: [], networks: [], dockerError: 'not asked here' };
  return compileNamespace(own, { netns: namespace.id, owner, name: owner, ...shared }, {});
};

const compileNamespace = (facts: HostFacts, identity: Identity, options: CompileOptions): HostModel => {
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
  const chains = options.chains ?? chainsOf(self, native);
  const claimed = new Set(facts.networks.map((network) => network.claimedBridge).filter((name) => name !== null));
  const { netns, owner, name, label, wires, inside, host, peers } = identity;
  return {
    netns,
    owner,
    name,
    label,
    wires,
    inside,
    get host() {
      return host();
    },
    get peers() {
      return peers();
    },
    facts,
    self,
    links,
    fib: new Fib(self),
    sysctls: new Sysctls(self),
    places,
    parents: new Parents(facts),
    hooks: { 4: programs(chains[4]), 6: programs(chains[6]) },
    frames: frameChains(native),
    arpChains: arpChains(self),
    tracks: {
      4: options.chains !== undefined || tracks(self, 'ip', identity.netns === null),
      6: options.chains !== undefined || tracks(self, 'ip6', identity.netns === null),
    },
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

/**
 * Entries of the family show that something asks, be it nothing that stands in rules (Open vSwitch, tc, IPVS). Inside containers
 * connections are not read, and what stands in rules is all that is looked at.
 */
const tracks = (self: NamespaceFacts, family: 'ip' | 'ip6', isHost: boolean): boolean => {
  const version = family === 'ip' ? 4 : 6;
  if (self.nftables === null || !firewallKnown(self, family) || firewallGaps(self, family).length > 0) return true;
  if (self.conntrack === null ? isHost : self.conntrack.some(({ original }) => original.src.version === version)) return true;
  return asksForTracking(self.rulesets, self.nftables, family);
};

const isNat = ({ type }: BaseChain): boolean => type === 'nat';

/** All base chains of both families. */
export const chainsOf = (
  self: NamespaceFacts,
  native = self.nftables === null ? [] : compileNftables({ tables: self.nftables }),
): NonNullable<CompileOptions['chains']> => ({ 4: compiled(self, native, 'ip'), 6: compiled(self, native, 'ip6') });

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
