/**
 * What the kernel demands of the source of a packet that came in: not the host's own address, not without a way back where that is asked.
 * fib_validate_source and __fib_validate_source in net/ipv4/fib_frontend.c; IPv6 has no such check.
 */
import { formatIp, sameIp } from '../base/ip-address.ts';
import { isZero } from './address-kinds.ts';
import { isLocalAddress } from './env.ts';
import { type FibAnswer, usesDevice } from './fib.ts';
import { transportFor } from './look-up.ts';
import type { HostModel } from './model.ts';
import { bySysctl, ifSwitch } from './switch.ts';
import type { Switch } from './sysctls.ts';
import type { DecidedBy } from './verdict.ts';
import { assume, drop, passed, undetermined, type Walk } from './walk.ts';

export const martian = (walk: Walk, which: 'source' | 'destination', dev: string): Walk => {
  const ip = formatIp(which === 'source' ? walk.skb.src : walk.skb.dst);
  const text = `martian ${which} ${ip} on ${dev}`;
  return drop(walk, 'routing', { kind: 'route', text, reason: `martian-${which}`, about: { device: dev, address: ip } });
};

/** `out`: the device that a forwarded packet would leave by; null for one that is the host's own. */
export const validateSource = (model: HostModel, walk: Walk, dev: string, out: string | null): readonly Walk[] => {
  const { skb } = walk;
  if (skb.family === 6 || dev === 'lo' || isZero(skb.src)) return [walk];
  const filter = model.sysctls.rpFilter(dev);
  const accept = model.sysctls.either(dev, 'accept_local');
  // A packet that would go back where it came from is looked at more closely, for the sake of redirects.
  const hairpin = out === dev && model.sysctls.either(dev, 'send_redirects').value !== false;
  if (filter.value === 0 && !hairpin && !model.fib.hasCustomRules(4)) {
    // inet_lookup_ifaddr_rcu knows the very addresses only, not what else the local table holds.
    const own = model.self.addresses?.some((entry) => sameIp(entry.ip, skb.src)) ?? isLocalAddress(model, skb.src) === true;
    return own
      ? ifSwitch(walk, accept, Boolean, passedBy(filter.text), (each) => [martian(each, 'source', dev)])
      : passedBy(filter.text)(walk);
  }
  const vmark = model.sysctls.either(dev, 'src_valid_mark').value === true;
  const answers = model.fib.lookup({
    dst: skb.src,
    src: skb.dst,
    iif: out ?? 'lo',
    oif: null,
    mark: vmark ? skb.mark : 0,
    markUnknown: vmark ? skb.markUnknown : undefined,
    tos: skb.tos,
    transport: transportFor(skb, 'back'),
  });
  // Where several next hops lead back, the one of this device suffices (fib_info_nh_uses_dev), and each answer names the same route.
  const distinct = answers.filter((answer, at) => answers.findIndex((other) => sameRoute(other, answer)) === at);
  return distinct.flatMap((answer) => {
    const told = distinct.length === 1 || answer.assumption === null ? walk : assume(walk, answer.assumption, routeBy(answer.assumption));
    return checkWayBack(model, told, dev, answer, accept);
  });
};

const passedBy =
  (text: string) =>
  (walk: Walk): readonly Walk[] => [passed(walk, 'routing', text)];

const routeBy = (text: string): DecidedBy => ({ kind: 'route', text });

const sameRoute = (x: FibAnswer, y: FibAnswer): boolean =>
  x.result.kind === 'route' && y.result.kind === 'route' ? x.result.route.text === y.result.route.text : x === y;

const checkWayBack = (model: HostModel, walk: Walk, dev: string, answer: FibAnswer, accept: Switch<boolean>): readonly Walk[] => {
  const { skb } = walk;
  const filter = model.sysctls.rpFilter(dev);
  const { result } = answer;
  if (result.kind === 'unknown') {
    if (filter.value === 0) return [walk];
    return [undetermined(walk, bySysctl(filter, 'rp-filter', dev), result.reason)];
  }
  const route = result.kind === 'route' ? result.route : null;
  const refused = route === null || route.type === 'blackhole' || route.type === 'unreachable' || route.type === 'prohibit';
  if (!refused) {
    if (route.type === 'local' && accept.value !== true) {
      return ifSwitch(walk, accept, Boolean, passedBy(filter.text), (each) => [martian(each, 'source', dev)]);
    }
    if (route.type !== 'unicast' && route.type !== 'local') return [martian(walk, 'source', dev)];
    if (usesDevice(route, dev)) return [passed(walk, 'routing', filter.text, `the way back to ${formatIp(skb.src)} is by ${dev}`)];
  }
  // last_resort: without a way back, or with no address of its own, the device takes nothing that is filtered at all.
  const last = refused || (model.self.addresses !== null && !model.addressesOf(dev).some((entry) => entry.ip.version === 4));
  const way =
    route === null
      ? `there is no way back to ${formatIp(skb.src)}`
      : refused || !last
        ? `the way back to ${formatIp(skb.src)} is "${route.text}"`
        : `${dev} has no address, and the way back to ${formatIp(skb.src)} is "${route.text}"`;
  return ifSwitch(
    walk,
    filter,
    (value) => value === 0 || (value === 2 && !last),
    (each) => [passed(each, 'routing', filter.text, 'the way back is by another interface, which is allowed')],
    (each) => [drop(each, 'routing', bySysctl(filter, 'rp-filter', dev), way)],
  );
};
