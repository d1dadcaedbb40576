/**
 * Where a VXLAN device sends a frame: vxlan_xmit in drivers/net/vxlan/vxlan_core.c. It looks the frame's destination up in its own
 * forwarding entries (`bridge fdb` with `self`), takes the entry for all addresses where there is none, and else drops the frame.
 */
import { formatIp, formatMac, type IpAddress, sameIp } from '../../base/ip-address.ts';
import type { FdbEntry, HostFacts, NamespaceFacts } from '../../host/facts.ts';
import { type VxlanDevice, vxlansOf } from '../../host/vxlan.ts';
import { isMulticast, isZero } from '../address-kinds.ts';
import { isGroupMac } from '../bridge.ts';
import { type NeighbourView, neighbourAt } from '../neighbours.ts';
import type { DecidedBy } from '../verdict.ts';

export type Aim =
  /** `learnt`: from what came in by the tunnel; such entries age, and a frame from elsewhere moves them. */
  | { readonly kind: 'tunnel'; readonly end: IpAddress; readonly text: string; readonly learnt: boolean }
  | { readonly kind: 'lost'; readonly by: DecidedBy; readonly note?: string }
  | { readonly kind: 'unknown'; readonly by: DecidedBy; readonly reason: string };

/** vxlan_find_mac with all_zeros_mac: the entry for what no other is about. */
const ALL_ADDRESSES = '00:00:00:00:00:00';

export const aimOf = (facts: NamespaceFacts, device: VxlanDevice, mac: number, owner: string): readonly Aim[] => {
  const text = formatMac(mac);
  const by = (words: string): DecidedBy => ({ kind: 'bridge', text: words, about: { device: device.name, mac: text } });
  if (facts.fdb === null) {
    const words = `forwarding entries of ${device.name} in ${owner}`;
    return [{ kind: 'unknown', by: by(words), reason: `the ${words} were not read` }];
  }
  const own = entriesFor(facts, device, text);
  const entries = own.length > 0 || isGroupMac(mac) ? own : entriesFor(facts, device, ALL_ADDRESSES);
  if (entries.length === 0) {
    const words = `${device.name}: no forwarding entry for ${text}`;
    return [
      {
        kind: 'lost',
        by: { ...by(words), reason: 'vtep-missing' },
        note: device.l2miss ? 'the kernel only reports the miss (l2miss)' : 'no entry for all addresses either',
      },
    ];
  }
  return entries.map((entry): Aim => {
    const end = entry.remote;
    const said = entryText(entry);
    if (end === null || isZero(end)) return { kind: 'lost', by: { ...by(`${said}: it names no other host`), reason: 'vtep-missing' } };
    return { kind: 'tunnel', end, text: said, learnt: entry.state !== 'permanent' && entry.state !== 'static' };
  });
};

const entriesFor = (facts: NamespaceFacts, device: VxlanDevice, mac: string): readonly FdbEntry[] =>
  (facts.fdb ?? []).filter((entry) => entry.dev === device.name && entry.mac === mac && entry.flags.includes('self'));

export const entryText = ({ mac, dev, remote, state }: FdbEntry): string =>
  `${mac} dev ${dev}${remote === null ? '' : ` dst ${formatIp(remote)}`} self${state === null || state === '' ? '' : ` ${state}`}`;

/** The ends that any tunnel of this host sends to; a swarm's nodes, as far as its entries name them. */
export const knownEnds = (facts: HostFacts): readonly IpAddress[] => {
  const ends: IpAddress[] = [];
  for (const { device, namespace } of vxlansOf(facts)) {
    for (const entry of (namespace?.facts ?? facts.self).fdb ?? []) {
      const { remote } = entry;
      if (entry.dev !== device.name || remote === null || isZero(remote) || isMulticast(remote)) continue;
      if (!ends.some((known) => sameIp(known, remote))) ends.push(remote);
    }
  }
  return ends;
};

/** How many entries of this host's tunnels send to an end. */
export const entriesTo = (facts: HostFacts, end: IpAddress): number =>
  vxlansOf(facts).reduce(
    (count, { device, namespace }) =>
      count +
      ((namespace?.facts ?? facts.self).fdb ?? []).filter(
        (entry) => entry.dev === device.name && entry.remote !== null && sameIp(entry.remote, end),
      ).length,
    0,
  );

export type Asked =
  | { readonly kind: 'told'; readonly mac: number; readonly entry: NeighbourView }
  /** The device answers for others (proxy) and has nothing to say: arp_reduce drops the question. */
  | { readonly kind: 'silent'; readonly text: string }
  | { readonly kind: 'unknown'; readonly reason: string }
  /** Questions travel through the tunnel like other frames. */
  | { readonly kind: 'passed-on' };

/** Who answers `who has target` on this side of the tunnel: arp_reduce and neigh_reduce, with the neighbour table of the device's namespace. */
export const whoHas = (facts: NamespaceFacts, device: VxlanDevice, target: IpAddress, owner: string): Asked => {
  if (!device.proxy) return { kind: 'passed-on' };
  if (facts.neighbours === null) return { kind: 'unknown', reason: `the neighbour table of ${owner} was not read` };
  const entry = neighbourAt(facts, device.name, target);
  if (entry === null) return { kind: 'silent', text: `${device.name}: no neighbour entry for ${formatIp(target)}` };
  if (entry.mac === null || entry.silent) return { kind: 'silent', text: entry.text };
  return { kind: 'told', mac: entry.mac, entry };
};
