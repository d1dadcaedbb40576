/** A snapshot with every output rewritten, each by what its command prints. */
import {
  type NamespaceDocument,
  type RawOutputs,
  SNAPSHOT_COMMANDS,
  type SnapshotCommand,
  type SnapshotDocument,
} from '../host/snapshot.ts';
import { rewriteDocker } from './docker-document.ts';
import { rewriteJson } from './json-output.ts';
import { learnFrom } from './learn.ts';
import type { Maps } from './maps.ts';
import { rewriteNftJson } from './nft-json.ts';
import {
  rewriteConntrack,
  rewriteIpset,
  rewriteNftChains,
  rewriteSentence,
  rewriteSockets,
  rewriteSysctls,
  rewriteXfrm,
} from './plain-text.ts';
import { rewriteRules } from './rules-text.ts';

type Rewrite = (text: string, maps: Maps) => string;

const asIs: Rewrite = (text) => text.replace(/[^\s]+/g, (word) => (/^(filter|nat|mangle|raw|security)$/.test(word) ? word : ''));

const REWRITES: Readonly<Record<SnapshotCommand, Rewrite>> = {
  link: rewriteJson,
  address: rewriteJson,
  route4: rewriteJson,
  route6: rewriteJson,
  rule4: rewriteJson,
  rule6: rewriteJson,
  neighbour: rewriteJson,
  neighbourProxy: rewriteJson,
  membership: rewriteJson,
  xfrmPolicy: rewriteXfrm,
  xfrmState: rewriteXfrm,
  fdb: rewriteJson,
  bridgeLink: rewriteJson,
  bridgeVlan: rewriteJson,
  iptablesNft: rewriteRules,
  ip6tablesNft: rewriteRules,
  iptablesLegacy: rewriteRules,
  ip6tablesLegacy: rewriteRules,
  iptables: rewriteRules,
  ip6tables: rewriteRules,
  nft: rewriteNftJson,
  nftChains: rewriteNftChains,
  ipset: rewriteIpset,
  sysctl: rewriteSysctls,
  conntrack: rewriteConntrack,
  conntrackProc: rewriteConntrack,
  sockets: rewriteSockets,
  namespaces: rewriteJson,
  legacyTables4: asIs,
  legacyTables6: asIs,
};

const REWRITE_OF = new Map<string, Rewrite>(
  (Object.entries(SNAPSHOT_COMMANDS) as [SnapshotCommand, string][]).map(([name, command]) => [command, REWRITES[name]]),
);

/** Commands in other spellings than the collector's, as in documents that were made by hand. */
const SPELLINGS: readonly (readonly [RegExp, Rewrite])[] = [
  [/\bip6?tables(-nft|-legacy)?-save\b/, rewriteRules],
  [/\bnft\b.*\s-?-j|\bnft -\w*j/, rewriteNftJson],
  [/\bnft\b.*\bchains\b/, rewriteNftChains],
  [/\bip\b.*\bxfrm\b/, rewriteXfrm],
  [/\bipset\b/, rewriteIpset],
  [/\bsysctl\b/, rewriteSysctls],
  [/conntrack/, rewriteConntrack],
  [/\bss\b/, rewriteSockets],
  [/ip_tables_names|ip6_tables_names/, asIs],
  [/^(sudo )?(ip|bridge|lsns)\b/, rewriteJson],
];

export const rewriteSnapshot = (document: SnapshotDocument, maps: Maps): SnapshotDocument => {
  learnFrom(document, maps);
  maps.knowsHost = true;
  // First, so that their names are known where they stand in sentences.
  const docker = rewriteDocker(document.docker, maps);
  const host = maps.name(document.host);
  const namespaces = Object.fromEntries(
    Object.entries(document.namespaces).map(([inode, namespace]) => [inode, rewriteNamespace(namespace, maps)]),
  );
  return {
    vethscope: 1,
    takenAt: document.takenAt,
    host,
    ...(document.netns === undefined ? {} : { netns: document.netns }),
    namespaces,
    docker,
    raw: rewriteRaw(document.raw, maps),
    ...(document.missing === undefined ? {} : { missing: rewriteMissing(document.missing, maps) }),
  };
};

const rewriteNamespace = (namespace: NamespaceDocument, maps: Maps): NamespaceDocument => ({
  nsid: namespace.nsid,
  pid: namespace.pid,
  startTime: namespace.startTime,
  owners: namespace.owners.map((id) => maps.names.id(id)),
  ...(namespace.path === undefined ? {} : { path: maps.path(namespace.path) }),
  raw: rewriteRaw(namespace.raw, maps),
  ...(namespace.missing === undefined ? {} : { missing: rewriteMissing(namespace.missing, maps) }),
});

/** Outputs of commands that are not known here are left out: nobody can say what is in them. */
const rewriteRaw = (raw: RawOutputs, maps: Maps): RawOutputs =>
  Object.fromEntries(
    Object.entries(raw).flatMap(([command, text]) => {
      const rewrite = rewriteFor(command);
      return rewrite === null ? [] : [[command, rewrite(text, maps)]];
    }),
  );

const rewriteFor = (command: string): Rewrite | null =>
  REWRITE_OF.get(command) ?? SPELLINGS.find(([pattern]) => pattern.test(command))?.[1] ?? null;

const rewriteMissing = (missing: Readonly<Record<string, string>>, maps: Maps): Record<string, string> =>
  Object.fromEntries(
    Object.entries(missing).flatMap(([command, why]) => (rewriteFor(command) === null ? [] : [[command, rewriteSentence(why, maps)]])),
  );
