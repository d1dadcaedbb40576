/** Delivery to the host itself: INPUT, then the socket that takes it. ip_local_deliver in net/ipv4/ip_input.c. */
import { type IpAddress, ipv4, sameIp } from '../base/ip-address.ts';
import type { Listener, PublishedPort } from '../host/facts.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, TH_ACK, TH_RST, TH_SYN } from '../packet/packet.ts';
import { isMulticast } from './address-kinds.ts';
import { acceptedBy } from './decider.ts';
import { addressType } from './env.ts';
import type { HostModel } from './model.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { DecidedBy } from './verdict.ts';
import { addressPort, addStep, andThen, type End, finish, seen, type Walk } from './walk.ts';

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
    return finish(addStep(walk, 'input', ignored.text, 'continue', 'the host leaves the ping unanswered'), { ...end, ignored });
  // Who answers does so from an address of its own.
  if (isMulticast(skb.dst) || isBroadcast(model, walk)) return finish(walk, { ...end, silent: true });
  if ((skb.protocol !== IPPROTO_TCP && skb.protocol !== IPPROTO_UDP) || skb.dstPort === null) return finish(walk, end);
  // Packets of a connection go to its own socket, which is no listener.
  if (skb.ct.state === 'ESTABLISHED' || model.self.listeners === null) return finish(walk, end);
  const protocol = skb.protocol === IPPROTO_TCP ? 'tcp' : 'udp';
  const listener = listenerFor(model.self.listeners, protocol, skb.dst, skb.dstPort, skb.inDev);
  const socket = `${protocol} ${addressPort(skb.dst, skb.dstPort)}`;
  if (listener === null) {
    const answer = protocol === 'tcp' ? 'the host answers with a reset' : 'the host answers: port unreachable';
    return finish(addStep(walk, 'input', `nothing listens on ${socket}`, 'continue', answer, { socket: 'closed' }), end);
  }
  const named = addStep(walk, 'input', `${listener.program ?? 'a socket'} listens on ${socket}`, 'continue', undefined, { socket: 'open' });
  // Nobody accepts a connection that does not begin with a SYN.
  const begins = skb.protocol !== IPPROTO_TCP || skb.tcpFlags === null || (skb.tcpFlags & (TH_SYN | TH_ACK | TH_RST)) === TH_SYN;
  const proxied = begins && listener.program === 'docker-proxy' ? publishedAs(model, protocol, skb.dst, skb.dstPort) : null;
  return finish(named, proxied === null ? end : { ...end, proxiedTo: proxied });
};

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
    return sameIp(listener.ip, ip) || (isAny(listener.ip) && (listener.ip.version === ip.version || listener.dualStack));
  });
  return candidates.find((listener) => sameIp(listener.ip, ip)) ?? candidates[0] ?? null;
};

const isAny = (ip: IpAddress): boolean => ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 0;

/** Which container port Docker publishes here, and so where its proxy dials. */
const publishedAs = (model: HostModel, protocol: string, ip: IpAddress, port: number): NonNullable<End['proxiedTo']> | null => {
  for (const container of model.facts.containers) {
    const binding = container.published.find((entry) => entry.protocol === protocol && entry.hostPort === port && bindingCovers(entry, ip));
    if (binding === undefined) continue;
    const endpoint =
      container.endpoints.find((entry) => entry.ipv4 !== null && entry.gateway !== null) ??
      container.endpoints.find((entry) => entry.ipv4 !== null);
    if (endpoint?.ipv4 === null || endpoint === undefined) continue;
    return { container: container.name, address: addressPort(endpoint.ipv4, binding.containerPort) };
  }
  return null;
};

const bindingCovers = (binding: PublishedPort, ip: IpAddress): boolean => {
  if (binding.hostIp === '' || binding.hostIp === '0.0.0.0' || binding.hostIp === '::') return true;
  return binding.hostIp === addressPort(ip, null) || (binding.hostIp === '127.0.0.1' && sameIp(ip, ipv4(0x7f00_0001)));
};
