/** Packets and hosts for the tests of the netfilter stage: a plain one, and how it differs. */

import { describe, expect, it } from 'vitest';
import { compileRuleset } from '../../src/netfilter/compile.ts';
import { newConnection, tupleOf } from '../../src/netfilter/conntrack.ts';
import type { BaseChain, HookOutcome, MatchEnv } from '../../src/netfilter/evaluation.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';
import type { CtView, Skb } from '../../src/netfilter/skb.ts';
import { ip } from '../addresses.ts';

export type SkbChange = Partial<Omit<Skb, 'src' | 'dst' | 'ct'>> & { src?: string; dst?: string; ct?: Partial<CtView> };

/** A TCP SYN from 10.0.0.1:40000 to 10.0.0.2:80, forwarded from eth0 to eth1. */
export const skb = (change: SkbChange = {}): Skb => {
  const { src, dst, ct, ...rest } = change;
  const family = rest.family ?? 4;
  const base = {
    family,
    inDev: 'eth0',
    outDev: 'eth1',
    physIn: null,
    physOut: null,
    bridged: false,
    src: ip(src ?? (family === 4 ? '10.0.0.1' : 'fd00::1')),
    dst: ip(dst ?? (family === 4 ? '10.0.0.2' : 'fd00::2')),
    protocol: 6,
    srcPort: 40000,
    dstPort: 80,
    tcpFlags: 2,
    icmpType: null,
    icmpCode: null,
    fragmentOffset: 0,
    length: 60,
    ttl: 64,
    tos: 0,
    srcMac: 0x0242ac110002,
    hasMac: true,
    packetType: 'unicast',
    mark: 0,
    local: false,
    bytes: null,
    ...rest,
  } satisfies Omit<Skb, 'ct'>;
  return { ...base, ct: { ...newConnection(tupleOf(base), base.protocol), ...ct } };
};

export const udp = (change: SkbChange = {}): Skb => skb({ protocol: 17, tcpFlags: null, ...change });
export const icmp = (icmpType: number, icmpCode = 0, change: SkbChange = {}): Skb =>
  skb({ protocol: 1, srcPort: null, dstPort: null, tcpFlags: null, icmpType, icmpCode, ...change });

/** A host that knows nothing, unless told. */
export const env = (known: Partial<MatchEnv> = {}): MatchEnv => ({
  addressType: () => null,
  ipset: () => null,
  masqueradeAddress: () => null,
  redirectAddress: () => null,
  reversePath: () => null,
  ...known,
});

/** The base chains of a table from its rules. */
export const compileRules = (
  table: string,
  lines: readonly string[],
  options: { family?: 'ip' | 'ip6'; backend?: 'nft' | 'legacy' } = {},
): readonly BaseChain[] =>
  compileRuleset(
    parseSave([`*${table}`, ...lines, 'COMMIT', ''].join('\n'), { backend: options.backend ?? 'nft', family: options.family ?? 'ip' }),
  );

export const chainOf = (chains: readonly BaseChain[], name: string): BaseChain => {
  const chain = chains.find((candidate) => candidate.name === name);
  if (chain === undefined) throw new Error(`no base chain ${name}`);
  return chain;
};

/** `rule 1` with ACCEPT before a policy of DROP: does the rule match? */
export const matches = (rule: string, packet: Skb, host: MatchEnv = env()): boolean | 'unknown' => {
  const chains = compileRules('filter', [':FORWARD DROP [0:0]', `-A FORWARD ${rule} -j ACCEPT`], {
    family: packet.family === 4 ? 'ip' : 'ip6',
  });
  const outcomes = chainOf(chains, 'FORWARD').evaluate(packet, host, true);
  if (outcomes.length > 1) return 'unknown';
  return (outcomes[0] as HookOutcome).verdict === 'accept';
};

/** Rows of `rule text, packet, expected`, each a test of its own. */
export const conformance = (
  source: string,
  rows: readonly (readonly [rule: string, packet: Skb, expected: boolean | 'unknown', host?: MatchEnv])[],
): void => {
  describe(source, () => {
    rows.forEach(([rule, packet, expected, host], index) => {
      it(`${index + 1}. ${rule === '' ? '(nothing)' : rule}: ${expected}`, () => expect(matches(rule, packet, host)).toBe(expected));
    });
  });
};

/** A rule with this target and what became of the packet. */
export const runTarget = (
  table: string,
  chain: string,
  target: string,
  packet: Skb,
  options: { readonly host?: MatchEnv; readonly condition?: string; readonly family?: 'ip' | 'ip6' } = {},
): HookOutcome => {
  const chains = compileRules(table, [`:${chain} ACCEPT [0:0]`, `-A ${chain} ${options.condition ?? ''} -j ${target}`], {
    family: options.family ?? 'ip',
  });
  return single(chainOf(chains, chain).evaluate(packet, options.host ?? env(), true));
};

/** The only outcome, where nothing was unknown. */
export const single = (outcomes: readonly HookOutcome[]): HookOutcome => {
  if (outcomes.length !== 1)
    throw new Error(`${outcomes.length} outcomes: ${outcomes.map((one) => one.assumptions.join('; ')).join(' | ')}`);
  return outcomes[0] as HookOutcome;
};
