/** Takes a packet through one netfilter hook: base chains by priority, with connection tracking and address translation between them. */
import { sameIp } from '../base/ip-address.ts';
import type { BaseChain } from '../netfilter/evaluation.ts';
import type { Hook, IpHook } from '../netfilter/ruleset.ts';
import { applyOutcome, eitherOrder, summary } from './chain-outcome.ts';
import { matchEnv } from './env.ts';
import type { HookStage } from './hook-program.ts';
import type { HostModel } from './model.ts';
import { translate } from './nat-stage.ts';
import { track } from './tracking.ts';
import type { DecidedBy } from './verdict.ts';
import { andThen, assume, doubt, note, type Walk } from './walk.ts';

export interface HookContext {
  readonly model: HostModel;
  readonly explain: boolean;
  /** Routes the packet anew after a change of its mark or destination (ip_route_me_harder); at OUTPUT only. */
  readonly reroute?: (walk: Walk) => readonly Walk[];
}

/** The caller has set the devices on the skb as the hook shows them. */
export const runHook = (context: HookContext, walk: Walk, hook: IpHook): readonly Walk[] => {
  const { model } = context;
  const family = walk.skb.family;
  if (!model.firewallKnown[family]) {
    const by: DecidedBy = { kind: 'default', text: `IPv${family} firewall rules` };
    walk = doubt(walk, `the IPv${family} firewall rules were not read`, by, true);
  }
  let walks: readonly Walk[] = [walk];
  for (const stage of model.hooks[family][hook]) walks = andThen(walks, (each) => runStage(context, each, hook, stage));
  return walks;
};

/** Chains of bridges and devices: by priority, and of equal ones in an order that matters only where one changes what another sees. */
export const runFrameChains = (context: HookContext, walk: Walk, hook: Hook, chains: readonly BaseChain[]): readonly Walk[] => {
  const groups: BaseChain[][] = [];
  for (const chain of chains) {
    const last = groups.at(-1);
    if (last?.[0]?.priority === chain.priority) last.push(chain);
    else groups.push([chain]);
  }
  return groups.reduce<readonly Walk[]>((walks, group) => andThen(walks, (each) => runChains(context, each, hook, group)), [walk]);
};

const runStage = (context: HookContext, walk: Walk, hook: IpHook, stage: HookStage): readonly Walk[] => {
  switch (stage.kind) {
    case 'conntrack':
      return track(context.model, walk, hook);
    case 'nat':
      return andThen(translate(context, walk, hook, stage.manip, stage.chains), (each) =>
        context.reroute !== undefined && stage.manip === 'dst' && !sameIp(each.skb.dst, walk.skb.dst) ? context.reroute(each) : [each],
      );
    case 'chains':
      return runChains(context, walk, hook, stage.chains);
  }
};

/**
 * Chains of one priority. Backends that meet there ran in the order they were registered, the last one first, which a snapshot
 * does not show; it matters only where one changes what another sees, and then both orders are followed.
 */
const runChains = (context: HookContext, walk: Walk, hook: Hook, chains: readonly BaseChain[]): readonly Walk[] => {
  const [only] = chains;
  if (chains.length === 1 && only !== undefined) return runChain(context, walk, hook, only);
  const inOrder = (order: readonly BaseChain[]): readonly Walk[] =>
    order.reduce<readonly Walk[]>((walks, chain) => andThen(walks, (each) => runChain(context, each, hook, chain)), [walk]);
  const forward = inOrder(chains);
  const backward = inOrder([...chains].reverse());
  const names = chains.map((chain) => `${chain.backend} ${chain.table}/${chain.name}`);
  if (summary(forward) === summary(backward)) {
    if (deciders(forward) === deciders(backward)) return eitherOrder(forward, backward);
    const text = `at hook ${hook} ${names.join(' and ')} run in an order that is not known: by it ${deciders(forward)} decides, or ${deciders(backward)}`;
    return eitherOrder(forward, backward).map((each) => (each.end === null ? each : note(each, text)));
  }
  const by: DecidedBy = { kind: 'default', text: `order of ${names.join(' and ')}` };
  const told = (list: readonly Walk[], order: readonly string[]): readonly Walk[] =>
    list.map((each) => assume(each, `at hook ${hook} ${order.join(' runs before ')}`, by));
  return [...told(forward, names), ...told(backward, [...names].reverse())];
};

/** Who ends the packet's way here, in words; the outcome is the same. */
const deciders = (walks: readonly Walk[]): string =>
  [...new Set(walks.map(({ end }) => (end === null ? '' : `${end.decidedBy.backend ?? ''} "${end.decidedBy.text}"`)))]
    .filter(Boolean)
    .join(', ');

const runChain = (context: HookContext, walk: Walk, hook: Hook, chain: BaseChain): readonly Walk[] => {
  const outcomes = chain.evaluate(walk.skb, matchEnv(context.model, walk.nextHop), context.explain);
  return andThen(
    outcomes.map((outcome) => applyOutcome(walk, hook, chain, outcome)),
    (each) => {
      const changed = chain.type === 'route' && (each.skb.mark !== walk.skb.mark || each.skb.tos !== walk.skb.tos);
      return changed && context.reroute !== undefined ? context.reroute(each) : [each];
    },
  );
};
