/**
 * The routing decision for packets that arrive: martians, local delivery or forwarding, the checks on the source.
 * ip_route_input_slow in net/ipv4/route.c; ip6_rcv_core, ip6_route_input and ip6_pkt_drop in net/ipv6.
 */
import { formatIp, sameIp } from '../base/ip-address.ts';
import { isLimitedBroadcast, isLoopback, isMapped, isMulticast, isZero } from './address-kinds.ts';
import type { FibAnswer } from './fib.ts';
import { routesFor } from './look-up.ts';
import type { HostModel } from './model.ts';
import { martian, validateSource } from './source-check.ts';
import { bySysctl, ifSwitch } from './switch.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, assume, drop, passed, undetermined, type Walk, walkWith } from './walk.ts';

/** Where the routing decision sends a packet. */
export interface Fate {
  readonly deliverLocally: (walk: Walk) => readonly Walk[];
  readonly forward: (walk: Walk) => readonly Walk[];
}

export const routeIn = (model: HostModel, walk: Walk, dev: string, fate: Fate): readonly Walk[] =>
  andThen(walk.skb.family === 4 ? martians(model, walk, dev) : [walk], (each) => decide(model, each, dev, fate));

/** What IPv6 refuses before any hook sees it (ip6_rcv_core); null for IPv4, whose checks come with the routing. */
export const refusedOnArrival = (model: HostModel, walk: Walk, dev: string): Walk | null => {
  const { src, dst, family } = walk.skb;
  if (family === 4) return null;
  const disabled = `net.ipv6.conf.${dev.replaceAll('.', '/')}.disable_ipv6`;
  if (model.sysctls.number(disabled) === 1)
    return drop(walk, 'routing', bySysctl({ name: disabled, text: model.sysctls.line(disabled) }, 'ipv6-disabled', dev));
  if (isMulticast(src) || isMapped(src)) return martian(walk, 'source', dev);
  if (dev !== 'lo' && isLoopback(src)) return martian(walk, 'source', dev);
  if (dev !== 'lo' && isLoopback(dst)) return martian(walk, 'destination', dev);
  return null;
};

const martians = (model: HostModel, walk: Walk, dev: string): readonly Walk[] => {
  const { src, dst } = walk.skb;
  if (isMulticast(src) || isLimitedBroadcast(src)) return [martian(walk, 'source', dev)];
  if (isLimitedBroadcast(dst) || isNowhere(walk) || isMulticast(dst)) return [walk];
  if (isZero(src)) return [martian(walk, 'source', dev)];
  if (isZero(dst)) return [martian(walk, 'destination', dev)];
  if (dev === 'lo' || (!isLoopback(src) && !isLoopback(dst))) return [walk];
  const setting = model.sysctls.either(dev, 'route_localnet');
  return ifSwitch(
    walk,
    setting,
    (value) => value,
    (each) => [passed(each, 'routing', setting.text)],
    (each) => [drop(each, 'routing', bySysctl(setting, 'route-localnet', dev), `127/8 may not come in by ${dev}`)],
  );
};

/** 0.0.0.0 to 0.0.0.0, as old clients of BOOTP sent: taken for a broadcast. */
const isNowhere = ({ skb }: Walk): boolean => skb.family === 4 && skb.src.a === 0 && skb.dst.a === 0;

const decide = (model: HostModel, walk: Walk, dev: string, fate: Fate): readonly Walk[] => {
  const { skb } = walk;
  if (isMulticast(skb.dst)) return toGroup(model, walk, dev, fate);
  // Only the answer to what was masqueraded has this address here; rt6_need_strict looks for it on the device that it came in by.
  if (skb.family === 6 && dev !== 'lo' && isLoopback(skb.dst))
    return [
      drop(walk, 'routing', {
        kind: 'route',
        text: `no route to ${formatIp(skb.dst)} by ${dev}: it is on lo`,
        reason: 'no-route',
        about: { address: formatIp(skb.dst) },
      }),
    ];
  if (isLimitedBroadcast(skb.dst) || isNowhere(walk)) {
    const local = addStep(walk, 'routing', `broadcast ${formatIp(skb.dst)}`, 'local');
    return andThen(validateSource(model, local, dev, null), fate.deliverLocally);
  }
  const answers = routesFor(model, skb, dev);
  const [only] = answers;
  if (answers.length === 1 && only !== undefined) return follow(model, assumed(walk, only), dev, only, fate);
  return answers.flatMap((answer) => follow(model, assumed(walk, answer), dev, answer, fate));
};

/** ip_check_mc_rcu, ipv6_chk_mcast_addr: only groups that the interface has joined are taken; all hosts are in the first of each family. */
const toGroup = (model: HostModel, walk: Walk, dev: string, fate: Fate): readonly Walk[] => {
  const { dst } = walk.skb;
  const ip = formatIp(dst);
  const joined = (each: Walk): readonly Walk[] =>
    andThen(validateSource(model, addStep(each, 'routing', `multicast ${ip}`, 'local'), dev, null), fate.deliverLocally);
  const memberships = model.self.memberships ?? null;
  if (ip === '224.0.0.1' || ip === 'ff02::1' || memberships?.some((entry) => entry.dev === dev && sameIp(entry.ip, dst)) === true)
    return joined(walk);
  const by: DecidedBy = {
    kind: 'route',
    text: `nothing ${model.owner === null ? 'on this host' : `in ${model.owner}`} has joined ${ip} on ${dev}`,
    reason: 'group-not-joined',
    about: { device: dev, address: ip },
  };
  if (memberships !== null) return [drop(walk, 'routing', by)];
  const unread = 'the multicast memberships were not read: taken as';
  return [
    ...joined(assume(walk, `${unread} with ${ip} on ${dev}`, by)),
    drop(assume(walk, `${unread} without ${ip} on ${dev}`, by), 'routing', by),
  ];
};

export const assumed = (walk: Walk, answer: FibAnswer): Walk =>
  answer.assumption === null ? walk : assume(walk, answer.assumption, { kind: 'route', text: answer.assumption });

/** What an unusable look-up means; ICMP tells the sender where the kernel sends one (ip_error, ip6_pkt_drop). */
export const refusal = (walk: Walk, answer: FibAnswer, tells = true): Walk | null => {
  const { result } = answer;
  const dst = formatIp(walk.skb.dst);
  const told = (what: string): string => (tells ? `${formatIp(walk.skb.src)} is told: ${what}` : 'silently, as the host does not forward');
  switch (result.kind) {
    case 'unknown':
      return undetermined(walk, { kind: 'route', text: `route to ${dst}` }, result.reason);
    case 'none':
      return drop(
        walk,
        'routing',
        { kind: 'route', text: `no route to ${dst}`, reason: 'no-route', about: { address: dst } },
        told('network unreachable'),
      );
    case 'refused': {
      const what = { blackhole: null, unreachable: 'network unreachable', prohibit: PROHIBITED }[result.action];
      return drop(
        walk,
        'routing',
        { kind: 'route', text: result.text, reason: 'refusing-route', about: { address: dst } },
        what === null ? 'silently' : told(what),
      );
    }
    case 'route': {
      const { type, text } = result.route;
      if (type !== 'blackhole' && type !== 'unreachable' && type !== 'prohibit') return null;
      const what = { blackhole: null, unreachable: 'host unreachable', prohibit: PROHIBITED }[type];
      return drop(
        walk,
        'routing',
        { kind: 'route', text, reason: 'refusing-route', about: { address: dst } },
        what === null ? 'silently' : told(what),
      );
    }
  }
};

const PROHIBITED = 'communication administratively prohibited';

/** What the step tells beside the route's text. */
export const leavesBy = (dev: string | null): { readonly device?: string } => (dev === null ? {} : { device: dev });

const follow = (model: HostModel, walk: Walk, dev: string, answer: FibAnswer, fate: Fate): readonly Walk[] => {
  const forwarding = model.sysctls.forwarding(dev, walk.skb.family);
  const refused = refusal(walk, answer, walk.skb.family === 6 || forwarding.value !== false);
  if (refused !== null) return [refused];
  if (answer.result.kind !== 'route') return [];
  const { route, hop } = answer.result;
  if (hop.dev !== null && model.links?.get(hop.dev)?.kind === 'vrf') {
    return [undetermined(walk, { kind: 'route', text: route.text }, `${hop.dev} is a VRF device, whose tables are not looked into`)];
  }
  const routed = walkWith(walk, { out: hop.dev, nextHop: hop.gateway, mtu: route.mtu });
  if (route.type === 'broadcast' && model.sysctls.both(dev, 'bc_forwarding')) {
    const sent = addStep(routed, 'routing', route.text, 'continue', `${dev} forwards broadcasts (bc_forwarding)`, leavesBy(hop.dev));
    return andThen(validateSource(model, sent, dev, hop.dev), fate.forward);
  }
  if (route.type === 'local' || route.type === 'anycast' || route.type === 'broadcast' || route.type === 'multicast') {
    const local = addStep(walk, 'routing', route.text, 'local');
    return andThen(validateSource(model, local, dev, null), fate.deliverLocally);
  }
  return ifSwitch(
    addStep(routed, 'routing', route.text, 'continue', undefined, leavesBy(hop.dev)),
    forwarding,
    (value) => value,
    (each) =>
      andThen(validateSource(model, passed(each, 'routing', forwarding.text, `${model.name} forwards`), dev, hop.dev), fate.forward),
    (each) => [drop(each, 'routing', bySysctl(forwarding, 'forwarding-off', dev), `${model.name} does not forward`)],
  );
};
