/** Recorded hosts with the standard scene (see test/lab), and small changes to them, for the tests of the path. */
import { readFileSync } from 'node:fs';
import { formatIp } from '../../src/base/ip-address.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import type { SnapshotDocument } from '../../src/host/snapshot.ts';
import { compileHost, type HostModel } from '../../src/path/model.ts';
import type { Verdict } from '../../src/path/verdict.ts';
import { buildTopology } from '../../src/topology/build.ts';
import type { Topology } from '../../src/topology/topology.ts';

export type Engine = '20.10' | '26.1' | '28.5';

export const ENGINES: readonly Engine[] = ['20.10', '26.1', '28.5'];

export interface Scene {
  readonly facts: HostFacts;
  readonly model: HostModel;
  readonly topology: Topology;
  /** The bridge of a network. */
  readonly bridge: (network: string) => string;
  /** A container's address, on a network or its first. */
  readonly ip: (container: string, network?: string) => string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `raw` replaces outputs: null takes one away, a function edits it. */
export interface SceneChange {
  readonly raw?: Readonly<Record<string, string | null | ((text: string) => string)>>;
  readonly document?: (document: Mutable<SnapshotDocument>) => void;
}

export const sceneDocument = (engine: Engine): SnapshotDocument =>
  parseSnapshot(readFileSync(new URL(`../fixtures/snapshots/scene-${engine}.json`, import.meta.url), 'utf8'));

export const scene = (engine: Engine, change: SceneChange = {}): Scene => {
  const recorded = sceneDocument(engine);
  const raw: Record<string, string> = { ...recorded.raw };
  const missing: Record<string, string> = { ...recorded.missing };
  for (const [command, value] of Object.entries(change.raw ?? {})) {
    if (value === null) delete raw[command];
    else raw[command] = typeof value === 'string' ? value : value(raw[command] ?? '');
  }
  const document: Mutable<SnapshotDocument> = { ...recorded, raw, missing };
  change.document?.(document);
  const facts = readFacts(document);
  return {
    facts,
    model: compileHost(facts),
    topology: buildTopology(facts),
    bridge: (network) => facts.networks.find((entry) => entry.name === network)?.claimedBridge ?? `no bridge of ${network}`,
    ip: (container, network) => {
      const endpoints = facts.containers.find((entry) => entry.name === container)?.endpoints ?? [];
      const endpoint = network === undefined ? endpoints[0] : endpoints.find((entry) => entry.network === network);
      return endpoint?.ipv4 === null || endpoint === undefined ? `no address of ${container}` : formatIp(endpoint.ipv4);
    },
  };
};

export const sysctl =
  (name: string, value: number | string) =>
  (text: string): string =>
    `${text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(`${name} =`))
      .join('\n')}\n${name} = ${value}\n`;

export const IPTABLES = 'iptables-nft-save -c';
export const LEGACY = 'iptables-legacy-save -c';
export const SYSCTL = 'sysctl net';

/** Adds rules to a table of the iptables-save text, before its COMMIT. */
export const addRules =
  (table: string, ...rules: readonly string[]) =>
  (text: string): string => {
    const lines = text.split('\n');
    const start = lines.indexOf(`*${table}`);
    const commit = lines.indexOf('COMMIT', start);
    return [...lines.slice(0, commit), ...rules, ...lines.slice(commit)].join('\n');
  };

/** Puts rules before all others of their table. */
export const insertRules =
  (table: string, ...rules: readonly string[]) =>
  (text: string): string => {
    const lines = text.split('\n');
    const start = lines.indexOf(`*${table}`);
    const first = lines.findIndex((line, at) => at > start && (line.startsWith('[') || line.startsWith('-A') || line === 'COMMIT'));
    return [...lines.slice(0, first), ...rules, ...lines.slice(first)].join('\n');
  };

/** A verdict on one line, bridges by the names of their networks, so that a person can review a table of them. */
export const brief = (world: Scene, verdict: Verdict | null): string => {
  if (verdict === null) return 'none';
  const by = verdict.decidedBy;
  const place = by.table === undefined ? by.kind : `${by.table}/${by.chain}${by.rule === undefined ? '' : `#${by.rule}`}`;
  const parts = [`${verdict.outcome} by ${place}: ${by.text}`];
  for (const nat of verdict.nat) parts.push(`${nat.kind} ${nat.from} > ${nat.to} by ${nat.by.table}/${nat.by.chain}#${nat.by.rule}`);
  if (verdict.out !== null) parts.push(`out ${verdict.out}`);
  if (verdict.deliveredTo !== undefined) parts.push(`to ${verdict.deliveredTo.container} (${verdict.deliveredTo.network})`);
  if (verdict.proxiedTo !== undefined) parts.push(`proxied to ${verdict.proxiedTo.container} ${verdict.proxiedTo.address}`);
  if (verdict.unknowns.length > 0) parts.push(`unknown: ${verdict.unknowns.join(' | ')}`);
  let line = parts.join('; ');
  for (const network of world.facts.networks)
    if (network.claimedBridge !== null) line = line.replaceAll(network.claimedBridge, `br(${network.name})`);
  return line;
};
