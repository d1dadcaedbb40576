/**
 * The routing decision for packets that arrive: martians, local delivery or forwarding, the checks on the source.
 * ip_route_input_slow and __fib_validate_source in net/ipv4; ip6_rcv_core and ip6_forward in net/ipv6.
 */
import { formatIp } from '../base/ip-address.ts';
import { isLimitedBroadcast, isLinkLocal, isLocalAddress, isLoopback, isMulticast, isZero } from './env.ts';
import { type FibAnswer, usesDevice } from './fib.ts';
import type { HostModel } from './model.ts';
import type { Switch } from './sysctls.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, assume, drop, passed, undetermined, type Walk } from './walk.ts';

/** Where the routing decision sends a packet. */
export interface Fate {
  readonly deliverLocally: (walk: Walk) => readonly Walk[];
  readonly forward: (walk: Walk) => readonly Walk[];
}

export const routeIn = (model: HostModel, walk: Walk, dev: string, fate: Fate): readonly Walk[] =>
  andThen(walk.skb.family === 4 ? martians(model, walk, dev) : scopeChecks(walk, dev), (each) => decide(model, each, dev, fate));

/** Follows both answers of a switch that is not known. */
export const ifSwitch = <T>(
  walk: Walk,
  setting: Switch<T>,
  holds: (value: T) => boolean,
  yes: (walk: Walk) => readonly Walk[],
  no: (walk: Walk) => readonly Walk[],
): readonly Walk[] => {
  if (setting.value !== null) return holds(setting.value) ? yes(walk) : no(walk);
  const by: DecidedBy = { kind: 'sysctl', text: setting.text };
  return [
    ...yes(assume(walk, `${setting.text} is not known: taken as set`, by)),
    ...no(assume(walk, `${setting.text} is not known: taken as unset`, by)),
  ];
};

const martian = (walk: Walk, which: 'source' | 'destination', dev: string): Walk => {
  const ip = formatIp(which === 'source' ? walk.skb.src : walk.skb.dst);
  return drop(walk, 'routing', { kind: 'route', text: `martian ${which} ${ip} on ${dev}` });
};

const martians = (model: HostModel, walk: Walk, dev: string): readonly Walk[] => {
  const { src, dst } = walk.skb;
  if (isMulticast(src) || isLimitedBroadcast(src)) return [martian(walk, 'source', dev)];
  if (isLimitedBroadcast(dst) || (isZero(src) && isZero(dst)) || isMulticast(dst)) return [walk];
  if (isZero(src)) return [martian(walk, 'source', dev)];
  if (isZero(dst)) return [martian(walk, 'destination', dev)];
  if (dev === 'lo' || (!isLoopback(src) && !isLoopback(dst))) return [walk];
  const setting = model.sysctls.either(dev, 'route_localnet');
  return ifSwitch(
    walk,
    setting,
    (value) => value,
    (each) => [each],
    (each) => [drop(each, 'routing', { kind: 'sysctl', text: setting.text }, `127/8 may not come in by ${dev}`)],
  );
};

const scopeChecks = (walk: Walk, dev: string): readonly Walk[] => {
  const { src, dst } = walk.skb;
  if (isMulticast(src)) return [martian(walk, 'source', dev)];
  if (dev !== 'lo' && (isLoopback(src) || isLoopback(dst))) return [martian(walk, isLoopback(src) ? 'source' : 'destination', dev)];
  return [walk];
};

const decide = (model: HostModel, walk: Walk, dev: string, fate: Fate): readonly Walk[] => {
  const { skb } = walk;
  if (isLimitedBroadcast(skb.dst) || isMulticast(skb.dst)) {
    return fate.deliverLocally(
      addStep(walk, 'routing', `${isMulticast(skb.dst) ? 'multicast' : 'broadcast'} ${formatIp(skb.dst)}`, 'local'),
    );
  }
  const answers = model.fib.lookup({ dst: skb.dst, src: skb.src, iif: dev, oif: null, mark: skb.mark, tos: skb.tos });
  return answers.flatMap((answer) => andThen([assumed(walk, answer)], (each) => follow(model, each, dev, answer, fate)));
};

export const assumed = (walk: Walk, answer: FibAnswer): Walk =>
  answer.assumption === null ? walk : assume(walk, answer.assumption, { kind: 'route', text: answer.assumption });

/** What an unusable look-up means; ICMP tells the sender where the kernel sends one (ip_error). */
export const refusal = (walk: Walk, answer: FibAnswer): Walk | null => {
  const { result } = answer;
  const dst = formatIp(walk.skb.dst);
  switch (result.kind) {
    case 'unknown':
      return undetermined(walk, { kind: 'route', text: `route to ${dst}` }, result.reason);
    case 'none':
      return drop(walk, 'routing', { kind: 'route', text: `no route to ${dst}` }, 'the sender is told: network unreachable');
    case 'refused':
      return drop(walk, 'routing', { kind: 'route', text: result.text }, ANSWERS[result.action]);
    case 'route': {
      const { type, text } = result.route;
      return type === 'blackhole' || type === 'unreachable' || type === 'prohibit'
        ? drop(walk, 'routing', { kind: 'route', text }, ANSWERS[type])
        : null;
    }
  }
};

const ANSWERS = {
  blackhole: 'silently',
  unreachable: 'the sender is told: host unreachable',
  prohibit: 'the sender is told: communication prohibited',
} as const;

const follow = (model: HostModel, walk: Walk, dev: string, answer: FibAnswer, fate: Fate): readonly Walk[] => {
  const refused = refusal(walk, answer);
  if (refused !== null) return [refused];
  if (answer.result.kind !== 'route') return [];
  const { route, hop } = answer.result;
  if (route.type === 'local' || route.type === 'anycast' || route.type === 'broadcast' || route.type === 'multicast') {
    const local = addStep(walk, 'routing', route.text, 'local');
    return andThen(validateSource(model, local, dev), fate.deliverLocally);
  }
  const routed = { ...addStep(walk, 'routing', route.text, 'continue'), out: hop.dev, nextHop: hop.gateway, mtu: route.mtu };
  if (routed.skb.family === 6 && isLinkLocal(routed.skb.src)) {
    return [drop(routed, 'routing', { kind: 'route', text: `link-local source ${formatIp(routed.skb.src)} is not forwarded` })];
  }
  const setting = model.sysctls.forwarding(dev, routed.skb.family);
  return ifSwitch(
    routed,
    setting,
    (value) => value,
    (each) => andThen(validateSource(model, passed(each, 'routing', setting.text, 'the host forwards'), dev), fate.forward),
    (each) => [drop(each, 'routing', { kind: 'sysctl', text: setting.text }, 'the host does not forward')],
  );
};

/** fib_validate_source: own addresses from outside, and reverse path filtering; IPv4 only. */
const validateSource = (model: HostModel, walk: Walk, dev: string): readonly Walk[] => {
  const { skb } = walk;
  if (skb.family === 6 || dev === 'lo' || isZero(skb.src)) return [walk];
  if (isLocalAddress(model, skb.src) === true) {
    const accept = model.sysctls.either(dev, 'accept_local');
    if (accept.value !== true) return [martian(walk, 'source', dev)];
  }
  const back = model.fib.lookup({
    dst: skb.src,
    src: skb.dst,
    iif: 'lo',
    oif: null,
    mark: model.sysctls.either(dev, 'src_valid_mark').value === true ? skb.mark : 0,
    tos: skb.tos,
  });
  const fits = back.every(
    ({ result }) =>
      result.kind === 'route' && (result.route.type === 'unicast' || result.route.type === 'local') && usesDevice(result.route, dev),
  );
  if (fits) {
    if (walk.phases === null) return [walk];
    return [passed(walk, 'routing', model.sysctls.rpFilter(dev).text, `the way back to ${formatIp(skb.src)} is by ${dev}`)];
  }
  const filter = model.sysctls.rpFilter(dev);
  const unknown = back.find(({ result }) => result.kind === 'unknown');
  if (unknown !== undefined && unknown.result.kind === 'unknown') {
    return filter.value === 0 ? [walk] : [undetermined(walk, { kind: 'sysctl', text: filter.text }, unknown.result.reason)];
  }
  const reachable = back.some(
    ({ result }) => result.kind === 'route' && (result.route.type === 'unicast' || result.route.type === 'local'),
  );
  return ifSwitch(
    walk,
    filter,
    (value) => value === 0 || (value === 2 && reachable),
    (each) => [passed(each, 'routing', filter.text, 'the way back is by another interface, which is allowed')],
    (each) => {
      const route = back[0]?.result;
      const way =
        route?.kind === 'route'
          ? `the way back to ${formatIp(skb.src)} is "${route.route.text}"`
          : `there is no way back to ${formatIp(skb.src)}`;
      return [drop(each, 'routing', { kind: 'sysctl', text: filter.text }, way)];
    },
  );
};
