/**
 * Whether neighbours can be asked for at all: chains of family arp that may lose the question or the answer, and devices with ARP turned
 * off, whose frames the kernel addresses to the device itself (arp_constructor, ndisc_constructor). Those devices do not answer either (arp_rcv).
 */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import type { HostModel } from './model.ts';
import type { NeighbourView } from './neighbours.ts';
import type { DecidedBy } from './verdict.ts';
import { doubt, drop, note, type Walk } from './walk.ts';

/** The devices that have stations to ask; tunnels have the flag because theirs have none. */
const WITH_STATIONS: readonly (string | null)[] = [null, 'bridge', 'veth'];

const isArpOff = (model: HostModel, dev: string): boolean => {
  const link = model.links?.get(dev);
  return link !== undefined && WITH_STATIONS.includes(link.kind) && link.flags.includes('NOARP') && hasNeighbours(model, dev);
};

/** Loopback, tunnels and serial lines have nobody to ask. */
export const hasNeighbours = (model: HostModel, dev: string): boolean => {
  const link = model.links?.get(dev);
  if (link === undefined || link.mac === null || link.flags.includes('LOOPBACK') || link.flags.includes('POINTOPOINT')) return false;
  return WITH_STATIONS.includes(link.kind) || !link.flags.includes('NOARP');
};

/** The host sends to `target` by `dev`: it must know, or ask for, the address. */
export const askedByHost = (model: HostModel, walk: Walk, dev: string, target: IpAddress, known: NeighbourView | null): Walk => {
  // An entry without ARP (NOARP) is what the kernel makes where the flag stands.
  if (known !== null && known.mac !== null && known.permanent) return walk;
  if (isArpOff(model, dev)) {
    const text = `ARP is off on ${dev}: ${model.name} asks nobody there who has ${formatIp(target)}, and sends to ${dev}'s own address`;
    return drop(walk, 'routing', { kind: 'neighbour', text, about: { address: formatIp(target), device: dev } });
  }
  return lostQuestion(model, walk, target, `${model.name} asks who has ${formatIp(target)} on ${dev}`, known?.mac != null && !known.silent);
};

/** A station on `bridge` sends to the host's own `address` there: the host must answer for it. */
export const askedOfHost = (model: HostModel, walk: Walk, bridge: string, by: string, known: NeighbourView | null): Walk => {
  if (known !== null && known.mac !== null && known.fixed) return walk;
  const cached = known !== null && known.mac !== null && !known.silent;
  if (isArpOff(model, bridge) && walk.skb.family === 4) {
    const text = `ARP is off on ${bridge}: the host does not answer when ${by} asks for its address there`;
    const decided: DecidedBy = { kind: 'neighbour', text, about: { device: bridge, container: by } };
    return cached ? doubt(walk, `${text}; what ${by} has learnt before holds for a while`, decided, false) : drop(walk, 'bridge', decided);
  }
  return lostQuestion(model, walk, walk.skb.dst, `${by} asks for the host's address on ${bridge}`, cached);
};

const lostQuestion = (model: HostModel, walk: Walk, ip: IpAddress, question: string, cached: boolean): Walk => {
  if (ip.version !== 4 || model.arpChains.length === 0) return walk;
  const text = `chains of family arp (${model.arpChains.join('; ')}) are not evaluated: they may lose the answer when ${question}`;
  return cached ? note(walk, `${text}; it is known for now`) : doubt(walk, text, { kind: 'neighbour', text }, false);
};
