/**
 * Address translation at one hook: rules are asked for the first packet of a connection, all others follow what was stored.
 * nf_nat_inet_fn and nf_nat_setup_info in net/netfilter/nf_nat_core.c.
 */
import { type IpAddress, sameIp } from '../base/ip-address.ts';
import type { BaseChain, NatAction } from '../netfilter/evaluation.ts';
import { hasPorts } from '../netfilter/protocols.ts';
import type { Hook } from '../netfilter/ruleset.ts';
import { ctWith, type Skb, skbWith } from '../netfilter/skb.ts';
import { KEEPS_PORT } from '../netfilter/targets/nat-range.ts';
import { applyOutcome, eitherOrder, summary } from './chain-outcome.ts';
import { isIcmpError } from './classify.ts';
import { matchEnv } from './env.ts';
import type { HostModel } from './model.ts';
import { type GivenPort, givenPort } from './unique-tuple.ts';
import type { DecidedBy, VerdictNat } from './verdict.ts';
import {
  addressPort,
  assume,
  decidedByRef,
  drop,
  note,
  type Recorded,
  record,
  undetermined,
  type Walk,
  walkWith,
  withSkb,
} from './walk.ts';

export interface NatContext {
  readonly model: HostModel;
  readonly explain: boolean;
}

/** nf_nat_inet_fn: rules are asked for new connections only, once for each kind of translation; all else follows the stored one. */
export const translate = (
  context: NatContext,
  walk: Walk,
  hook: Hook,
  manip: 'dst' | 'src',
  chains: readonly BaseChain[],
): readonly Walk[] => {
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
const askNatChains = (context: NatContext, walk: Walk, hook: Hook, manip: 'dst' | 'src', chains: readonly BaseChain[]): readonly Walk[] => {
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
          else done.push(applyNat(context.model, next, hook, manip, outcome.nat));
        }
      }
      open = rest;
    }
    return [...done, ...open.map((each) => (manip === 'src' ? keepSource(context.model, each, hook) : each))];
  };
  const forward = ask(chains);
  if (chains.length < 2) return forward;
  const equal = chains.some((chain, at) => at > 0 && chain.priority === (chains[at - 1] as BaseChain).priority);
  if (!equal) return forward;
  const backward = ask(otherOrder(chains));
  if (summary(forward) === summary(backward)) return eitherOrder(forward, backward);
  const names = chains.map((chain) => `${chain.backend} ${chain.table}/${chain.name}`);
  const by: DecidedBy = { kind: 'default', text: `order of ${names.join(' and ')}` };
  const told = (list: readonly Walk[], order: readonly string[]): readonly Walk[] =>
    list.map((each) => assume(each, `at hook ${hook} ${order.join(' translates before ')}`, by));
  return [...told(forward, names), ...told(backward, [...names].reverse())];
};

/** Only chains of one priority may change places. */
const otherOrder = (chains: readonly BaseChain[]): readonly BaseChain[] => [...chains].reverse().sort((x, y) => x.priority - y.priority);

/** A translated packet is no longer the one that was captured. */
const STALE: Pick<Skb, 'bytes'> = { bytes: null };

const applyNat = (model: HostModel, walk: Walk, hook: Hook, manip: 'dst' | 'src', action: NatAction): Walk => {
  const { skb } = walk;
  const from = manip === 'dst' ? addressPort(skb.dst, skb.dstPort) : addressPort(skb.src, skb.srcPort);
  const by = { table: action.by.table, chain: action.by.chain, rule: action.by.rule ?? 0, text: action.by.text };
  const { address, kind } = action;
  if (address === null) {
    const told = action.note === undefined ? walk : note(walk, action.note);
    if (manip === 'dst')
      return undetermined(told, decidedByRef(action.by), action.note ?? 'the address that the rule translates to is not known');
    const unnamed: VerdictNat = { kind, from, to: 'unknown', by };
    return note(walkWith(told, { nat: [...told.nat, unnamed] }), action.note ?? 'the source address that the rule gives is not known');
  }
  const side = manip === 'dst' ? 'destination' : 'source';
  const given = givenPort(model.conntrack, { skb, side, address, choice: action.choice });
  if (given.kind === 'none') return refused(walk, hook, given.note);
  const moved = moveTo(walk, manip, address, given);
  const { dst, dstPort, src, srcPort } = moved.skb;
  const to = manip === 'dst' ? addressPort(dst, dstPort) : addressPort(src, srcPort);
  return walkWith(moved, { nat: [...moved.nat, { kind, from, to, by }] });
};

/** No rule translates the source: it stays, unless another connection has the port already (nf_nat_alloc_null_binding). */
const keepSource = (model: HostModel, walk: Walk, hook: Hook): Walk => {
  const { skb } = walk;
  if (walk.end !== null || !model.translates[skb.family]) return walk;
  const given = givenPort(model.conntrack, { skb, side: 'source', address: skb.src, choice: KEEPS_PORT });
  if (given.kind === 'none') return refused(walk, hook, given.note);
  if (given.kind === 'port' && given.port === skb.srcPort) return walk;
  const from = addressPort(skb.src, skb.srcPort);
  const moved = moveTo(walk, 'src', skb.src, given);
  const by = { table: 'nat', chain: '', rule: 0, text: 'no rule: the port that the packet has is taken' };
  return walkWith(moved, { nat: [...moved.nat, { kind: 'snat', from, to: addressPort(skb.src, moved.skb.srcPort), by }] });
};

const refused = (walk: Walk, hook: Hook, text: string): Walk =>
  drop(
    walk,
    hook,
    { kind: 'default', text, reason: 'conntrack-entry' },
    'two connections cannot have the same addresses and ports: this one is not confirmed',
  );

/** The packet and its connection with the new address and port; a port that chance picks is not known from here on. */
const moveTo = (walk: Walk, manip: 'dst' | 'src', address: IpAddress, given: Exclude<GivenPort, { kind: 'none' }>): Walk => {
  const { skb } = walk;
  const told = given.note === undefined ? walk : note(walk, given.note);
  const oldIp = manip === 'dst' ? skb.dst : skb.src;
  const oldPort = manip === 'dst' ? skb.dstPort : skb.srcPort;
  const port = given.kind === 'port' ? given.port : null;
  const changed = !sameIp(oldIp, address) || port !== oldPort;
  const { reply } = skb.ct;
  const bytes = changed ? null : skb.bytes;
  if (manip === 'dst') {
    const turned = { src: address, dst: reply.dst, srcPort: port, dstPort: reply.dstPort };
    const ct = ctWith(skb.ct, { reply: turned, dnat: skb.ct.dnat || changed });
    return withSkb(told, skbWith(skb, { dst: address, dstPort: port, ct, bytes }));
  }
  const turned = { src: reply.src, dst: address, srcPort: reply.srcPort, dstPort: port };
  const ct = ctWith(skb.ct, { reply: turned, snat: skb.ct.snat || changed });
  return withSkb(told, skbWith(skb, { src: address, srcPort: port, ct, bytes }));
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
  const port = hasPorts(skb.protocol) && skb.ct.protocol === skb.protocol ? storedPort : oldPort;
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
