/**
 * What a bridge does with a frame at its ports: which port, and whether it may pass there. should_deliver and br_flood in
 * net/bridge/br_forward.c, br_handle_frame_finish in br_input.c, br_vlan.c; nothing of this tells the sender anything.
 */
import { formatIp, formatMac, type IpAddress } from '../base/ip-address.ts';
import type { HostModel } from './model.ts';
import type { Place } from './places.ts';
import { tooLongFor } from './size.ts';
import type { DecidedBy, DecisionReason, DecisionSubject } from './verdict.ts';

/** A frame on its way through a bridge. */
export interface Crossing {
  readonly bridge: string;
  /** The port that it came in by; null for frames of the host, '' where it is not known. */
  readonly from: string | null;
  /** The port that it is for; null where that is not known. */
  readonly to: string | null;
  readonly mac: number | null;
  readonly place: Place | null;
}

const atPort = (text: string, reason: DecisionReason, device: string): DecidedBy => ({ kind: 'bridge', text, reason, about: { device } });

export const vlanBy = (text: string, bridge: string): DecidedBy => atPort(text, 'vlan', bridge);

/** `container`: whose table has the entry, where it is not the host's. */
export const wrongNeighbour = (text: string, dev: string, ip: IpAddress, container?: string): DecidedBy => ({
  kind: 'neighbour',
  text,
  reason: 'neighbour-wrong',
  about: { address: formatIp(ip), device: dev, ...(container === undefined ? {} : { container }) },
});

export const tooLongBy = (text: string, about: DecisionSubject, mtu: number | null): DecidedBy => ({
  kind: 'bridge',
  text,
  reason: 'too-big',
  about: mtu === null ? about : { ...about, mtu },
});

/** A port that takes no frames: not forwarding (STP state, carrier lost). */
export const portProblem = (model: HostModel, port: string): DecidedBy | null => {
  const known = model.places.port(port);
  if (known === null || known.state === 'forwarding' || known.state === 'unknown') return null;
  return atPort(`port ${port} of ${known.bridge}: state ${known.state}`, 'port-down', port);
};

/** A locked port takes frames only of senders that the forwarding database has behind it. */
export const lockedProblem = (model: HostModel, bridge: string, port: string, srcMac: number | null): DecidedBy | null => {
  if (model.places.port(port)?.locked !== true || srcMac === null) return null;
  const entry = model.places.fdbEntry(bridge, srcMac);
  if (entry?.dev === port) return null;
  return atPort(`port ${port} of ${bridge}: locked, and ${formatMac(srcMac)} is not known there`, 'port-locked', port);
};

/** Why the frame does not get out by `to`; null where it does. */
export const crossingProblem = (model: HostModel, crossing: Crossing): DecidedBy | null => {
  const { bridge, from, to, mac, place } = crossing;
  const entry = mac === null ? null : model.places.fdbEntry(bridge, mac);
  if (entry?.fixed === true && place !== null && place.port !== null && place.port !== entry.dev) {
    const text = `fdb ${formatMac(mac ?? 0)} dev ${entry.dev} master ${bridge} ${entry.state}: ${place.container.name} is behind ${place.port}`;
    return { kind: 'bridge', text, reason: 'fdb-elsewhere', about: { device: entry.dev, container: place.container.name } };
  }
  if (to === null) return null;
  const port = model.places.port(to);
  const closed = portProblem(model, to);
  if (closed !== null) return closed;
  if (port === null) return null;
  if (from === to && !port.hairpin) return atPort(`port ${to} of ${bridge}: hairpin off`, 'hairpin', to);
  if (from !== null && port.isolated && model.places.port(from)?.isolated === true)
    return atPort(`ports ${from} and ${to} of ${bridge} are isolated from each other`, 'port-isolated', to);
  // An address that was not heard for a while is asked for again, and the answer teaches it, unless the port is told not to learn.
  if (mac !== null && entry === null && port.flood === false && port.learning === false)
    return atPort(`port ${to} of ${bridge}: flood off and learning off, and no entry for ${formatMac(mac)}`, 'port-flood-off', to);
  return null;
};

export type VlanAnswer = { readonly kind: 'passes' } | { readonly kind: 'drops' | 'unknown'; readonly text: string };

/** Untagged frames belong to the VLAN that is the port's PVID; they leave only by members of it. `null` stands for the bridge itself. */
export const vlanAnswer = (model: HostModel, bridge: string, from: string | null, to: string | null): VlanAnswer => {
  if (model.links?.get(bridge)?.data['vlan_filtering'] !== 1) return { kind: 'passes' };
  const vlans = model.self.bridgeVlans ?? null;
  const unknown = (why: string): VlanAnswer => ({ kind: 'unknown', text: `${bridge} filters VLANs: ${why}` });
  if (vlans === null) return unknown('its VLANs were not read');
  if (from === '' || to === '') return unknown('by which port the frame passes is not known');
  const source = from ?? bridge;
  const pvid = vlans.find((vlan) => vlan.dev === source && vlan.pvid)?.first;
  if (pvid === undefined) return { kind: 'drops', text: `${source} of ${bridge}: no PVID for untagged frames` };
  const target = to ?? bridge;
  const member = vlans.find((vlan) => vlan.dev === target && vlan.first <= pvid && vlan.last >= pvid);
  if (member === undefined) return { kind: 'drops', text: `${target} of ${bridge}: not in VLAN ${pvid} of ${source}` };
  return member.untagged ? { kind: 'passes' } : unknown(`the frame leaves by ${target} with the tag of VLAN ${pvid}`);
};

/** A frame that is longer than the port, or the other end of its cable, takes. */
export const lengthProblem = (model: HostModel, length: number | null, port: string | null, place: Place | null): DecidedBy | null => {
  const mtu = port === null ? null : (model.links?.get(port)?.mtu ?? null);
  const tooLong = port === null ? null : tooLongFor(length, port, mtu);
  if (port !== null && tooLong !== null) return tooLongBy(tooLong, { device: port }, mtu);
  if (place === null) return null;
  const inside = tooLongFor(length, `${place.interface ?? 'the interface'} of ${place.container.name}`, place.mtu);
  return inside === null ? null : tooLongBy(inside, { container: place.container.name }, place.mtu);
};

/** A container whose veth is known and is not plugged into the bridge that its address belongs to. */
export const unpluggedPort = (model: HostModel, bridge: string, ip: IpAddress): DecidedBy | null => {
  const lost = model.places
    .byAddress(ip)
    .find((place) => place.port !== null && place.bridge !== bridge && place.network?.claimedBridge === bridge);
  if (lost === undefined) return null;
  const text = `${lost.port} of ${lost.container.name} is ${lost.bridge === null ? 'not plugged into any bridge' : `plugged into ${lost.bridge}`} instead of ${bridge}`;
  return { kind: 'bridge', text, reason: 'unplugged', about: { device: lost.port ?? '', container: lost.container.name } };
};

export const nobody = (model: HostModel, bridge: string, ip: string): string =>
  model.facts.dockerError === null || model.facts.containers.length > 0
    ? `no running container has ${ip} on ${bridge}: if nothing else answers there, the packet ends at the bridge`
    : `who has ${ip} on ${bridge} is not known`;

export const nameOf = (place: Place): { readonly container: string; readonly network: string } => ({
  container: place.container.name,
  network: place.endpoint.network,
});

export const placeWords = (place: Place): string =>
  `${place.container.name} has ${place.mac === null ? 'another one' : formatMac(place.mac)}`;
