/**
 * The hooks of frames, where only nftables has chains: ingress and egress of a device (nf_ingress and nf_egress in net/core/dev.c), and
 * those of a bridge (net/bridge/br_input.c, br_forward.c), some of which run before br_netfilter shows the frame to the IP hooks.
 */
import type { BaseChain } from '../netfilter/evaluation.ts';
import { UNKNOWN_PORT } from '../netfilter/skb.ts';
import { type HookContext, runFrameChains } from './run-hook.ts';
import { andThen, assume, finish, seen, type Walk, walkWith } from './walk.ts';

/** NF_BR_PRI_BRNF: here br_netfilter shows the frame to the IP hooks. A chain of the same priority was registered later and runs first. */
const NF_BR_PRI_BRNF = 0;

/** `dev` null: it is not known which device, or there is none. */
export const deviceHook = (context: HookContext, walk: Walk, hook: 'ingress' | 'egress', dev: string | null): readonly Walk[] => {
  const { device, unplaced } = context.model.frames;
  if (device.size === 0 && unplaced.length === 0) return [walk];
  const shown = seen(walk, hook === 'ingress' ? { inDev: dev, outDev: null } : { inDev: null, outDev: dev });
  const chains = dev === null ? undefined : device.get(`${hook} ${dev}`);
  let walks = chains === undefined ? [walk] : runFrameChains(context, shown, hook, chains);
  for (const chain of unplaced) {
    if (chain.hook === hook) walks = andThen(walks, (each) => withOrWithout(context, each, chain, hook, dev));
  }
  return walks;
};

/** A chain of which it is not known whether the device is its own is followed and left out, where that makes a difference. */
const withOrWithout = (
  context: HookContext,
  walk: Walk,
  chain: BaseChain,
  hook: 'ingress' | 'egress',
  dev: string | null,
): readonly Walk[] => {
  const shown = seen(walk, hook === 'ingress' ? { inDev: dev, outDev: null } : { inDev: null, outDev: dev });
  const through = runFrameChains(context, shown, hook, [chain]);
  if (through.every(({ end, skb }) => end === null && skb === shown.skb)) return [walk];
  const text = `chain ${chain.name} of table ${chain.family} ${chain.table} on ${hook} of ${dev ?? 'the device'}`;
  const by = { kind: 'default', text } as const;
  const told = (each: Walk, is: string): Walk =>
    assume(each, `${text}: the listing of nft does not say which device is meant, taken as ${is}`, by);
  return [...through.map((each) => told(each, 'this one')), told(walk, 'another')];
};

/** The chains' devices are the bridge's ports. */
export const bridgeHook = (
  context: HookContext,
  walk: Walk,
  hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting',
  ports: { readonly from: string | null; readonly to: string | null },
  when: 'before' | 'after' | 'all' = 'all',
): readonly Walk[] => {
  const all = context.model.frames.bridge.get(hook);
  if (all === undefined) return [walk];
  const chains = when === 'all' ? all : all.filter(({ priority }) => priority <= NF_BR_PRI_BRNF === (when === 'before'));
  return chains.length === 0 ? [walk] : runFrameChains(context, seen(walk, { inDev: ports.from, outDev: ports.to }), hook, chains);
};

/** What a routed or local packet passes behind POSTROUTING: the device's egress, then the bridge's own hooks and the port's egress. */
export const frameOut = (context: HookContext, handed: Walk, out: string): readonly Walk[] => {
  const { end } = handed;
  const { bridge, device, unplaced } = context.model.frames;
  if (end === null || end.outcome !== 'accept' || (bridge.size === 0 && device.size === 0 && unplaced.length === 0)) return [handed];
  const left = deviceHook(context, walkWith(handed, { end: null }), 'egress', out);
  const port = end.outPort ?? null;
  const ports = { from: null, to: port ?? UNKNOWN_PORT };
  const crossed = context.model.isBridge(out)
    ? andThen(
        andThen(left, (each) => bridgeHook(context, each, 'output', ports)),
        (each) => andThen(bridgeHook(context, each, 'postrouting', ports), (posted) => deviceHook(context, posted, 'egress', port)),
      )
    : left;
  return andThen(crossed, (each) => [finish(each, end)]);
};
