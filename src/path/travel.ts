/** A packet's whole way from where it enters: bridge, hooks, routing, delivery. All ways, where something is not known. */
import { formatMac, parseMac } from '../base/ip-address.ts';
import { type BridgeArrival, bridgeIn, type HostSide, isGroupMac } from './bridge.ts';
import { forward } from './forward.ts';
import { deviceHook } from './frame-hooks.ts';
import { besideChild, takenByChild } from './layer2/arrive.ts';
import { sentThroughHost } from './layer2/ipvlan-l3.ts';
import { leaveByChild } from './layer2/leave.ts';
import { deliverLocally } from './local-in.ts';
import { localOut } from './local-out.ts';
import type { HostModel } from './model.ts';
import { refusedOnArrival, routeIn } from './route-in.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { PacketSpec } from './verdict.ts';
import { andThen, atDevice, drop, seen, undetermined, type Walk } from './walk.ts';

export const travel = (context: HookContext, spec: PacketSpec, start: Walk): readonly Walk[] => {
  const { model } = context;
  if (spec.in === null) return localOut(context, start, spec.link ?? null);
  const named = model.links?.get(spec.in);
  if (model.links !== null && named === undefined) {
    return [undetermined(start, { kind: 'default', text: `interface ${spec.in}` }, `there is no interface ${spec.in} in the snapshot`)];
  }
  if (spec.port !== undefined && model.links !== null && !model.links.has(spec.port)) {
    return [undetermined(start, { kind: 'default', text: `port ${spec.port}` }, `there is no interface ${spec.port} in the snapshot`)];
  }
  // A port's packets belong to its bridge, a bond's member to the bond.
  const master = named?.master ?? null;
  const dev = master ?? spec.in;
  const port = spec.port ?? (master !== null && model.isBridge(master) ? spec.in : null);
  const hosted = host(context, spec, dev);
  const dstMac = spec.dstMac === undefined ? null : parseMac(spec.dstMac);
  const sender = model.parents.sender(dev, start.skb.srcMac, start.skb.src);
  if (sender !== null) {
    return leaveByChild(
      context,
      start,
      sender,
      { dst: start.skb.dst, mac: dstMac },
      {
        receive: (walk, device) => host(context, spec, device).receive(walk),
        route: (walk, child) => sentThroughHost(context, walk, child),
      },
    );
  }
  if (!model.isBridge(dev)) {
    const reached = dev === spec.in ? [dev] : [spec.in, dev];
    return andThen(
      ingress(context, passing(model, start, reached), [spec.in, dev]),
      (walk) =>
        takenByChild(context, walk, dev, dstMac) ??
        otherHost(context, spec, walk, dev, dstMac) ??
        hosted.receive(besideChild(context, walk, dev, dstMac)),
    );
  }
  const arrival = arrivalAt(model, dev, port, dstMac, start);
  return andThen(ingress(context, passing(model, start, arrival.port === null ? [] : [arrival.port]), [arrival.port]), (walk) =>
    bridgeIn(context, walk, arrival, hosted),
  );
};

/** What is not given about the port follows from who sends. */
const arrivalAt = (model: HostModel, bridge: string, port: string | null, dstMac: number | null, walk: Walk): BridgeArrival => {
  const { srcMac, src } = walk.skb;
  const known = port ?? (srcMac === null ? null : model.places.portOf(bridge, srcMac)) ?? model.places.onBridge(bridge, src)?.port ?? null;
  return { bridge, port: known, dstMac };
};

const host = (context: HookContext, spec: PacketSpec, dev: string): HostSide => {
  const routed = (walk: Walk): readonly Walk[] =>
    routeIn(context.model, walk, dev, {
      deliverLocally: (each) => deliverLocally(context, each, dev),
      forward: (each) => forward(context, each, dev, spec.dontFragment ?? null),
    });
  return {
    routed,
    receive: (walk) => {
      const refused = refusedOnArrival(context.model, walk, dev);
      if (refused !== null) return [refused];
      return andThen(runHook(context, seen(walk, { inDev: dev, outDev: null }), 'prerouting'), routed);
    },
  };
};

/** PACKET_OTHERHOST is dropped in ip_rcv_core. */
const otherHost = (context: HookContext, spec: PacketSpec, walk: Walk, dev: string, dstMac: number | null): readonly Walk[] | null => {
  if (dstMac === null || isGroupMac(dstMac)) return null;
  const own = context.model.links?.get(dev)?.mac;
  if (own === undefined || own === null || own === formatMac(dstMac)) return null;
  return [
    drop(walk, 'bridge', {
      kind: 'default',
      text: `the frame is for ${spec.dstMac}, not for ${dev} (${own})`,
      reason: 'other-host',
      about: { device: dev },
    }),
  ];
};

/** A capture sees the frame before any chain does. */
const passing = (model: HostModel, start: Walk, devices: readonly string[]): Walk =>
  devices.reduce((walk, device) => atDevice(model, walk, device, 'in'), start);

/** A device's own chains see the frame before any other; a member's frames pass those of its bond too. */
const ingress = (context: HookContext, start: Walk, devices: readonly (string | null)[]): readonly Walk[] => {
  let walks: readonly Walk[] = [start];
  for (const dev of new Set(devices)) {
    walks = andThen(walks, (walk) => deviceHook(context, walk, 'ingress', dev));
  }
  return walks;
};
