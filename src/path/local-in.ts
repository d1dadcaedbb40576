/** Delivery to the host itself: INPUT, then the socket that takes it. ip_local_deliver in net/ipv4/ip_input.c. */
import { type IpAddress, isUnspecified, sameIp } from '../base/ip-address.ts';
import type { Listener } from '../host/facts.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, TH_ACK, TH_RST, TH_SYN } from '../packet/packet.ts';
import { isMulticast } from './address-kinds.ts';
import { acceptedBy } from './decider.ts';
import { addressType } from './env.ts';
import type { HostModel } from './model.ts';
import { dialledAddress, publicationAt } from './published.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { DecidedBy } from './verdict.ts';
import { addressPort, addStep, andThen, type End, finish, seen, type Walk, note as withNote } from './walk.ts';

export const deliverLocally = (context: HookContext, walk: Walk, dev: string): readonly Walk[] =>
  andThen(runHook(context, seen(walk, { inDev: dev, outDev: null, physOut: null }), 'input'), (each) => [receive(context.model, each)]);

const receive = (model: HostModel, walk: Walk): Walk => {
  const { skb } = walk;
  const end: End = {
    outcome: 'accept',
    decidedBy: acceptedBy(walk, 'input', { kind: 'default', text: 'no rule is hooked in at input' }),
    out: 'local',
  };
  const ignored = echoIgnored(model, walk);
  if (ignored !== null)
    return finish(addStep(walk, 'input', ignored.text, 'continue', `${model.name} leaves the ping unanswered`), { ...end, ignored });
  // Who answers does so from an address of its own.
  if (isMulticast(skb.dst) || isBroadcast(model, walk)) return finish(walk, { ...end, silent: true });
  if ((skb.protocol !== IPPROTO_TCP && skb.protocol !== IPPROTO_UDP) || skb.dstPort === null) return finish(walk, end);
  // Packets of a connection go to its own socket, which is no listener.
  if (skb.ct.state === 'ESTABLISHED' || model.self.listeners === null) return finish(walk, end);
  const protocol = skb.protocol === IPPROTO_TCP ? 'tcp' : 'udp';
  const listener = listenerFor(model.self.listeners, protocol, skb.dst, skb.dstPort, skb.inDev);
  const socket = `${protocol} ${addressPort(skb.dst, skb.dstPort)}`;
  if (listener === null) {
    const answer = protocol === 'tcp' ? `${model.name} answers with a reset` : `${model.name} answers: port unreachable`;
    return finish(addStep(walk, 'input', `nothing listens on ${socket}`, 'continue', answer, { socket: 'closed' }), end);
  }
  // What another dockerd publishes inside a container is not told of here.
  const published = model.netns === null && isDockers(listener.program) ? publicationAt(model.facts, protocol, skb.dst, skb.dstPort) : null;
  // Without its proxy dockerd binds the ports that it publishes, and never takes what comes to them.
  const kept = listener.program === 'dockerd' && published !== null;
  const note = kept ? `dockerd only keeps the port for ${published.container.name}: nobody takes what comes here` : undefined;
  const named = addStep(walk, 'input', `${listener.program ?? 'a socket'} listens on ${socket}`, 'continue', note, { socket: 'open' });
  // Nobody accepts a connection that does not begin with a SYN.
  const begins = skb.protocol !== IPPROTO_TCP || skb.tcpFlags === null || (skb.tcpFlags & (TH_SYN | TH_ACK | TH_RST)) === TH_SYN;
  if (!begins || kept || published === null) return finish(named, end);
  const dialled = dialledAddress(model.facts, published.container, skb.family);
  if (dialled === null) return finish(named, end);
  const told = dialled.doubt === null ? named : withNote(named, dialled.doubt);
  const address = addressPort(dialled.ip, published.port.containerPort);
  return finish(told, { ...end, proxiedTo: { container: published.container.name, address } });
};

const isDockers = (program: string | null): boolean => program === 'docker-proxy' || program === 'dockerd';

const isBroadcast = (model: HostModel, { skb }: Walk): boolean => skb.family === 4 && addressType(model, skb.dst, null) === 'BROADCAST';

/** icmp_echo and icmp_rcv in net/ipv4/icmp.c, icmpv6_echo_reply in net/ipv6/icmp.c. */
const echoIgnored = (model: HostModel, walk: Walk): DecidedBy | null => {
  const { skb } = walk;
  const four = skb.protocol === IPPROTO_ICMP && skb.icmpType === 8;
  const six = skb.protocol === IPPROTO_ICMPV6 && skb.icmpType === 128;
  if (!four && !six) return null;
  const toAll = four && (isMulticast(skb.dst) || isBroadcast(model, walk));
  const names = four
    ? ['net.ipv4.icmp_echo_ignore_all', ...(toAll ? ['net.ipv4.icmp_echo_ignore_broadcasts'] : [])]
    : ['net.ipv6.icmp.echo_ignore_all'];
  const name = names.find((each) => (model.sysctls.number(each) ?? 0) !== 0);
  return name === undefined ? null : { kind: 'sysctl', text: model.sysctls.line(name), reason: 'echo-ignored', about: { sysctl: name } };
};

/** The most specific listener, as inet_lookup_listener scores them: a bound address before the wildcard. */
export const listenerFor = (
  listeners: readonly Listener[],
  protocol: 'tcp' | 'udp',
  ip: IpAddress,
  port: number,
  dev: string | null,
): Listener | null => {
  const candidates = listeners.filter((listener) => {
    if (listener.protocol !== protocol || listener.port !== port) return false;
    if (listener.device !== null && listener.device !== dev) return false;
    return sameIp(listener.ip, ip) || (isUnspecified(listener.ip) && (listener.ip.version === ip.version || listener.dualStack));
  });
  return candidates.find((listener) => sameIp(listener.ip, ip)) ?? candidates[0] ?? null;
};
