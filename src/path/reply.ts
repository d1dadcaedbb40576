/** The answer to a packet that got through: who sends it, from where, as part of which connection. */
import { formatIp, formatMac, type IpAddress, sameIp } from '../base/ip-address.ts';
import { replyView } from '../netfilter/conntrack.ts';
import type { CtView } from '../netfilter/skb.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, TH_ACK, TH_RST, TH_SYN } from '../packet/packet.ts';
import { exitOf } from './exit.ts';
import type { HostModel } from './model.ts';
import type { DecidedBy, NatOrigin, PacketSpec, VerdictNat } from './verdict.ts';
import { addStep, finish, type Walk } from './walk.ts';

/** Requests and the type of their answers, RFC 792 and RFC 4443. */
const ECHO: Readonly<Record<number, number>> = { 8: 0, 13: 14, 15: 16, 17: 18 };

export type Reply =
  | { readonly kind: 'question'; readonly spec: PacketSpec }
  | { readonly kind: 'none' }
  | { readonly kind: 'ignored'; readonly by: DecidedBy }
  | { readonly kind: 'no-route'; readonly container: string; readonly text: string };

/** `walk` is a request that was accepted. */
export const replyTo = (model: HostModel, walk: Walk): Reply => {
  const { skb, end } = walk;
  if (end === null || end.outcome !== 'accept' || end.silent === true) return { kind: 'none' };
  if (end.out === null && end.inside === undefined) return { kind: 'none' };
  if (end.ignored !== undefined) return { kind: 'ignored', by: end.ignored };
  const shape = answerShape(walk);
  if (shape === null) return { kind: 'none' };
  const base: PacketSpec = {
    in: null,
    src: formatIp(skb.dst),
    dst: formatIp(skb.src),
    proto: skb.protocol,
    ...(skb.dstPort === null ? {} : { sport: skb.dstPort }),
    ...(skb.srcPort === null ? {} : { dport: skb.srcPort }),
    ...shape,
  };
  const isThere = end.out === 'local' || end.inside !== undefined;
  const spec = isThere ? base : fromReceiver(model, walk, base);
  if ('lost' in spec) return { kind: 'no-route', container: end.deliveredTo?.container ?? '', text: spec.lost };
  const tracked = walk.tracked && skb.ct.state !== 'INVALID' && skb.ct.state !== 'UNTRACKED';
  if (!tracked) return { kind: 'question', spec };
  const ct = replyView(skb.ct);
  const nat = walk.legs?.connections.findLast((each) => each.netns === walk.legs?.netns)?.nat ?? natOriginOf(walk.nat);
  return { kind: 'question', spec: { ...spec, state: 'ESTABLISHED', connection: { ct, nat } } };
};

/** Which rules gave the connection its translations. */
export const natOriginOf = (nat: readonly VerdictNat[]): NatOrigin => ({
  dst: lastOf(nat, ['dnat', 'redirect']),
  src: lastOf(nat, ['snat', 'masquerade']),
});

const lastOf = (nat: readonly VerdictNat[], kinds: readonly string[]): VerdictNat | null =>
  nat.findLast((entry) => kinds.includes(entry.kind)) ?? null;

/** What an answer looks like; null for packets that are not answered (errors, resets, answers themselves). */
const answerShape = (walk: Walk): Partial<PacketSpec> | null => {
  const { skb } = walk;
  if (skb.protocol === IPPROTO_ICMP) {
    const type = skb.icmpType === null ? undefined : ECHO[skb.icmpType];
    return type === undefined ? null : { icmpType: type, icmpCode: 0 };
  }
  if (skb.protocol === IPPROTO_ICMPV6) return skb.icmpType === 128 ? { icmpType: 129, icmpCode: 0 } : null;
  if (skb.protocol === IPPROTO_TCP) {
    if (skb.tcpFlags === null || (skb.tcpFlags & TH_RST) !== 0) return null;
    return { flags: (skb.tcpFlags & (TH_SYN | TH_ACK)) === TH_SYN ? 'SYN,ACK' : 'ACK' };
  }
  return {};
};

/** The answer comes in where the packet went out; a container on several networks may answer by another one. */
const fromReceiver = (model: HostModel, walk: Walk, base: PacketSpec): PacketSpec | { readonly lost: string } => {
  const { end, skb } = walk;
  const back: PacketSpec = {
    ...base,
    in: end?.out ?? null,
    ...(end?.outPort === null || end?.outPort === undefined ? {} : { port: end.outPort }),
    ...(end?.receiverMac === null || end?.receiverMac === undefined ? {} : { srcMac: formatMac(end.receiverMac) }),
    ...(end?.answerMac === null || end?.answerMac === undefined ? {} : { dstMac: formatMac(end.answerMac) }),
  };
  const container =
    end?.deliveredTo === undefined ? undefined : model.facts.containers.find((entry) => entry.name === end.deliveredTo?.container);
  if (container === undefined) return back;
  const exit = exitOf(model, container, skb.src, skb.dst);
  if (exit.kind === 'no-route') return { lost: exit.text };
  if (exit.kind !== 'place' || exit.place.bridge === null || exit.place.bridge === back.in) return back;
  return {
    ...base,
    in: exit.place.bridge,
    ...(exit.place.port === null ? {} : { port: exit.place.port }),
    ...(exit.place.mac === null ? {} : { srcMac: formatMac(exit.place.mac) }),
  };
};

/** An answer whose translation is not undone is not the one that was asked for, or does not come to whom asked. `ct`: the request's connection. */
export const checkAnswer = ({ original, direction, dnat, snat }: CtView, reply: Walk): Walk => {
  const { end } = reply;
  if (end === null || end.outcome !== 'accept' || direction !== 'original') return reply;
  const { src, srcPort, dst, dstPort } = reply.skb;
  const from = dnat && !sameEnd(src, srcPort, original.dst, original.dstPort);
  const to = snat && !sameEnd(dst, dstPort, original.src, original.srcPort);
  if (!from && !to) return reply;
  const text = from
    ? `the answer comes from ${formatIp(src)}, asked was ${formatIp(original.dst)}`
    : `the answer is for ${formatIp(dst)} still, asked has ${formatIp(original.src)}`;
  const how = from
    ? 'the translation is not undone on this way: the asker refuses the answer'
    : 'the translation is not undone: the asker never gets the answer';
  // What let the answer by is what decides: the bridge that no chain sees, the entry of another connection, the rule that exempts it.
  const decidedBy: DecidedBy = { ...(exemptedBy(reply) ?? end.decidedBy), ...reasonOf(reply, from ? src : dst) };
  return finish(addStep(reply, 'bridge', text, 'drop', how), { outcome: 'drop', decidedBy, out: null });
};

export const sameEnd = (one: IpAddress, port: number | null, other: IpAddress, otherPort: number | null): boolean =>
  sameIp(one, other) && (port === null || otherPort === null || port === otherPort);

/** Conntrack saw the answer and knew nothing of its connection, unless it went past conntrack or by another's. */
const reasonOf = ({ tracked, skb: { ct } }: Walk, about: IpAddress): Pick<DecidedBy, 'reason' | 'about'> => ({
  reason:
    !tracked || ct.state === 'ESTABLISHED'
      ? 'answer-not-translated'
      : ct.state === 'UNTRACKED'
        ? 'answer-untracked'
        : 'answer-unrecognised',
  about: { address: formatIp(about) },
});

const exemptedBy = (reply: Walk): DecidedBy | null => {
  const step = reply.steps.find(({ action }) => action === 'notrack');
  if (step === undefined || step.rule === null || step.table === null || step.chain === null) return null;
  const { table, chain, rule, text, backend, family } = step;
  return {
    kind: 'rule',
    table,
    chain,
    rule,
    text,
    ...(backend === undefined ? {} : { backend }),
    ...(family === undefined ? {} : { family }),
  };
};
