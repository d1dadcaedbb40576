/**
 * What runs at one hook, in the kernel's order: base chains by priority, with connection tracking and address translation
 * between them at their own priorities (include/uapi/linux/netfilter_ipv4.h, nf_nat_core.c).
 */
import type { NativeNftTable } from '../host/facts.ts';
import type { BaseChain, MatchEnv } from '../netfilter/evaluation.ts';
import type { Hook } from '../netfilter/ruleset.ts';

export const NF_IP_PRI_CONNTRACK = -200;
export const NF_IP_PRI_NAT_DST = -100;
export const NF_IP_PRI_NAT_SRC = 100;

export type HookStage =
  | { readonly kind: 'conntrack' }
  /** Chains of one priority; more than one where backends meet: their order cannot be seen from outside. */
  | { readonly kind: 'chains'; readonly chains: readonly BaseChain[] }
  | { readonly kind: 'nat'; readonly manip: 'dst' | 'src'; readonly chains: readonly BaseChain[] };

export type HookPrograms = Readonly<Record<Hook, readonly HookStage[]>>;

export const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** The address that translation may change at a hook (HOOK2MANIP). */
const MANIP: Readonly<Record<Hook, 'dst' | 'src' | null>> = {
  prerouting: 'dst',
  output: 'dst',
  input: 'src',
  postrouting: 'src',
  forward: null,
};

export const hookProgram = (chains: readonly BaseChain[], hook: Hook): readonly HookStage[] => {
  const mine = chains.filter((chain) => chain.hook === hook);
  const manip = MANIP[hook];
  const stages: { priority: number; stage: HookStage }[] = [];
  if (hook === 'prerouting' || hook === 'output') stages.push({ priority: NF_IP_PRI_CONNTRACK, stage: { kind: 'conntrack' } });
  if (manip !== null) {
    // All nat chains of a hook run inside the translation core, by their priorities among themselves.
    const nat = mine.filter((chain) => chain.type === 'nat').sort((x, y) => x.priority - y.priority);
    stages.push({ priority: manip === 'dst' ? NF_IP_PRI_NAT_DST : NF_IP_PRI_NAT_SRC, stage: { kind: 'nat', manip, chains: nat } });
  }
  const byPriority = new Map<number, BaseChain[]>();
  for (const chain of mine) {
    if (chain.type === 'nat' && manip !== null) continue;
    const known = byPriority.get(chain.priority);
    if (known === undefined) byPriority.set(chain.priority, [chain]);
    else known.push(chain);
  }
  for (const [priority, group] of byPriority) stages.push({ priority, stage: { kind: 'chains', chains: group } });
  return stages.sort((x, y) => x.priority - y.priority || rank(x.stage) - rank(y.stage)).map((entry) => entry.stage);
};

const rank = (stage: HookStage): number => (stage.kind === 'chains' ? 0 : 1);

/** A native nftables base chain that this program does not evaluate. */
export interface NativeChain {
  readonly family: string;
  readonly table: string;
  readonly chain: NativeNftTable['baseChains'][number];
}

/**
 * The native chains that a packet meets at a hook and that could decide about it. One without rules and with policy accept
 * cannot. Evaluating native nftables would take their place here.
 */
export const nativeChainsAt = (
  tables: readonly NativeNftTable[] | null,
  hook: string,
  families: readonly string[],
): readonly NativeChain[] =>
  (tables ?? [])
    .filter((table) => families.includes(table.family))
    .flatMap((table) =>
      table.baseChains
        .filter((chain) => chain.hook === hook && (chain.rules > 0 || chain.policy !== 'accept'))
        .map((chain) => ({ family: table.family, table: table.name, chain })),
    )
    .sort((x, y) => x.chain.priority - y.chain.priority);

export type { MatchEnv };
