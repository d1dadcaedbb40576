/** Takes a packet through one netfilter hook: base chains by priority, connection tracking, address translation. */
import { sameIp } from '../base/ip-address.ts';
import type { BaseChain, HookOutcome, NatAction } from '../netfilter/evaluation.ts';
import type { Hook, IpHook } from '../netfilter/ruleset.ts';
import { type CtView, ctWith, type Skb, skbWith } from '../netfilter/skb.ts';
import { isIcmpError } from './classify.ts';
import { matchEnv } from './env.ts';
import type { HookStage } from './hook-program.ts';
import type { HostModel } from './model.ts';
import { track } from './tracking.ts';
import type { DecidedBy, VerdictNat, VerdictStep } from './verdict.ts';
import {
  addressPort,
  andThen,
  assume,
  decidedByRef,
  doubt,
  finish,
  nearMissOf,
  note,
  type Recorded,
  record,
  stepOf,
  undetermined,
  type Walk,
  walkWith,
} from './walk.ts';

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
    if (deciders(forward) === deciders(backward)) return markDoubtful(forward, backward);
    const text = `at hook ${hook} ${names.join(' and ')} run in an order that is not known: by it ${deciders(forward)} decides, or ${deciders(backward)}`;
    return markDoubtful(forward, backward).map((each) => (each.end === null ? each : note(each, text)));
  }
  const by: DecidedBy = { kind: 'default', text: `order of ${names.join(' and ')}` };
  const told = (list: readonly Walk[], order: readonly string[]): readonly Walk[] =>
    list.map((each) => assume(each, `at hook ${hook} ${order.join(' runs before ')}`, by));
  return [...told(forward, names), ...told(backward, [...names].reverse())];
};

/** Steps that only one of the orders has are uncertain. */
const markDoubtful = (walks: readonly Walk[], others: readonly Walk[]): readonly Walk[] => {
  const keyOf = ({ backend, table, chain, rule, action }: VerdictStep): string => `${backend} ${table} ${chain} ${rule} ${action}`;
  const known = new Set(others.flatMap(({ steps }) => steps.map(keyOf)));
  const isCertain = (step: VerdictStep): boolean => step.table === null || known.has(keyOf(step));
  return walks.map((walk) =>
    walk.steps.every(isCertain)
      ? walk
      : walkWith(walk, { steps: walk.steps.map((step) => (isCertain(step) ? step : { ...step, uncertain: true as const })) }),
  );
};

/** Who ends the packet's way here, in words; the outcome is the same. */
const deciders = (walks: readonly Walk[]): string =>
  [...new Set(walks.map(({ end }) => (end === null ? '' : `${end.decidedBy.backend ?? ''} "${end.decidedBy.text}"`)))]
    .filter(Boolean)
    .join(', ');

const summary = (walks: readonly Walk[]): string =>
  walks
    .map(
      ({ skb, end }) =>
        `${end?.outcome ?? 'on'} ${skb.mark} ${skb.ct.state} ${skb.ct.mark} ${skb.tos} ${skb.ttl} ${addressPort(skb.src, skb.srcPort)} ${addressPort(skb.dst, skb.dstPort)}`,
    )
    .sort()
    .join('|');

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

const applyOutcome = (walk: Walk, hook: Hook, chain: BaseChain, outcome: HookOutcome): Walk => {
  const steps = walk.steps.slice();
  for (const step of outcome.steps) steps.push(stepOf(hook, step));
  let next = walkWith(walk, {
    skb: outcome.skb,
    steps,
    nearMisses:
      outcome.nearMisses.length === 0 ? walk.nearMisses : [...walk.nearMisses, ...outcome.nearMisses.map((miss) => nearMissOf(hook, miss))],
    passes: outcome.verdict === 'accept' ? [...walk.passes, { hook, priority: chain.priority, ref: outcome.decided }] : walk.passes,
  });
  if (walk.phases !== null) next = record(next, chainPhase(hook, chain, outcome), walk);
  if (outcome.assumptions.length > 0) {
    const by = decidedByRef(outcome.steps.find((step) => step.uncertain === true)?.ref ?? outcome.decided);
    for (const text of outcome.assumptions) next = assume(next, text, by);
  }
  if (outcome.verdict === 'accept') return next;
  const decidedBy = decidedByRef(outcome.decided);
  switch (outcome.verdict) {
    case 'drop':
      return finish(next, { outcome: 'drop', decidedBy, out: null });
    case 'reject':
      return finish(next, {
        outcome: 'reject',
        decidedBy,
        ...(outcome.rejectWith === null ? {} : { rejectWith: outcome.rejectWith }),
        out: null,
      });
    case 'unknown':
      return finish(next, { outcome: 'undetermined', decidedBy, out: null });
  }
};

/** What a base chain said: also that none of its rules matched. */
const chainPhase = (hook: Hook, chain: BaseChain, outcome: HookOutcome): Recorded => {
  const matched = outcome.steps.filter((step) => step.ref.rule !== null).length;
  return {
    kind: chain.type === 'nat' ? 'nat' : 'rules',
    hook,
    backend: chain.backend,
    family: chain.family,
    table: chain.table,
    chain: chain.name,
    asked: matched + outcome.nearMisses.length,
    matched,
    result: outcome.nat !== null ? 'nat' : outcome.verdict === 'accept' ? 'allow' : outcome.verdict,
    text: outcome.decided.text,
  };
};

/** nf_nat_inet_fn: rules are asked for new connections only, once for each kind of translation; all else follows the stored one. */
const translate = (context: HookContext, walk: Walk, hook: Hook, manip: 'dst' | 'src', chains: readonly BaseChain[]): readonly Walk[] => {
  const { ct } = walk.skb;
  const skipped = (why: string): Walk =>
    walk.phases === null || chains.length === 0 ? walk : record(walk, { ...natPhase(hook, chains), result: 'skip', text: why });
  if (ct.state === 'INVALID' || ct.state === 'UNTRACKED') return [skipped(`not asked: the packet is ${ct.state}`)];
  const done = manip === 'dst' ? walk.dstNatDone : walk.srcNatDone;
  const asks = !ct.confirmed && (ct.state === 'NEW' || (ct.state === 'RELATED' && !isIcmpError(walk.skb)));
  if (!asks || done) {
    const followed = followStored(walk, manip);
    if (followed !== walk) {
      const nat = followed.nat.at(-1);
      const way = nat === undefined ? '' : `${nat.from} -> ${nat.to}`;
      return [record(followed, { ...natPhase(hook, chains), result: 'nat', text: `the connection's translation: ${way}` }, walk)];
    }
    return [
      skipped(
        `not asked: ${done ? 'settled for this connection already' : `the packet is ${ct.state}, its connection has no translation here`}`,
      ),
    ];
  }
  return askNatChains(context, settled(walk, manip), hook, manip, chains);
};

const natPhase = (hook: Hook, chains: readonly BaseChain[]): Omit<Recorded, 'result' | 'text'> => {
  const [only] = chains;
  const place = only === undefined ? {} : { backend: only.backend, family: only.family };
  return { kind: 'nat', hook, ...place, table: only?.table ?? 'nat', chain: only?.name ?? null };
};

const settled = (walk: Walk, manip: 'dst' | 'src'): Walk => walkWith(walk, manip === 'dst' ? { dstNatDone: true } : { srcNatDone: true });

/** The first chain that sets up a translation ends it; which one comes first among equal priorities matters only where two would. */
const askNatChains = (
  context: HookContext,
  walk: Walk,
  hook: Hook,
  manip: 'dst' | 'src',
  chains: readonly BaseChain[],
): readonly Walk[] => {
  const ask = (order: readonly BaseChain[]): readonly Walk[] => {
    let open: readonly Walk[] = [walk];
    const done: Walk[] = [];
    for (const chain of order) {
      const rest: Walk[] = [];
      for (const each of open) {
        for (const outcome of chain.evaluate(each.skb, matchEnv(context.model, each.nextHop), context.explain)) {
          const next = applyOutcome(each, hook, chain, outcome);
          if (next.end !== null) done.push(next);
          else if (outcome.nat === null) rest.push(next);
          else done.push(applyNat(next, manip, outcome.nat));
        }
      }
      open = rest;
    }
    return [...done, ...open];
  };
  const forward = ask(chains);
  if (chains.length < 2) return forward;
  const equal = chains.some((chain, at) => at > 0 && chain.priority === (chains[at - 1] as BaseChain).priority);
  if (!equal) return forward;
  const backward = ask([...chains].reverse());
  if (summary(forward) === summary(backward)) return forward;
  const names = chains.map((chain) => `${chain.backend} ${chain.table}/${chain.name}`);
  const by: DecidedBy = { kind: 'default', text: `order of ${names.join(' and ')}` };
  const told = (list: readonly Walk[], order: readonly string[]): readonly Walk[] =>
    list.map((each) => assume(each, `at hook ${hook} ${order.join(' translates before ')}`, by));
  return [...told(forward, names), ...told(backward, [...names].reverse())];
};

/** A translated packet is no longer the one that was captured. */
const STALE: Pick<Skb, 'bytes'> = { bytes: null };

const applyNat = (walk: Walk, manip: 'dst' | 'src', action: NatAction): Walk => {
  const { skb } = walk;
  const oldIp = manip === 'dst' ? skb.dst : skb.src;
  const oldPort = manip === 'dst' ? skb.dstPort : skb.srcPort;
  const from = addressPort(oldIp, oldPort);
  const by = { table: action.by.table, chain: action.by.chain, rule: action.by.rule ?? 0, text: action.by.text };
  const told = action.note === undefined ? walk : note(walk, action.note);
  if (action.address === null) {
    if (manip === 'dst')
      return undetermined(told, decidedByRef(action.by), action.note ?? 'the address that the rule translates to is not known');
    const unnamed: VerdictNat = { kind: action.kind, from, to: 'unknown', by };
    return note(walkWith(told, { nat: [...told.nat, unnamed] }), action.note ?? 'the source address that the rule gives is not known');
  }
  const port = oldPort === null ? null : (action.port ?? oldPort);
  const nat: VerdictNat = { kind: action.kind, from, to: addressPort(action.address, port), by };
  const changed = !sameIp(oldIp, action.address) || port !== oldPort;
  const ct: CtView =
    manip === 'dst'
      ? ctWith(skb.ct, { reply: { ...skb.ct.reply, src: action.address, srcPort: port }, dnat: skb.ct.dnat || changed })
      : ctWith(skb.ct, { reply: { ...skb.ct.reply, dst: action.address, dstPort: port }, snat: skb.ct.snat || changed });
  const moved: Skb = skbWith(skb, {
    ...(manip === 'dst' ? { dst: action.address, dstPort: port } : { src: action.address, srcPort: port }),
    ct,
    ...(changed ? STALE : {}),
  });
  return walkWith(told, { skb: moved, nat: [...told.nat, nat] });
};

/** The stored translation of the packet's direction: the inverse of the other direction's tuple. */
const followStored = (walk: Walk, manip: 'dst' | 'src'): Walk => {
  const { skb, natOrigin } = walk;
  // What a direction's destination translation is to the request, the source translation is to the answer.
  const ofDst = (manip === 'dst') === (skb.ct.direction === 'original');
  if (ofDst ? !skb.ct.dnat : !skb.ct.snat) return walk;
  const other = skb.ct.direction === 'original' ? skb.ct.reply : skb.ct.original;
  const ip = manip === 'dst' ? other.src : other.dst;
  const storedPort = manip === 'dst' ? other.srcPort : other.dstPort;
  const oldIp = manip === 'dst' ? skb.dst : skb.src;
  const oldPort = manip === 'dst' ? skb.dstPort : skb.srcPort;
  // ICMP keeps its id in the tuple's ports, and errors carry another protocol's packet: no port of theirs changes.
  const port = oldPort === null || storedPort === null ? oldPort : storedPort;
  if (sameIp(ip, oldIp) && port === oldPort) return walk;
  const origin = ofDst ? natOrigin.dst : natOrigin.src;
  const nat: VerdictNat = {
    kind: origin?.kind ?? (manip === 'dst' ? 'dnat' : 'snat'),
    from: addressPort(oldIp, oldPort),
    to: addressPort(ip, port),
    by: origin?.by ?? { table: 'nat', chain: '', rule: 0, text: 'the translation that conntrack keeps for this connection' },
  };
  return walkWith(walk, {
    skb: skbWith(skb, { ...(manip === 'dst' ? { dst: ip, dstPort: port } : { src: ip, srcPort: port }), ...STALE }),
    nat: [...walk.nat, nat],
  });
};
