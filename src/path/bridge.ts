/**
 * Frames that come in by a bridge: switched to another port, or handed to the host to route; seen by the IP hooks only where
 * br_netfilter shows them. net/bridge/br_input.c, br_forward.c, br_netfilter_hooks.c.
 */
import { formatIp, formatMac, type IpAddress, inPrefix, sameIp } from '../base/ip-address.ts';
import { UNKNOWN_PORT } from '../netfilter/skb.ts';
import { isLimitedBroadcast, isMulticast } from './address-kinds.ts';
import {
  crossingProblem,
  lengthProblem,
  lockedProblem,
  nameOf,
  nobody,
  placeWords,
  portProblem,
  unpluggedPort,
  vlanAnswer,
  vlanBy,
  wrongNeighbour,
} from './bridge-ports.ts';
import { acceptedBy } from './decider.ts';
import { isLocalAddress } from './env.ts';
import { bridgeHook, deviceHook } from './frame-hooks.ts';
import { routesFor } from './look-up.ts';
import type { HostModel } from './model.ts';
import { neighbourAt } from './neighbours.ts';
import { namespaceOf } from './places.ts';
import { answersFor } from './proxy.ts';
import { type HookContext, runHook } from './run-hook.ts';
import { ifSwitch } from './switch.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, assume, atDevice, drop, type End, finish, note, record, seen, undetermined, type Walk } from './walk.ts';

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
  const closed = port === null ? null : (portProblem(model, port) ?? lockedProblem(model, bridge, port, walk.skb.srcMac));
  if (closed !== null) return [drop(walk, 'bridge', closed)];
  arrival = addressed(model, walk, arrival);
  const aim = aimOf(model, walk.skb.dst, arrival);
  if (aim === 'host' && walk.phases !== null) walk = record(walk, { kind: 'bridge', hook: 'bridge', result: 'allow', ...upwards(arrival) });
  const nf = model.sysctls.bridgeNf(bridge, walk.skb.family);
  const ports = { from: port ?? UNKNOWN_PORT, to: null };
  const entered = (each: Walk, when: 'before' | 'all'): readonly Walk[] => bridgeHook(context, each, 'prerouting', ports, when);
  return ifSwitch(
    walk,
    nf,
    (value) => value,
    (each) => andThen(entered(each, 'before'), (shown) => hooked(context, shown, arrival, aim, host)),
    (each) =>
      andThen(entered(each, 'all'), (plain) =>
        aim === 'host' ? upward(context, plain, arrival, host.receive) : switchFrame(context, plain, arrival, aim, { text: nf.text }),
      ),
  );
};

/** A sender that was told a fixed address for the receiver writes that one on the frame. */
const addressed = (model: HostModel, walk: Walk, arrival: BridgeArrival): BridgeArrival => {
  const { srcMac, src, dst } = walk.skb;
  if (arrival.dstMac !== null) return arrival;
  const sender = (srcMac === null ? null : model.places.byMac(srcMac)) ?? model.places.onBridge(arrival.bridge, src);
  if (sender === null || sender.interface === null) return arrival;
  const inside = namespaceOf(model.facts, sender.container)?.facts;
  const told = inside === undefined ? null : neighbourAt(inside, sender.interface, dst);
  return told?.fixed === true && told.mac !== null ? { ...arrival, dstMac: told.mac } : arrival;
};

/** Up to the host, if the VLANs of port and bridge let the frame pass. */
const upward = (
  context: HookContext,
  walk: Walk,
  { bridge, port }: BridgeArrival,
  on: (walk: Walk) => readonly Walk[],
): readonly Walk[] => {
  const refused = vlanRefusal(context.model, walk, bridge, port, null);
  if (refused !== null) return [refused];
  const input = bridgeHook(context, walk, 'input', { from: port ?? UNKNOWN_PORT, to: null });
  return andThen(
    andThen(input, (each) => deviceHook(context, atDevice(context.model, each, bridge, 'in'), 'ingress', bridge)),
    on,
  );
};

const vlanRefusal = (model: HostModel, walk: Walk, bridge: string, from: string | null, to: string | null): Walk | null => {
  const answer = vlanAnswer(model, bridge, from ?? UNKNOWN_PORT, to);
  switch (answer.kind) {
    case 'passes':
      return null;
    case 'drops':
      return drop(walk, 'bridge', vlanBy(answer.text, bridge));
    case 'unknown':
      return undetermined(walk, vlanBy(answer.text, bridge), answer.text);
  }
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
  if (!onBridge(model, bridge, dst)) return 'host';
  return isProxied(model, bridge, dst) ? 'host' : 'port';
};

/** The host answers ARP for what it routes elsewhere where it is told to (arp_process, arp_fwd_proxy), and for proxy entries. */
const isProxied = (model: HostModel, bridge: string, dst: IpAddress): boolean => {
  if (model.places.onBridge(bridge, dst) !== null || neighbourAt(model.self, bridge, dst)?.mac != null) return false;
  return answersFor(model, bridge, dst).value === true;
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
  const shown = seen(walk, { inDev: bridge, outDev: null, physIn: port ?? UNKNOWN_PORT });
  const late = (each: Walk): readonly Walk[] => bridgeHook(context, each, 'prerouting', { from: port ?? UNKNOWN_PORT, to: null }, 'after');
  return andThen(andThen(runHook(context, shown, 'prerouting'), late), (each) => {
    if (sameIp(each.skb.dst, walk.skb.dst))
      return aim === 'host' ? upward(context, each, arrival, host.routed) : switchFrame(context, each, arrival, aim, null);
    const answers = routesFor(model, each.skb, bridge);
    const back = answers.every(
      ({ result }) =>
        result.kind === 'route' && result.route.type === 'unicast' && result.hop.dev === bridge && result.hop.gateway === null,
    );
    if (!back) return host.routed(atDevice(model, each, bridge, 'in'));
    return andThen(handedBack(context, each, bridge), (on) => switchFrame(context, on, { ...arrival, dstMac: null }, 'port', null));
  });
};

/**
 * br_nf_pre_routing_finish_bridge: a frame that a translation turns back into its bridge is switched at once where the neighbour's header
 * is at hand and its entry is valid; else it goes through the neighbour's output function, and so through the bridge's own egress.
 */
const handedBack = (context: HookContext, walk: Walk, bridge: string): readonly Walk[] => {
  if (neighbourAt(context.model.self, bridge, walk.skb.dst)?.fixed === true) return [walk];
  const through = deviceHook(context, walk, 'egress', bridge);
  if (through.length === 1 && through[0] === walk) return [walk];
  const text = `whether ${bridge} switches it at once or hands it to its own egress depends on the age of its entry for ${formatIp(walk.skb.dst)}`;
  const by: DecidedBy = { kind: 'neighbour', text: `${formatIp(walk.skb.dst)} dev ${bridge}` };
  return [...through.map((each) => assume(each, `${text}: taken to hand it there`, by)), assume(walk, `${text}: taken to switch it`, by)];
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
  const mac = aim === 'flood' ? null : (arrival.dstMac ?? place?.mac ?? neighbourAt(model.self, bridge, dst)?.mac ?? null);
  const outPort = mac === null ? null : model.places.portOf(bridge, mac);
  const receiver = mac === null ? place : (model.places.byMac(mac) ?? (place?.mac === null ? place : null));
  const refused =
    aim === 'flood'
      ? null
      : (crossingProblem(model, { bridge, from: port ?? UNKNOWN_PORT, to: outPort, mac, place: receiver }) ??
        (place === null ? unpluggedPort(model, bridge, dst) : null));
  if (refused !== null) return [drop(walk, 'bridge', refused)];
  const barred = aim === 'flood' ? null : vlanRefusal(model, walk, bridge, port, outPort ?? UNKNOWN_PORT);
  if (barred !== null) return [barred];
  if (place !== null && receiver === null && mac !== null && outPort === null) {
    // The sender chose the address, and of containers it is known who sends by the port.
    const sender =
      arrival.dstMac === null || port === null ? undefined : model.places.all.find((each) => each.bridge === bridge && each.port === port);
    const text = `${formatIp(dst)} lladdr ${formatMac(mac)}`;
    const by =
      sender === undefined
        ? wrongNeighbour(text, bridge, dst)
        : wrongNeighbour(`${text} (in ${sender.container.name})`, sender.interface ?? 'eth0', dst, sender.container.name);
    return [drop(walk, 'bridge', by, placeWords(place))];
  }
  const way = `${bridge}: ${port === null ? '' : `port ${port} `}to ${aim === 'flood' ? 'all ports' : outPort === null ? formatIp(dst) : `port ${outPort}`}`;
  let switched = addStep(walk, 'bridge', way, 'continue', unhooked === null ? undefined : `no chain sees it: ${unhooked.text}`);
  if (aim === 'flood') switched = note(switched, "the host's own copy of a frame to all is not judged");
  else if (receiver === null && mac === null) switched = note(switched, nobody(model, bridge, formatIp(dst)));
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
  const last = (each: Walk): Walk => {
    const long = aim === 'flood' ? null : lengthProblem(model, each.skb.length, outPort, receiver);
    if (long !== null) return drop(each, 'bridge', long);
    return finish(outPort === null ? each : atDevice(model, each, outPort, 'out'), end);
  };
  const ports = { from: port ?? UNKNOWN_PORT, to: outPort ?? UNKNOWN_PORT };
  const leave = (each: Walk): readonly Walk[] =>
    andThen(bridgeHook(context, each, 'postrouting', { from: null, to: ports.to }), (posted) =>
      deviceHook(context, posted, 'egress', outPort),
    );
  if (unhooked !== null) return andThen(andThen(bridgeHook(context, switched, 'forward', ports), leave), (each) => [last(each)]);
  const shown = (each: Walk): Walk => seen(each, { inDev: bridge, outDev: bridge, physIn: ports.from, physOut: ports.to, bridged: true });
  const forwarded = andThen(
    andThen(bridgeHook(context, switched, 'forward', ports, 'before'), (each) => runHook(context, shown(each), 'forward')),
    (each) => bridgeHook(context, each, 'forward', ports, 'after'),
  );
  return andThen(forwarded, (each) =>
    andThen(
      andThen(bridgeHook(context, each, 'postrouting', { from: null, to: ports.to }), (out) =>
        andThen(runHook(context, seen(shown(out), { inDev: null }), 'postrouting'), (posted) =>
          deviceHook(context, posted, 'egress', outPort),
        ),
      ),
      (posted) => {
        const ended = last(posted);
        if (ended.end?.outcome !== 'accept') return [ended];
        return [finish(ended, { ...end, decidedBy: acceptedBy(posted, 'forward', decidedBy) })];
      },
    ),
  );
};
