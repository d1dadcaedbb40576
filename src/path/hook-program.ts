/**
 * What runs at one hook, in the kernel's order: base chains by priority, with connection tracking and address translation
 * between them at their own priorities (include/uapi/linux/netfilter_ipv4.h, nf_nat_core.c).
 */
import type { BaseChain, MatchEnv } from '../netfilter/evaluation.ts';
import type { Hook, IpHook } from '../netfilter/ruleset.ts';

export const NF_IP_PRI_CONNTRACK = -200;
export const NF_IP_PRI_NAT_DST = -100;
export const NF_IP_PRI_NAT_SRC = 100;

export type HookStage =
  | { readonly kind: 'conntrack' }
  /** Chains of one priority; more than one where backends meet: their order cannot be seen from outside. */
  | { readonly kind: 'chains'; readonly chains: readonly BaseChain[] }
  | { readonly kind: 'nat'; readonly manip: 'dst' | 'src'; readonly chains: readonly BaseChain[] };

export type HookPrograms = Readonly<Record<IpHook, readonly HookStage[]>>;

export const HOOKS: readonly IpHook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** The address that translation may change at a hook (HOOK2MANIP). */
const MANIP: Readonly<Record<IpHook, 'dst' | 'src' | null>> = {
  prerouting: 'dst',
  output: 'dst',
  input: 'src',
  postrouting: 'src',
  forward: null,
};

export const hookProgram = (chains: readonly BaseChain[], hook: IpHook): readonly HookStage[] => {
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

/** Chains that frames meet outside the IP hooks: those of bridges by their hook, those of devices by `HOOK DEVICE`; by priority. */
export interface FrameChains {
  readonly bridge: ReadonlyMap<Hook, readonly BaseChain[]>;
  readonly device: ReadonlyMap<string, readonly BaseChain[]>;
  /** Chains of a device that the listing does not name, as nft 1.0.6 leaves it out of its JSON. */
  readonly unplaced: readonly BaseChain[];
}

export const frameChains = (chains: readonly BaseChain[]): FrameChains => {
  const bridge = new Map<Hook, BaseChain[]>();
  const device = new Map<string, BaseChain[]>();
  const unplaced: BaseChain[] = [];
  const add = <Key>(into: Map<Key, BaseChain[]>, key: Key, chain: BaseChain): void => {
    const known = into.get(key);
    if (known === undefined) into.set(key, [chain]);
    else known.push(chain);
  };
  for (const chain of [...chains].sort((x, y) => x.priority - y.priority)) {
    if (chain.hook === 'ingress' || chain.hook === 'egress') {
      if (chain.devices === undefined) unplaced.push(chain);
      for (const dev of chain.devices ?? []) add(device, `${chain.hook} ${dev}`, chain);
    } else if (chain.family === 'bridge') add(bridge, chain.hook, chain);
  }
  return { bridge, device, unplaced };
};

export type { MatchEnv };
