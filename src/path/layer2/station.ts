/** The next station of what a child sends: by the frame's own address where one is given, else by the routes and neighbours of the child's namespace. */
import { formatIp, formatMac, type IpAddress } from '../../base/ip-address.ts';
import type { NamespaceFacts } from '../../host/facts.ts';
import type { Child } from '../../topology/children.ts';
import { isLimitedBroadcast, isMulticast } from '../address-kinds.ts';
import { isLocalAddress } from '../env.ts';
import { Fib } from '../fib.ts';
import type { HostModel } from '../model.ts';
import { type NeighbourView, neighbourAt } from '../neighbours.ts';

export type Station =
  /** Broadcast or multicast: for everybody there. */
  | { readonly kind: 'all' }
  | { readonly kind: 'sibling'; readonly child: Child; readonly known: NeighbourView | null; readonly gateway: IpAddress | null }
  /** The host itself, by an address of its own or by its parent's MAC address. */
  | { readonly kind: 'host'; readonly ip: IpAddress | null }
  /** Somebody beyond the parent's cable; `gateway` where it is not the destination itself. */
  | { readonly kind: 'wire'; readonly known: NeighbourView | null; readonly ip: IpAddress | null; readonly gateway: IpAddress | null };

export interface Sent {
  readonly dst: IpAddress;
  /** The frame's destination, where it is known. */
  readonly mac: number | null;
  /** Where the sender's routes were asked already: the gateway, or null for the link. */
  readonly gateway?: IpAddress | null;
}

const BROADCAST = 0xffff_ffff_ffff;

export const stationOf = (model: HostModel, from: Child, { dst, mac, gateway: asked }: Sent): Station => {
  if (mac === BROADCAST || isMulticast(dst) || isLimitedBroadcast(dst)) return { kind: 'all' };
  const facts = factsOf(model, from);
  const siblings = model.parents.of(from.parent).filter((child) => child !== from);
  const parentMac = model.links?.get(from.parent)?.mac ?? null;
  if (mac !== null && from.kind === 'macvlan') {
    const text = formatMac(mac);
    const child = siblings.find((sibling) => sibling.mac === text);
    if (child !== undefined) return { kind: 'sibling', child, known: null, gateway: null };
    if (text === parentMac && from.mode !== 'passthru') return { kind: 'host', ip: null };
    return { kind: 'wire', known: null, ip: null, gateway: null };
  }
  const gateway = asked === undefined ? gatewayOf(facts, from, dst) : asked;
  const ip = gateway ?? dst;
  // ipvlan finds a sibling by the packet's own destination, whatever the next station is.
  const child = siblings.find((sibling) => sibling.addresses.some((own) => same(own, from.kind === 'ipvlan' ? dst : ip)));
  if (child !== undefined) return { kind: 'sibling', child, known: facts === null ? null : neighbourAt(facts, from.device, ip), gateway };
  if (isLocalAddress(model, ip) === true) return { kind: 'host', ip };
  return { kind: 'wire', known: facts === null ? null : neighbourAt(facts, from.device, ip), ip, gateway };
};

const same = (x: IpAddress, y: IpAddress): boolean => formatIp(x) === formatIp(y);

export const factsOf = (model: HostModel, child: Child): NamespaceFacts | null =>
  child.netns === null ? model.self : (model.facts.namespaces.find(({ id }) => id === child.netns)?.facts ?? null);

/** Null where the destination is on the link, or where the routes do not tell. */
export const gatewayOf = (facts: NamespaceFacts | null, from: Child, dst: IpAddress): IpAddress | null => {
  if (facts === null || facts.routes === null) return null;
  const result = new Fib(facts).lookup({ dst, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  return result?.kind === 'route' && result.hop.dev === from.device ? result.hop.gateway : null;
};
