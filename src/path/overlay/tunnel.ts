/**
 * From a VXLAN device to its other end: the frame is wrapped (forwarding.ts says for whom), the packet around it goes its own way through
 * the host (outer.ts) and, where the other host's facts are at hand (explain --peer), through that one to the device of the same network
 * there. drivers/net/vxlan/vxlan_core.c: vxlan_xmit_one, vxlan_rcv.
 */
import { formatIp, formatMac, type IpAddress, sameIp } from '../../base/ip-address.ts';
import type { DockerNetwork } from '../../host/facts.ts';
import { type VxlanDevice, vxlanOf } from '../../host/vxlan.ts';
import { nobody } from '../bridge-ports.ts';
import { isLocalAddress } from '../env.ts';
import type { Crossing, Departure } from '../journey/crossing.ts';
import { marked } from '../journey/legs.ts';
import type { HostModel } from '../model.ts';
import { neighbourAt } from '../neighbours.ts';
import type { DecidedBy, TunnelPacket } from '../verdict.ts';
import { addStep, doubt, drop, note, undetermined, type Walk, walkWith } from '../walk.ts';
import { arriveAt } from './arrival.ts';
import { aimOf, knownEnds, whoHas } from './forwarding.ts';
import { isEncrypted, securing } from './ipsec.ts';
import { headroom, IPPROTO_ESP, type OuterWalk, outerSpec, sendOuter, sourceFor, tunnelOf, tunnelWords } from './outer.ts';

/** A frame on its way out of a tunnel's device. */
export interface Sending {
  /** The namespace of the device. */
  readonly model: HostModel;
  /** Where the packets around its frames are: that of the host, for a device that was made there and moved. */
  readonly underlay: HostModel;
  readonly device: VxlanDevice;
  readonly vni: number;
  readonly network: DockerNetwork | null;
  readonly mac: number;
  readonly explain: boolean;
}

export const crossTunnel = ({ model, link, walk, spec, explain }: Departure): readonly Crossing[] | null => {
  const device = vxlanOf(link);
  if (device === null || device.vni === null) return null;
  const before = walkWith(walk, { end: null });
  const told = (after: Walk): Walk => (model.owner === null ? after : marked(model, before, after));
  const stopped = (by: DecidedBy, words?: string): readonly Crossing[] => [ended(told(drop(before, 'bridge', at(model, by), words)))];
  if (!device.up) return stopped({ kind: 'bridge', text: `${device.name} is down`, reason: 'tunnel-down', about: { device: device.name } });
  const station = stationOf(model, device, walk);
  if (station.kind === 'passed-on') return null;
  if (station.kind === 'silent') return stopped(station.by, station.note);
  if (station.kind === 'unknown') return [ended(told(undetermined(before, at(model, station.by), station.reason)))];
  const { mac } = station;
  // The bridge does not know who has the address: the tunnel's device does.
  const unheard = link.master === null ? null : nobody(model, link.master, formatIp(walk.skb.dst));
  const heard = walkWith(before, { notes: before.notes.filter((text) => text !== unheard) });
  const network = networkOf(model);
  const underlay = link.linkNetnsid === null ? model : model.host;
  const sending: Sending = { model, underlay, device, vni: device.vni, network, mac, explain };
  const noted = station.note === null ? heard : note(heard, station.note);
  return aimOf(model.self, device, mac, model.name).flatMap((aim): readonly Crossing[] => {
    if (aim.kind === 'lost') return stopped(aim.by, aim.note);
    if (aim.kind === 'unknown') return [ended(told(undetermined(before, at(model, aim.by), aim.reason)))];
    const by: DecidedBy = {
      kind: 'bridge',
      text: aim.text,
      about: { device: device.name, address: formatIp(aim.end), mac: formatMac(mac) },
    };
    const wrong = wrongEnd(sending, aim.end);
    if (wrong !== null) return stopped({ ...by, reason: 'vtep-wrong' }, wrong);
    const src = sourceFor(underlay, device, aim.end);
    if (src === null)
      return [
        ended(told(undetermined(before, at(model, by), `from which address ${underlay.name} sends to ${formatIp(aim.end)} is not known`))),
      ];
    const tunnel = tunnelOf(src, aim.end, sending.vni, device.port);
    const wrapped = told(addStep(noted, 'bridge', aim.text, 'continue', `${device.name} sends it in ${tunnelWords(tunnel)}`));
    const sized = strange(sending, aim.end, wrapped);
    const long = tooLong(sending, sized, spec.dontFragment ?? null);
    if (long !== null) return [ended(told(long))];
    return sendOuter(underlay, sized, outerSpec(tunnel, walk.skb.length), tunnel, explain).flatMap((outer) =>
      onTheWire(sending, tunnel, outer),
    );
  });
};

const ended = (walk: Walk): Crossing => ({ kind: 'ended', walk });

const at = (model: HostModel, by: DecidedBy): DecidedBy => (model.owner === null ? by : { ...by, namespace: model.owner });

type Station =
  | { readonly kind: 'known'; readonly mac: number; readonly note: string | null }
  | { readonly kind: 'silent'; readonly by: DecidedBy; readonly note: string }
  | { readonly kind: 'unknown'; readonly by: DecidedBy; readonly reason: string }
  | { readonly kind: 'passed-on' };

/** The hardware address that its sender writes on the frame: it asks, and the tunnel's device answers for the other hosts' containers. */
const stationOf = (model: HostModel, device: VxlanDevice, walk: Walk): Station => {
  const target = walk.nextHop ?? walk.skb.dst;
  const given = walk.end?.receiverMac ?? null;
  if (given !== null) return { kind: 'known', mac: given, note: null };
  const asked = whoHas(model.self, device, target, model.name);
  switch (asked.kind) {
    case 'told':
      return { kind: 'known', mac: asked.mac, note: null };
    case 'passed-on':
      return { kind: 'passed-on' };
    case 'unknown':
      return { kind: 'unknown', by: { kind: 'neighbour', text: `${formatIp(target)} dev ${device.name}` }, reason: asked.reason };
    case 'silent': {
      const { text } = asked;
      const remembered = remembers(model.host, walk, target);
      if (remembered !== null)
        return {
          kind: 'known',
          mac: remembered.mac,
          note: `${remembered.owner} has the address of ${formatIp(target)} from before; ${text}, so that nobody will answer when it asks again`,
        };
      const by: DecidedBy = {
        kind: 'neighbour',
        text,
        reason: 'vtep-neighbour',
        about: { device: device.name, address: formatIp(target) },
      };
      return { kind: 'silent', by, note: `${device.name} answers for the other hosts' containers, and asks nobody` };
    }
  }
};

/** What the sender's own neighbour table still says. */
const remembers = (host: HostModel, walk: Walk, target: IpAddress): { readonly mac: number; readonly owner: string } | null => {
  const { srcMac } = walk.skb;
  if (srcMac === null) return null;
  const text = formatMac(srcMac);
  for (const { id, facts } of host.facts.namespaces) {
    const link = facts.links?.find((each) => each.mac === text && each.kind === 'veth');
    const entry = link === undefined ? null : neighbourAt(facts, link.name, target);
    if (entry !== null && entry.mac !== null && !entry.silent) return { mac: entry.mac, owner: host.inside(id)?.name ?? 'its sender' };
  }
  return null;
};

/** Docker's network whose hidden namespace this is. */
const networkOf = (model: HostModel): DockerNetwork | null => {
  const path = model.host.facts.namespaces.find(({ id }) => id === model.netns)?.path ?? '';
  const id = /\/\d+-([^/]+)$/.exec(path)?.[1];
  return id === undefined ? null : (model.host.facts.networks.find((network) => network.id.startsWith(id)) ?? null);
};

/** Why the end that a forwarding entry names is known to be none, or the wrong one, for this frame. */
const wrongEnd = ({ model, underlay, network, mac }: Sending, end: IpAddress): string | null => {
  const text = formatIp(end);
  if (isLocalAddress(underlay, end) === true)
    return `${text} is an address of ${underlay.name} itself, which sends no such packets to itself`;
  const text2 = formatMac(mac);
  const holder = model.host.peers.find((peer) =>
    peer.facts.containers.some(({ endpoints }) => endpoints.some((each) => each.mac === text2 && isSame(each.networkId, network))),
  );
  if (holder !== undefined && isLocalAddress(holder, end) === false) return `${text2} is on ${holder.name}`;
  const peers = network?.peers ?? null;
  if (peers !== null && peers.length > 0 && !peers.some((peer) => sameIp(peer, end)))
    return `${text} is no host of network ${network?.name}: Docker names ${peers.map(formatIp).join(', ')}`;
  return null;
};

const isSame = (networkId: string, network: DockerNetwork | null): boolean => network === null || network.id === networkId;

/** An end that nothing else speaks of may be a wrong one. */
const strange = ({ model, network }: Sending, end: IpAddress, walk: Walk): Walk => {
  if ((network?.peers ?? []).length > 0) return walk;
  const known = knownEnds(model.host.facts).filter((each) => !sameIp(each, end));
  return known.length === 0
    ? walk
    : note(
        walk,
        `whether ${formatIp(end)} is a host of the network is not known; other entries of this host's tunnels name ${known.map(formatIp).join(', ')}`,
      );
};

/** skb_tunnel_check_pmtu: a frame that must not be cut and does not fit is answered by the bridge's port, and dropped. */
const tooLong = ({ underlay, device }: Sending, walk: Walk, dontFragment: boolean | null): Walk | null => {
  const { length, family } = walk.skb;
  const out = uplinkMtu(underlay);
  if (length === null || out === null || length <= out.mtu - headroom(4)) return null;
  const mtu = out.mtu - headroom(4);
  const text = `${length} bytes and the ${headroom(4)} of VXLAN exceed mtu ${out.mtu} of ${out.dev}`;
  if (dontFragment !== true && family === 4) return null;
  const by: DecidedBy = { kind: 'route', text, reason: 'too-big', about: { device: out.dev, mtu } };
  return drop(walk, 'bridge', by, `the sender is told by ${device.name}: mtu ${mtu}`);
};

const uplinkMtu = (model: HostModel): { readonly dev: string; readonly mtu: number } | null => {
  const route = model.self.routes?.find(({ prefix, type, table }) => prefix.length === 0 && type === 'unicast' && table === 'main');
  const link = route?.dev === undefined || route.dev === null ? undefined : model.links?.get(route.dev);
  return link === undefined ? null : { dev: link.name, mtu: route?.mtu ?? link.mtu };
};

/** Behind the host's hooks IPsec has its say; what it makes of the packet passes OUTPUT and POSTROUTING once more (xfrm_output_resume). */
const onTheWire = (sending: Sending, tunnel: TunnelPacket, { walk, told }: OuterWalk): readonly Crossing[] => {
  if (told.end?.outcome !== 'accept') return [ended(told)];
  const { underlay, network } = sending;
  const open = walkWith(told, { end: null });
  const secured = securing(underlay, walk.skb);
  switch (secured.kind) {
    case 'lost':
      return [ended(drop(open, 'postrouting', { ...secured.by, tunnel }, secured.note))];
    case 'unknown':
      return [ended(undetermined(open, { ...secured.by, tunnel }, secured.reason))];
    case 'plain':
      return arriveAt(sending, { tunnel, outer: walk, state: null }, isEncrypted(network) ? inTheClear(told, network, tunnel) : told);
    case 'encrypted': {
      const esp: TunnelPacket = { src: tunnel.src, dst: tunnel.dst, vni: tunnel.vni, proto: 'esp' };
      const marked = walkWith(told, { end: null });
      const step = addStep(marked, 'postrouting', secured.policy.text, 'continue', `encrypted by ${secured.state.text}`);
      const spec = { in: null, src: tunnel.src, dst: tunnel.dst, proto: IPPROTO_ESP, mark: walk.skb.mark };
      return sendOuter(underlay, step, spec, esp, sending.explain).flatMap((again) =>
        again.told.end?.outcome === 'accept'
          ? arriveAt(sending, { tunnel, outer: again.walk, state: secured.state }, again.told)
          : [ended(again.told)],
      );
    }
  }
};

/** Nothing marks the packets of an encrypted network, or no policy is about marked ones: the other host drops what is not encrypted. */
const inTheClear = (walk: Walk, network: DockerNetwork | null, tunnel: TunnelPacket): Walk => {
  const by: DecidedBy = {
    kind: 'default',
    text: `network ${network?.name} is encrypted, and no IPsec policy is about ${tunnelWords(tunnel)}`,
    reason: 'ipsec-mark',
    tunnel,
  };
  return doubt(walk, `${by.text}: it leaves in clear text, which the other host's rules drop`, by, false);
};
