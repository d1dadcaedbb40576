/** The last part of the way: POSTROUTING, the neighbour or bridge port behind the device, and who gets the packet there. */
import { formatIp, formatMac, type IpAddress, parseMac, sameIp } from '../base/ip-address.ts';
import type { Hook } from '../netfilter/ruleset.ts';
import { isLimitedBroadcast, isMulticast } from './address-kinds.ts';
import { acceptedBy } from './decider.ts';
import type { Place } from './places.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, drop, type End, finish, note, seen, undetermined, type Walk } from './walk.ts';

/** Sends a routed or local packet out by `walk.out`. `decidingHook` is the one whose rules let it pass. */
export const sendOut = (context: HookContext, walk: Walk, inDev: string | null, decidingHook: Hook): readonly Walk[] => {
  const out = walk.out ?? '';
  const posted = runHook(context, seen(walk, { inDev, outDev: out, physOut: null }), 'postrouting');
  return andThen(posted, (each) => [handOver(context, each, out, decidingHook)]);
};

const handOver = (context: HookContext, walk: Walk, out: string, decidingHook: Hook): Walk => {
  const { model } = context;
  const { dst } = walk.skb;
  const target = walk.nextHop ?? dst;
  const fallback: DecidedBy = { kind: 'default', text: `no rule is hooked in at ${decidingHook}` };
  const end: End = { outcome: 'accept', decidedBy: acceptedBy(walk, decidingHook, fallback), out };
  const link = model.links?.get(out);
  if (link !== undefined && !link.flags.includes('UP') && link.flags.length > 0) {
    return drop(walk, 'routing', { kind: 'route', text: `${out} is down` });
  }
  if (isMulticast(dst) || isLimitedBroadcast(dst)) return finish(walk, end);
  const child = model.places.all.find((place) => place.parent === out && isPlaceOf(place, dst));
  if (child !== undefined) return toChild(walk, out, child);
  if (!model.isBridge(out)) return finish(walk, end);
  const place = model.places.onBridge(out, target);
  const neighbour = model.self.neighbours?.find((entry) => entry.dev === out && !entry.proxy && sameIp(entry.ip, target));
  const learnt = neighbour?.mac === null || neighbour?.mac === undefined ? null : parseMac(neighbour.mac);
  if (place !== null && place.mac !== null && learnt !== null && learnt !== place.mac) {
    const text = `${formatIp(target)} dev ${out} lladdr ${formatMac(learnt)} ${neighbour?.state.join(' ') ?? ''}`.trim();
    const why = `${place.container.name} has ${formatMac(place.mac)}`;
    if (neighbour?.state.includes('PERMANENT') === true) return drop(walk, 'bridge', { kind: 'neighbour', text }, why);
    walk = note(walk, `the neighbour entry "${text}" is not the container's: ${why}`);
  }
  const mac = place?.mac ?? learnt;
  const port = mac === null ? null : model.places.portOf(out, formatMac(mac));
  const closed = port === null ? null : portProblem(context, port);
  if (closed !== null) return drop(walk, 'bridge', { kind: 'bridge', text: closed });
  const detached = place === null ? unpluggedPort(context, out, target) : null;
  if (detached !== null) return drop(walk, 'bridge', { kind: 'bridge', text: detached });
  if (place === null && learnt === null) walk = note(walk, nobody(context, out, formatIp(target)));
  const hop =
    port === null
      ? addStep(walk, 'bridge', `${out}: to ${formatIp(target)}`, 'continue')
      : addStep(walk, 'bridge', `${out}: out of port ${port}`, 'continue');
  return finish(hop, { ...end, outPort: port, receiverMac: mac, ...(place === null ? {} : { deliveredTo: nameOf(place) }) });
};

/** What the parent of a macvlan or ipvlan sends goes to the wire, never to its own children (macvlan.c hands over on receive only). */
const toChild = (walk: Walk, parent: string, child: Place): Walk => {
  const driver = child.network?.driver ?? 'macvlan';
  const by: DecidedBy = {
    kind: 'bridge',
    text: `${driver}: ${parent} never hands what the host sends to its own child ${child.container.name}`,
  };
  if (walk.nextHop === null) return drop(walk, 'routing', by);
  const gateway = formatIp(walk.nextHop);
  return undetermined(
    walk,
    by,
    `it leaves by ${parent} for ${gateway}: only if ${gateway} sends it back does it reach ${child.container.name}`,
  );
};

export const nobody = (context: HookContext, bridge: string, ip: string): string =>
  context.model.facts.dockerError === null || context.model.facts.containers.length > 0
    ? `no running container has ${ip} on ${bridge}: if nothing else answers there, the packet ends at the bridge`
    : `who has ${ip} on ${bridge} is not known`;

const isPlaceOf = (place: Place, ip: IpAddress): boolean =>
  (place.endpoint.ipv4 !== null && sameIp(place.endpoint.ipv4, ip)) || (place.endpoint.ipv6 !== null && sameIp(place.endpoint.ipv6, ip));

export const nameOf = (place: Place): { readonly container: string; readonly network: string } => ({
  container: place.container.name,
  network: place.endpoint.network,
});

/** A bridge port that takes no frames: not forwarding (STP state, carrier lost). */
export const portProblem = (context: HookContext, port: string): string | null => {
  const known = context.model.places.port(port);
  if (known === null || known.state === 'forwarding' || known.state === 'unknown') return null;
  return `port ${port} of ${known.bridge}: state ${known.state}`;
};

/** A container whose veth is known and is not plugged into the bridge that its address belongs to. */
export const unpluggedPort = (context: HookContext, bridge: string, ip: IpAddress): string | null => {
  const lost = context.model.places
    .byAddress(ip)
    .find((place) => place.port !== null && place.bridge !== bridge && place.network?.claimedBridge === bridge);
  if (lost === undefined) return null;
  return `${lost.port} of ${lost.container.name} is ${lost.bridge === null ? 'not plugged into any bridge' : `plugged into ${lost.bridge}`} instead of ${bridge}`;
};
