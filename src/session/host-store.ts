/** The host as known now: facts, topology and the compiled model, replaced when the facts change, its counters kept fresh between. */

import type { HostFacts } from '../host/facts.ts';
import { withOtherRules } from '../host/other-rules.ts';
import { OutputIndex } from '../host/raw-outputs.ts';
import { readFacts } from '../host/read-facts.ts';
import { readFirewall } from '../host/read-firewall.ts';
import { type RawOutputs, SNAPSHOT_COMMANDS, type SnapshotDocument } from '../host/snapshot.ts';
import type { NftTable } from '../netfilter/nft/ruleset.ts';
import type { RuleRef, Ruleset } from '../netfilter/ruleset.ts';
import { assumedHost, NO_PLACE } from '../path/assumed-host.ts';
import { compileHost, type HostModel } from '../path/model.ts';
import { JudgeCache } from '../path/sharing/judge-cache.ts';
import { buildTopology } from '../topology/build.ts';
import { NameIndex } from '../topology/names.ts';
import type { HostState } from './state/host-state.ts';
import type { WhatIf } from './what-if.ts';

/** Everything computed from one snapshot. */
export interface HostVersion extends HostState {
  readonly document: SnapshotDocument;
  readonly model: HostModel;
  /** By which questions about captured packets are formed: how a packet came to where it was seen, by the rules that were there. */
  readonly asked: HostModel;
  /** Answers already given by this model. */
  readonly cache: JudgeCache;
  readonly names: NameIndex;
}

type CounterIndex = ReadonlyMap<string, number>;

interface CounterReading {
  readonly atSec: number;
  readonly packets: CounterIndex;
}

/** How many readings are kept: enough to find the one before a flow began, however late its verdict came. */
const KEPT_READINGS = 12;

export class HostStore {
  readonly #live: boolean;
  #version: HostVersion | null = null;
  #readings: CounterReading[] = [];
  /** Counts up with each change of the readings. */
  #readingsAge = 0;
  #unchangedAtSec = 0;
  #trouble: string | null = null;
  readonly #listeners = new Set<(reason: string | null) => void>();
  #peers: readonly HostFacts[] = [];
  readonly #whatIf: WhatIf | null;
  /** Keys of rules that were asked for: thousands of flows ask for the same few. */
  readonly #keys = new WeakMap<RuleRef, string>();

  constructor(live: boolean, whatIf: WhatIf | null = null) {
    this.#live = live;
    this.#whatIf = whatIf;
  }

  /** True where verdicts are about what might have been: nothing that was seen or counted bears witness for or against them. */
  get isHypothetical(): boolean {
    return this.#whatIf !== null;
  }

  /** What is known of other hosts, for what tunnels carry there; told before the host's own facts. */
  knowPeers(peers: readonly SnapshotDocument[]): void {
    this.#peers = peers.map(readFacts);
  }

  get version(): HostVersion | null {
    return this.#version;
  }

  /** Calls back with the reason of a change, or null where only counters or the trouble's text moved. */
  subscribe(listener: (reason: string | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  replace(document: SnapshotDocument, reason: string): void {
    const read = readFacts(document);
    const facts = this.#whatIf?.factsFor(read) ?? read;
    const topology = buildTopology(facts);
    const model = compileHost(facts, { peers: this.#peers });
    const asked = facts === read ? model : compileHost(read, { peers: this.#peers });
    this.#version = {
      document,
      facts,
      topology,
      model,
      asked,
      cache: new JudgeCache(model, asked),
      names: new NameIndex(topology, facts),
      generation: (this.#version?.generation ?? 0) + 1,
      live: this.#live,
      trouble: this.#trouble ?? facts.dockerError,
    };
    this.#unchangedAtSec = this.readAtSec;
    this.#addReading(Number(document.takenAt), facts.self.rulesets, facts.self.nftables ?? []);
    this.#tell(reason);
  }

  /** A session is read again from its beginning: counters of later are those of another time. */
  rewind(): void {
    this.#readings = [];
    this.#readingsAge++;
    this.#unchangedAtSec = 0;
  }

  /** Nothing is known of the host but the rules that were given. Returns false where none were. */
  assume(): boolean {
    const { rules = null, place = NO_PLACE } = this.#whatIf ?? {};
    if (rules === null) return false;
    const read = readFacts(NO_HOST);
    const facts = { ...read, self: withOtherRules(read.self, rules) };
    const topology = buildTopology(facts);
    const model = assumedHost(facts, place);
    const names = new NameIndex(topology, facts);
    const cache = new JudgeCache(model);
    this.#version = { document: NO_HOST, facts, topology, model, asked: model, cache, names, generation: 1, live: false, trouble: null };
    this.#tell(null);
    return true;
  }

  /** The same host with its connections as they are now; no new generation, since nothing else has been looked at. */
  replaceConnections(raw: RawOutputs): void {
    const old = this.#version;
    if (old === null) return;
    const document = { ...old.document, raw: { ...old.document.raw, ...raw } };
    // Of the other namespaces nothing has been read anew.
    const facts = { ...old.facts, self: readFacts({ ...document, namespaces: {} }).self };
    const model = compileHost(facts, { peers: this.#peers });
    this.#version = { ...old, document, facts, model, asked: model, cache: new JudgeCache(model) };
  }

  /** New counters of the rules already known; `raw` has the save commands' outputs. */
  updateCounters(takenAt: string, raw: Readonly<Record<string, string>>): void {
    const outputs = new OutputIndex(raw);
    const { rulesets, nftables } = readFirewall(outputs).value;
    this.#addReading(Number(takenAt), rulesets, nftables ?? []);
    const version = this.#version;
    // A session that is saved later is to say what the rules had counted by then.
    if (version !== null)
      this.#version = { ...version, document: { ...version.document, takenAt, raw: { ...version.document.raw, ...raw } } };
    this.#tell(null);
  }

  setTrouble(trouble: string | null): void {
    this.#trouble = trouble;
    if (this.#version !== null) this.#version = { ...this.#version, trouble: trouble ?? this.#version.facts.dockerError };
    this.#tell(null);
  }

  /** What the rule or policy had counted at the last reading before `atSec` (the first one kept, where all are later). Null: no counter. */
  countedBefore(ref: RuleRef, atSec: number): number | null {
    if (this.isHypothetical) return null;
    const key = this.#keyOf(ref);
    let found: number | null = null;
    for (const reading of this.#readings) {
      if (found !== null && reading.atSec > atSec) break;
      found = reading.packets.get(key) ?? found;
    }
    return found;
  }

  countedNow(ref: RuleRef): number | null {
    return this.#readings.at(-1)?.packets.get(this.#keyOf(ref)) ?? null;
  }

  /**
   * A number for the readings that are kept now, and which of them had been made by `atSec`: while it is the same, all that is asked here of
   * rules since that time has the same answers.
   */
  readingsAt(atSec: number): number {
    const readings = this.#readings;
    let made = 0;
    for (let at = 0; at < readings.length; at++) if ((readings[at] as CounterReading).atSec <= atSec) made |= 1 << at;
    return this.#readingsAge * (1 << (KEPT_READINGS + 1)) + made;
  }

  /** When the newest counters were read, seconds since the epoch; 0 before the first. */
  get readAtSec(): number {
    return this.#readings.at(-1)?.atSec ?? 0;
  }

  /** When the rules were last read before the change that brought the present facts: what began since may have met either. */
  get unchangedAtSec(): number {
    return this.#unchangedAtSec;
  }

  /** When the oldest counters that are kept were read; infinitely late before the first. */
  get firstReadAtSec(): number {
    return this.#readings[0]?.atSec ?? Number.POSITIVE_INFINITY;
  }

  #addReading(atSec: number, rulesets: readonly Ruleset[], tables: readonly NftTable[]): void {
    const packets = indexCounters(rulesets);
    indexNative(tables, packets);
    this.#readings.push({ atSec, packets });
    if (this.#readings.length > KEPT_READINGS) this.#readings.shift();
    this.#readingsAge++;
  }

  #keyOf(ref: RuleRef): string {
    const known = this.#keys.get(ref);
    if (known !== undefined) return known;
    const key = keyOf(ref);
    this.#keys.set(ref, key);
    return key;
  }

  #tell(reason: string | null): void {
    for (const listener of this.#listeners) listener(reason);
  }
}

const NO_HOST: SnapshotDocument = {
  vethscope: 1,
  takenAt: '',
  host: '',
  namespaces: {},
  docker: { version: null, apiVersion: null, containers: [], networks: [], error: 'there is no snapshot' },
  raw: {},
};

/** Of a snapshot, what it says of the kernel's connections. */
export const connectionsOf = ({ raw }: SnapshotDocument): RawOutputs => {
  const found: Record<string, string> = {};
  for (const command of [SNAPSHOT_COMMANDS.conntrack, SNAPSHOT_COMMANDS.conntrackProc]) {
    const text = raw[command];
    if (text !== undefined) found[command] = text;
  }
  return found;
};

const keyOf = (ref: RuleRef): string =>
  `${ref.backend} ${ref.family} ${ref.table} ${ref.chain} ${ref.rule ?? 'policy'} ${ref.rule === null ? '' : ref.text}`;

/** Rules with a `counter` of their own; a native policy counts nothing. */
const indexNative = (tables: readonly NftTable[], packets: Map<string, number>): void => {
  for (const { family, name: table, chains } of tables) {
    if (family === 'arp') continue;
    for (const { name: chain, rules } of chains) {
      for (const { number: rule, text, counters } of rules) {
        if (counters !== null)
          packets.set(keyOf({ backend: 'nftables', family, table, chain, rule, text, counters: null }), counters.packets);
      }
    }
  }
};

const indexCounters = (rulesets: readonly Ruleset[]): Map<string, number> => {
  const packets = new Map<string, number>();
  for (const { backend, family, tables } of rulesets) {
    for (const table of tables) {
      for (const chain of table.chains) {
        const place = { backend, family, table: table.name, chain: chain.name, counters: null };
        // An nft policy that shows nothing may have no counter at all: then it is no witness.
        if (chain.counters !== null && (backend !== 'nft' || chain.counters.packets > 0))
          packets.set(keyOf({ ...place, rule: null, text: '' }), chain.counters.packets);
        for (const rule of chain.rules) {
          if (rule.counters !== null) packets.set(keyOf({ ...place, rule: rule.number, text: rule.text }), rule.counters.packets);
        }
      }
    }
  }
  return packets;
};
