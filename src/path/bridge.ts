/**
 * Frames that come in by a bridge: switched to another port, or handed to the host to route; seen by the IP hooks only where
 * br_netfilter shows them. net/bridge/br_input.c, br_forward.c, br_netfilter_hooks.c.
 */
import { formatIp, formatMac, type IpAddress, inPrefix, parseMac, sameIp } from '../base/ip-address.ts';
import { isLimitedBroadcast, isMulticast } from './address-kinds.ts';
import { acceptedBy } from './decider.ts';
import { nameOf, nobody, portProblem, unpluggedPort } from './deliver.ts';
import { isLocalAddress } from './env.ts';
import { nativeChainsAt } from './hook-program.ts';
import { routesFor } from './look-up.ts';
import type { HostModel } from './model.ts';
import { doubtNative, type HookContext, runHook } from './run-hook.ts';
import { ifSwitch } from './switch.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, drop, type End, finish, note, record, seen, type Walk } from './walk.ts';

export interface BridgeArrival {
  readonly bridge: string;
  /** Null where it is not known by which port. */
  readonly port: string | null;
  readonly dstMac: number | null;
}

/** What the host does with frames that go up to it. */
export interface HostSide {
  /** From PREROUTING on. */
  readonly receive: (walk: Walk) => readonly Walk[];
  /** From the routing decision on: PREROUTING has been passed at the bridge. */
  readonly routed: (walk: Walk) => readonly Walk[];
}

type Aim = 'host' | 'port' | 'flood';

export const bridgeIn = (context: HookContext, walk: Walk, arrival: BridgeArrival, host: HostSide): readonly Walk[] => {
  const { model } = context;
  const { bridge, port } = arrival;
  const closed = port === null ? null : portProblem(context, port);
  if (closed !== null) return [drop(walk, 'bridge', { kind: 'bridge', text: closed })];
  const aim = aimOf(model, walk.skb.dst, arrival);
  walk = doubtBridgeChains(model, walk, ['prerouting', aim === 'host' ? 'input' : 'forward']);
  if (aim === 'host' && walk.phases !== null) walk = record(walk, { kind: 'bridge', hook: 'bridge', result: 'allow', ...upwards(arrival) });
  if (model.links?.get(bridge)?.data['vlan_filtering'] === 1) walk = note(walk, `${bridge} filters VLANs, which is not evaluated`);
  const nf = model.sysctls.bridgeNf(bridge, walk.skb.family);
  return ifSwitch(
    walk,
    nf,
    (value) => value,
    (each) => hooked(context, each, arrival, aim, host),
    (each) => (aim === 'host' ? host.receive(each) : switchFrame(context, each, arrival, aim, { text: nf.text })),
  );
};

const upwards = ({ bridge, port }: BridgeArrival): { readonly text: string; readonly note: string } => ({
  text: port === null ? `comes in by ${bridge}` : `${port} is a port of ${bridge}`,
  note: "to the bridge's own address: routed, not bridged",
});

/** Who the frame is for: by its MAC address, else by what its sender's neighbour table would say. */
const aimOf = (model: HostModel, dst: IpAddress, arrival: BridgeArrival): Aim => {
  const { bridge, dstMac } = arrival;
  if (dstMac !== null) {
    if (isGroupMac(dstMac)) return 'flood';
    const text = formatMac(dstMac);
    const own =
      model.links?.get(bridge)?.mac === text ||
      model.self.fdb?.some((entry) => entry.mac === text && (entry.master ?? entry.dev) === bridge && entry.state === 'permanent') === true;
    return own ? 'host' : 'port';
  }
  if (isMulticast(dst) || isLimitedBroadcast(dst)) return 'flood';
  if (model.addressesOf(bridge).some((entry) => entry.broadcast !== null && sameIp(entry.broadcast, dst))) return 'flood';
  if (isLocalAddress(model, dst) === true) return 'host';
  if (onBridge(model, bridge, dst)) return 'port';
  return 'host';
};

/** Is the address a neighbour on this bridge, as a container there would see it? */
export const onBridge = (model: HostModel, bridge: string, ip: IpAddress): boolean =>
  model.places.onBridge(bridge, ip) !== null ||
  model.addressesOf(bridge).some((entry) => inPrefix(ip, entry.prefix)) ||
  model.places.networkOf(bridge)?.subnets.some((subnet) => inPrefix(ip, subnet)) === true ||
  model.self.neighbours?.some((entry) => entry.dev === bridge && !entry.proxy && entry.mac !== null && sameIp(entry.ip, ip)) === true;

export const isGroupMac = (mac: number): boolean => Math.floor(mac / 0x100_0000_0000) % 2 === 1;

/** br_nf_pre_routing: PREROUTING at the bridge; a new destination is switched where its route leads back to this bridge. */
const hooked = (context: HookContext, walk: Walk, arrival: BridgeArrival, aim: Aim, host: HostSide): readonly Walk[] => {
  const { model } = context;
  const { bridge, port } = arrival;
  const shown = seen(walk, { inDev: bridge, outDev: null, physIn: port });
  return andThen(runHook(context, shown, 'prerouting'), (each) => {
    if (sameIp(each.skb.dst, walk.skb.dst)) return aim === 'host' ? host.routed(each) : switchFrame(context, each, arrival, aim, null);
    const answers = routesFor(model, each.skb, bridge);
    const back = answers.every(
      ({ result }) =>
        result.kind === 'route' && result.route.type === 'unicast' && result.hop.dev === bridge && result.hop.gateway === null,
    );
    return back ? switchFrame(context, each, { ...arrival, dstMac: null }, 'port', null) : host.routed(each);
  });
};

/** `unhooked`: why no chain sees the frame; null where br_netfilter shows it. */
const switchFrame = (
  context: HookContext,
  walk: Walk,
  arrival: BridgeArrival,
  aim: Aim,
  unhooked: { readonly text: string } | null,
): readonly Walk[] => {
  const { model } = context;
  const { bridge, port } = arrival;
  const { dst } = walk.skb;
  const place = model.places.onBridge(bridge, dst);
  const neighbour = model.self.neighbours?.find(
    (entry) => entry.dev === bridge && !entry.proxy && entry.mac !== null && sameIp(entry.ip, dst),
  );
  const mac =
    aim === 'flood'
      ? null
      : (arrival.dstMac ?? place?.mac ?? (neighbour?.mac === undefined || neighbour.mac === null ? null : parseMac(neighbour.mac)));
  const outPort = mac === null ? null : model.places.portOf(bridge, formatMac(mac));
  const refused =
    aim === 'flood' ? null : (portRefusal(context, arrival, outPort) ?? (place === null ? unpluggedPort(context, bridge, dst) : null));
  if (refused !== null) return [drop(walk, 'bridge', { kind: 'bridge', text: refused })];
  const receiver = mac === null ? place : (model.places.byMac(mac) ?? (place?.mac === null ? place : null));
  const way = `${bridge}: ${port === null ? '' : `port ${port} `}to ${aim === 'flood' ? 'all ports' : outPort === null ? formatIp(dst) : `port ${outPort}`}`;
  let switched = addStep(walk, 'bridge', way, 'continue', unhooked === null ? undefined : `no chain sees it: ${unhooked.text}`);
  if (aim === 'flood') switched = note(switched, "the host's own copy of a frame to all is not judged");
  else if (receiver === null && mac === null) switched = note(switched, nobody(context, bridge, formatIp(dst)));
  const decidedBy: DecidedBy = { kind: 'bridge', text: unhooked === null ? way : `${way} (${unhooked.text})` };
  const end: End = {
    outcome: 'accept',
    decidedBy,
    out: bridge,
    outPort,
    receiverMac: mac,
    ...(receiver === null ? {} : { deliveredTo: nameOf(receiver) }),
    ...(aim === 'flood' ? { silent: true as const } : {}),
  };
  if (unhooked !== null) return [finish(switched, end)];
  const shown = seen(switched, { inDev: bridge, outDev: bridge, physIn: port, physOut: outPort, bridged: true });
  return andThen(runHook(context, shown, 'forward'), (each) =>
    andThen(runHook(context, seen(each, { inDev: null }), 'postrouting'), (last) => [
      finish(last, { ...end, decidedBy: acceptedBy(last, 'forward', decidedBy) }),
    ]),
  );
};

/** should_deliver in br_forward.c: never back out of the port it came in by without hairpin, nor between isolated ports. */
const portRefusal = (context: HookContext, arrival: BridgeArrival, outPort: string | null): string | null => {
  if (outPort === null) return null;
  const closed = portProblem(context, outPort);
  if (closed !== null) return closed;
  const to = context.model.places.port(outPort);
  if (arrival.port === null || to === null) return null;
  if (arrival.port === outPort) return to.hairpin ? null : `port ${outPort} of ${arrival.bridge}: hairpin off`;
  const from = context.model.places.port(arrival.port);
  return from?.isolated === true && to.isolated
    ? `ports ${arrival.port} and ${outPort} of ${arrival.bridge} are isolated from each other`
    : null;
};

const doubtBridgeChains = (model: HostModel, walk: Walk, hooks: readonly string[]): Walk => {
  let doubted = walk;
  for (const hook of hooks) {
    for (const native of nativeChainsAt(model.self.nftables, hook, ['bridge']))
      doubted = doubtNative(doubted, native.family, native.table, native.chain);
  }
  return doubted;
};
