/**
 * Where the cables between network namespaces lead: a veth's other end, the parent of a macvlan, ipvlan or VLAN device. Interface numbers
 * count within a namespace, so an end is known only where both numbers, and the namespace ids as far as they are known, leave one
 * candidate. rtnetlink(7): IFLA_LINK, IFLA_LINK_NETNSID.
 */
import type { HostFacts, Link, NamespaceFacts, OtherNamespace } from '../host/facts.ts';

export interface WireEnd {
  /** Inode of its namespace; null for the host's own. */
  readonly netns: string | null;
  readonly link: Link;
}

interface Room {
  readonly netns: string | null;
  /** As the host numbers it; null where that is not known. */
  readonly nsid: number | null;
  readonly facts: NamespaceFacts;
  readonly byIndex: ReadonlyMap<number, Link>;
}

/** Devices that stand on another one, which need not be in their own namespace. */
const UPON_PARENTS: ReadonlySet<string> = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap', 'vlan']);

export class Wires {
  readonly #facts: HostFacts;
  readonly #ends = new Map<Link, WireEnd | null>();
  #rooms: ReadonlyMap<string | null, Room> | null = null;
  /** By namespace, the number by which it calls the host's; null where no cable has told. */
  readonly #hostIds = new Map<string, number | null>();

  constructor(facts: HostFacts) {
    this.#facts = facts;
  }

  /** The other end of a veth. */
  peerOf(netns: string | null, link: Link): WireEnd | null {
    return link.kind === 'veth' || link.kind === 'netkit' ? this.#end(netns, link, isPeer) : null;
  }

  /** What a macvlan, ipvlan or VLAN device stands on. */
  parentOf(netns: string | null, link: Link): WireEnd | null {
    return link.kind !== null && UPON_PARENTS.has(link.kind) ? this.#end(netns, link, isParent) : null;
  }

  /** The devices of any namespace that stand on this one. */
  childrenOf(netns: string | null, link: Link): readonly WireEnd[] {
    return [...this.#all().values()].flatMap((room) =>
      [...room.byIndex.values()]
        .filter((child) => child.linkIndex === link.ifindex || child.linkName === link.name)
        .filter((child) => {
          const parent = this.parentOf(room.netns, child);
          return parent !== null && parent.netns === netns && parent.link.name === link.name;
        })
        .map((child) => ({ netns: room.netns, link: child })),
    );
  }

  #end(netns: string | null, link: Link, fits: (link: Link, other: Link) => boolean): WireEnd | null {
    const known = this.#ends.get(link);
    if (known !== undefined) return known;
    const own = this.#all().get(netns);
    const found = own === undefined ? null : this.#find(own, link, fits);
    this.#ends.set(link, found);
    return found;
  }

  #find(own: Room, link: Link, fits: (link: Link, other: Link) => boolean): WireEnd | null {
    if (link.linkName !== null) {
      const here = [...own.byIndex.values()].find((other) => other.name === link.linkName);
      return here === undefined ? null : { netns: own.netns, link: here };
    }
    if (link.linkIndex === null) return null;
    const candidates: WireEnd[] = [];
    for (const room of this.#all().values()) {
      if (room === own) continue;
      const other = room.byIndex.get(link.linkIndex);
      if (other === undefined || !fits(link, other) || !this.#mayBe(own, link, room, other)) continue;
      candidates.push({ netns: room.netns, link: other });
    }
    return candidates.length === 1 ? (candidates[0] as WireEnd) : byForwarding(this.#all(), link, candidates);
  }

  /** Whether the namespace ids that both sides name allow the two to be joined. */
  #mayBe(own: Room, link: Link, room: Room, other: Link): boolean {
    if (!this.#mayName(own, link.linkNetnsid, room)) return false;
    // A parent says nothing of its children.
    return link.kind !== 'veth' && link.kind !== 'netkit' ? true : this.#mayName(room, other.linkNetnsid, own);
  }

  /** May `nsid`, as `from` counts, be `room`? */
  #mayName(from: Room, nsid: number | null, room: Room): boolean {
    if (nsid === null || nsid < 0) return true;
    if (from.netns === null) {
      if (room.nsid !== null) return room.nsid === nsid;
      return ![...this.#all().values()].some((other) => other.nsid === nsid);
    }
    const host = this.#hostIdOf(from);
    return host === null || (host === nsid) === (room.netns === null);
  }

  /** A veth whose far end on the host names this very namespace tells how the host is called here. */
  #hostIdOf(room: Room): number | null {
    const { netns } = room;
    if (netns === null) return null;
    const known = this.#hostIds.get(netns);
    if (known !== undefined) return known;
    const host = this.#all().get(null);
    let id: number | null = null;
    if (room.nsid !== null) {
      for (const link of room.byIndex.values()) {
        const other = link.linkIndex === null || link.linkNetnsid === null ? undefined : host?.byIndex.get(link.linkIndex);
        if (other !== undefined && isPeer(link, other) && other.linkNetnsid === room.nsid) id = link.linkNetnsid;
      }
    }
    this.#hostIds.set(netns, id);
    return id;
  }

  #all(): ReadonlyMap<string | null, Room> {
    this.#rooms ??= new Map(
      [roomOf(null, null, this.#facts.self), ...this.#facts.namespaces.map(({ id, nsid, facts }) => roomOf(id, nsid, facts))].map(
        (room) => [room.netns, room] as const,
      ),
    );
    return this.#rooms;
  }
}

const roomOf = (netns: string | null, nsid: number | null, facts: NamespaceFacts): Room => ({
  netns,
  nsid,
  facts,
  byIndex: new Map((facts.links ?? []).map((link) => [link.ifindex, link])),
});

const isPeer = (link: Link, other: Link): boolean =>
  (link.kind === 'veth' || link.kind === 'netkit') &&
  other.kind === link.kind &&
  other.linkIndex === link.ifindex &&
  link.linkIndex === other.ifindex;

const isParent = (_link: Link, other: Link): boolean => !other.flags.includes('LOOPBACK');

/** Of several that the numbers allow, the one whose bridge has learnt, or was told, that this device is behind it. */
const byForwarding = (rooms: ReadonlyMap<string | null, Room>, link: Link, candidates: readonly WireEnd[]): WireEnd | null => {
  const told = candidates.filter(
    (end) =>
      link.mac !== null &&
      rooms
        .get(end.netns)
        ?.facts.fdb?.some((entry) => entry.dev === end.link.name && entry.mac === link.mac && entry.state !== 'permanent'),
  );
  return told.length === 1 ? (told[0] as WireEnd) : null;
};

/** Whose namespace it is: the container that it was made for, else the overlay network, else what its mount is called. */
export const ownerOf = (facts: HostFacts, namespace: OtherNamespace): string => {
  const owners = facts.containers.filter(({ id, netns }) => namespace.owners.includes(id) || netns === namespace.id);
  const made = owners.find(({ mode }) => !mode.startsWith('container:')) ?? owners[0];
  if (made !== undefined) return made.name;
  const name = namespace.path?.slice(namespace.path.lastIndexOf('/') + 1) ?? '';
  const network = /^\d+-.{10}$/.test(name) ? facts.networks.find(({ id }) => id.startsWith(name.slice(name.indexOf('-') + 1))) : undefined;
  return network?.name ?? (name === '' ? `namespace ${namespace.id}` : name);
};
