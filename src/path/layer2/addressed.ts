/**
 * Whose address the sender of a frame from the wire writes on it, where the frame itself was not seen: a macvlan child's only where the
 * sender has the child's network on its own link (RFC 1122 section 3.3.1.1), or where the child's gateway, which does, brings it. All
 * others route by this host, and a frame for the host's address is none of its child's (macvlan_handle_frame in drivers/net/macvlan.c).
 */
import { formatIp, type IpAddress, inPrefix } from '../../base/ip-address.ts';
import type { Child } from '../../topology/children.ts';
import { addressesOn } from '../../topology/links.ts';
import type { HostModel } from '../model.ts';
import { neighbourAt } from '../neighbours.ts';
import { factsOf, gatewayOf } from './station.ts';

/** Says why a frame for the address of `child` is taken to have the host's own hardware address; null where it has the child's. */
export const sentToHost = (model: HostModel, child: Child, src: IpAddress): string | null => {
  const facts = factsOf(model, child);
  // Children of ipvlan and in mode passthru have the parent's own hardware address.
  if (child.kind === 'ipvlan' || child.mode === 'passthru' || facts === null || facts.addresses === null) return null;
  const sender = nextTo(model, child.parent, src);
  const nets = addressesOn(facts, child.device);
  if (nets.some(({ prefix }) => inPrefix(src, prefix) || inPrefix(sender, prefix))) return null;
  const gateway = gatewayOf(facts, child, src);
  if (gateway === null ? facts.routes === null : isVouchedFor(model, child, gateway)) return null;
  const other = gateway === null ? '' : `, and nobody is known to have the address of its gateway ${formatIp(gateway)}`;
  return `taken to be sent to this host as a router: ${formatIp(sender)} is not on the network of ${child.owner} at ${child.parent}${other}`;
};

/** Who puts it on the wire: by the host's own route to the source. */
const nextTo = (model: HostModel, parent: string, src: IpAddress): IpAddress => {
  const result = model.fib.lookup({ dst: src, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  return result?.kind === 'route' && result.hop.dev === parent ? (result.hop.gateway ?? src) : src;
};

/**
 * Whether somebody at the parent's wire is known to have a gateway's address: it answered the host or a child of the parent, or the host
 * sends by it too. Docker makes the first address of a network its gateway where none is given, whether anybody has it or not.
 */
export const isVouchedFor = (model: HostModel, child: Child, gateway: IpAddress): boolean => {
  const answered = [child, ...model.parents.of(child.parent)].some((each) => {
    const facts = factsOf(model, each);
    return facts !== null && hasAnswered(facts, each.device, gateway);
  });
  return answered || hasAnswered(model.self, child.parent, gateway) || isHostsOwn(model, child.parent, gateway);
};

const hasAnswered = (facts: HostModel['self'], device: string, ip: IpAddress): boolean => {
  const known = neighbourAt(facts, device, ip);
  return known !== null && known.mac !== null && !known.silent;
};

const isHostsOwn = (model: HostModel, parent: string, gateway: IpAddress): boolean =>
  (model.self.routes ?? []).some((route) =>
    [route, ...route.nexthops].some((hop) => hop.dev === parent && hop.gateway !== null && formatIp(hop.gateway) === formatIp(gateway)),
  );
