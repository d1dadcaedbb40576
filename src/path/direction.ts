/** Whether a packet seen at a capture point enters the host there or leaves it: by MAC addresses, which no translation changes. */
import { formatIp, formatMac, type IpAddress } from '../base/ip-address.ts';
import { INNER_VXLAN, type Packet } from '../packet/packet.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { isGroupMac } from './bridge.ts';
import { entryOf } from './entry.ts';
import type { HostModel } from './model.ts';
import { namespaceOf, type Place } from './places.ts';

export type Where =
  | { readonly kind: 'entering'; readonly dev: string; readonly port: string | null; readonly assumptions: readonly string[] }
  | {
      readonly kind: 'leaving';
      readonly dev: string;
      readonly port: string | null;
      readonly toward: 'container' | 'wire';
      readonly assumptions: readonly string[];
    }
  | { readonly kind: 'local' }
  /** Sent by a container into an overlay network, whose frames never pass the host's own bridges. */
  | { readonly kind: 'sent'; readonly container: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export const directionAt = (model: HostModel, packet: Packet, point: CapturePoint, src: IpAddress, dst: IpAddress): Where => {
  const inOverlay = overlayAt(model, packet, point);
  if (inOverlay !== null) return inOverlay;
  if (packet.innerKind === INNER_VXLAN && point.kind === 'vxlan')
    return { kind: 'unknown', reason: 'the packet is inside an overlay, which the host rules do not see' };
  if (point.netns !== null && point.kind !== 'container')
    return { kind: 'unknown', reason: `${point.id} is in another network namespace: the host's rules do not see what passes there` };
  if (point.kind === 'loopback') return { kind: 'local' };
  const place = placeAt(model, point);
  if (point.kind === 'container' && place === null)
    return { kind: 'unknown', reason: `how ${point.id} is joined to the host is not known` };
  const link = model.links?.get(point.interface);
  const bridge = place?.bridge ?? (link?.master !== null && link?.master !== undefined && model.isBridge(link.master) ? link.master : null);
  if (point.kind === 'container' && bridge === null)
    return { kind: 'unknown', reason: `${point.id} has no bridge on the host: the host's rules do not see its frames` };
  if (bridge !== null && !model.isBridge(point.interface))
    return atPort(model, packet, place, bridge, place?.port ?? point.interface, src, dst);
  if (model.isBridge(point.interface)) return atBridge(model, packet, point.interface, src);
  if (packet.vlanCount > 0) return tagged(model, packet, point, src, dst);
  return atDevice(model, packet, point.interface, link?.mac ?? null, src, dst);
};

/** On a trunk: the VLAN device upon it takes the frames with its tag (vlan_do_receive in net/8021q/vlan_core.c). */
const tagged = (model: HostModel, packet: Packet, point: CapturePoint, src: IpAddress, dst: IpAddress): Where => {
  const device = [...(model.links?.values() ?? [])].find(
    ({ kind, linkName, data }) => kind === 'vlan' && linkName === point.interface && data['id'] === packet.vlanOuter,
  );
  if (device === undefined || packet.vlanCount > 1)
    return {
      kind: 'unknown',
      reason: `the frame belongs to VLAN ${packet.vlanOuter}, for which this host has no device on ${point.interface}`,
    };
  return model.isBridge(device.master ?? '')
    ? { kind: 'entering', dev: device.master ?? '', port: device.name, assumptions: [] }
    : atDevice(model, packet, device.name, device.mac, src, dst);
};

/** At a container's own end of an overlay network, or in that network's hidden namespace. */
const overlayAt = (model: HostModel, packet: Packet, point: CapturePoint): Where | null => {
  if (point.netns === null) return null;
  const joined = model.places.all.filter(
    ({ network, endpoint }) => network?.driver === 'overlay' && (point.network === null || endpoint.network === point.network),
  );
  if (joined.length === 0 || point.kind === 'loopback') return null;
  const own =
    point.kind !== 'container' ||
    joined.some(({ container, interface: dev }) => container.netns === point.netns && dev === point.interface);
  if (!own) return null;
  const sender = joined.find(({ mac }) => mac !== null && mac === packet.srcMac);
  if (sender === undefined)
    return {
      kind: 'unknown',
      reason: 'it came by the tunnel from another host: on this one, the packet around it was decided about (at the uplink)',
    };
  const inside = namespaceOf(model.facts, sender.container);
  if (inside === null || model.inside(inside.id) === null)
    return { kind: 'unknown', reason: `what decides in the namespaces of ${sender.container.name} and its overlay network was not read` };
  return { kind: 'sent', container: sender.container.name };
};

const placeAt = (model: HostModel, point: CapturePoint): Place | null =>
  model.places.all.find((place) =>
    point.kind === 'container'
      ? place.container.netns === point.netns && place.interface === point.interface
      : place.port === point.interface,
  ) ??
  model.places.all.find(
    (place) => point.container !== null && place.container.name === point.container && place.endpoint.network === point.network,
  ) ??
  null;

/** At a container's cable: its own MAC sends in. Group frames come from somebody else unless it sent them. */
const atPort = (
  model: HostModel,
  packet: Packet,
  place: Place | null,
  bridge: string,
  port: string,
  src: IpAddress,
  dst: IpAddress,
): Where => {
  const enters = { kind: 'entering', dev: bridge, port, assumptions: [] } as const;
  const leaves = { kind: 'leaving', dev: bridge, port, toward: 'container', assumptions: [] } as const;
  if (place?.mac !== null && place?.mac !== undefined && packet.srcMac >= 0) {
    if (packet.srcMac === place.mac) return enters;
    if (packet.dstMac === place.mac || isGroupMac(packet.dstMac)) return leaves;
  }
  // A cable that Docker knows nothing of: its far end, or what the bridge has learnt, tells who is behind the port.
  const behind = (mac: number): boolean =>
    mac >= 0 && (formatMac(mac) === farMac(model, port) || model.places.portOf(bridge, mac) === port);
  if (behind(packet.srcMac)) return enters;
  if (behind(packet.dstMac) || (place === null && packet.dstMac >= 0 && isGroupMac(packet.dstMac))) return leaves;
  const told = (where: typeof enters | typeof leaves, text: string): Where => ({ ...where, assumptions: [text] });
  if (place !== null && same(place, src)) return told(enters, `sent by ${place.container.name}, by its address`);
  if (place !== null && same(place, dst)) return told(leaves, `sent to ${place.container.name}, by its address`);
  if (packet.cookedType === 4) return leaves;
  return {
    kind: 'unknown',
    reason: `whether the packet enters or leaves by ${port} cannot be told: neither MAC address is the container's`,
  };
};

const farMac = (model: HostModel, port: string): string | null => {
  const link = model.links?.get(port);
  return link === undefined ? null : (model.wires.peerOf(model.netns, link)?.link.mac ?? null);
};

const same = (place: Place, ip: IpAddress): boolean =>
  [place.endpoint.ipv4, place.endpoint.ipv6].some((own) => own !== null && formatIp(own) === formatIp(ip));

/** On a bridge the host's own frames leave and all others enter by some port. */
const atBridge = (model: HostModel, packet: Packet, bridge: string, src: IpAddress): Where => {
  const own = model.links?.get(bridge)?.mac ?? null;
  if (packet.srcMac >= 0 && own !== null) {
    const mac = formatMac(packet.srcMac);
    if (mac === own) return { kind: 'leaving', dev: bridge, port: null, toward: 'container', assumptions: [] };
    return { kind: 'entering', dev: bridge, port: model.places.portOf(bridge, packet.srcMac), assumptions: [] };
  }
  const place = model.places.onBridge(bridge, src);
  if (place !== null)
    return { kind: 'entering', dev: bridge, port: place.port, assumptions: [`sent by ${place.container.name}, by its address`] };
  return {
    kind: 'leaving',
    dev: bridge,
    port: null,
    toward: 'container',
    assumptions: ['taken as sent by the host: its source is no container of this bridge'],
  };
};

const atDevice = (model: HostModel, packet: Packet, dev: string, own: string | null, src: IpAddress, dst: IpAddress): Where => {
  const srcMac = packet.srcMac < 0 ? null : packet.srcMac;
  const dstMac = packet.dstMac < 0 ? null : packet.dstMac;
  // Frames of a child pass here on their way to a sibling or out, those for one before they are handed over.
  if (model.parents.sender(dev, srcMac, src) !== null) return { kind: 'entering', dev, port: null, assumptions: [] };
  const sentByHost = srcMac !== null && own !== null && formatMac(srcMac) === own;
  if (!sentByHost && dstMac !== null && model.parents.receiver(dev, dstMac, dst) !== null)
    return { kind: 'entering', dev, port: null, assumptions: [] };
  if (packet.cookedType === 4) return { kind: 'leaving', dev, port: null, toward: 'wire', assumptions: [] };
  if (packet.cookedType >= 0) return { kind: 'entering', dev, port: null, assumptions: [] };
  if (packet.srcMac >= 0 && own !== null) {
    return formatMac(packet.srcMac) === own
      ? { kind: 'leaving', dev, port: null, toward: 'wire', assumptions: [] }
      : { kind: 'entering', dev, port: null, assumptions: [] };
  }
  // A device without MAC addresses (tun, WireGuard): its own address, or a container's, goes out.
  const entry = entryOf(model, src);
  const out = entry.kind === 'host' || entry.kind === 'bridge';
  return {
    kind: out ? 'leaving' : 'entering',
    dev,
    port: null,
    ...(out ? { toward: 'wire' } : {}),
    assumptions: [`taken as ${out ? 'leaving' : 'entering'} by its source address`],
  } as Where;
};
