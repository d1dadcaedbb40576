/**
 * Knows a container and its capture points again after something has happened to them. Nothing that Docker or the kernel hands out
 * lasts: the host's end of a cable has a new name after every start, a macvlan child may have another MAC, a namespace's inode is
 * given to the next one, and a container that is made anew has another id. What lasts is its name, or its place in a compose project.
 */
import type { DockerContainer, HostFacts, Link } from '../host/facts.ts';
import { isLive } from './host-index.ts';
import { holderOf, parentPoint, pointById, pointsOfEndpoint } from './points.ts';
import { findContainer } from './target.ts';
import type { CapturePoint, ContainerNode, Topology } from './topology.ts';

/** A container as it was last seen. */
export interface FollowedContainer {
  readonly id: string;
  readonly name: string;
  /** What it was called when it was asked for: what replaces it may have that name again. */
  readonly firstName: string;
  readonly composeProject: string | null;
  readonly composeService: string | null;
  /** Containers of the same compose service that ran beside it: none of them is its successor. */
  readonly siblings: readonly string[];
}

export type Successor =
  | { readonly kind: 'runs'; readonly container: DockerContainer; readonly isAnother: boolean }
  | { readonly kind: 'stopped'; readonly container: DockerContainer }
  /** Gone, and several containers of its compose service could be what replaces it. */
  | { readonly kind: 'ambiguous'; readonly names: readonly string[] }
  | { readonly kind: 'gone' };

/** `before` is what was known of it until now. */
export const followedContainer = (
  container: DockerContainer,
  containers: readonly DockerContainer[],
  before: FollowedContainer | null = null,
): FollowedContainer => ({
  id: container.id,
  name: container.name,
  firstName: before?.firstName ?? container.name,
  composeProject: container.composeProject,
  composeService: container.composeService,
  siblings: containers.filter((other) => other.id !== container.id && isLive(other) && isSameService(other, container)).map(({ id }) => id),
});

/** The container itself while it is there and running; else what has taken its name; else the one new container of its compose service. */
export const successorOf = (containers: readonly DockerContainer[], followed: FollowedContainer): Successor => {
  const itself = containers.find(({ id }) => id === followed.id);
  if (itself !== undefined && isLive(itself)) return { kind: 'runs', container: itself, isAnother: false };
  const live = containers.filter(isLive);
  const named = live.find(({ name }) => name === followed.name) ?? live.find(({ name }) => name === followed.firstName);
  if (named !== undefined) return { kind: 'runs', container: named, isAnother: true };
  if (itself !== undefined) return { kind: 'stopped', container: itself };
  const candidates = live.filter((other) => isSameService(other, followed) && !followed.siblings.includes(other.id));
  const [only] = candidates;
  if (only === undefined) return { kind: 'gone' };
  return candidates.length === 1
    ? { kind: 'runs', container: only, isAnother: true }
    : { kind: 'ambiguous', names: candidates.map(({ name }) => name) };
};

interface ComposePlace {
  readonly composeProject: string | null;
  readonly composeService: string | null;
}

const isSameService = (one: ComposePlace, other: ComposePlace): boolean =>
  one.composeService !== null && one.composeService === other.composeService && one.composeProject === other.composeProject;

/**
 * Where a point that belongs to this container is now: the same network and the same kind of place, whatever it is called. Null where
 * the container is not joined to that network, or its host side cannot be resolved.
 */
export const pointOfContainer = (topology: Topology, containerId: string, old: CapturePoint): CapturePoint | null => {
  const asked = topology.containers.find(({ id }) => id === containerId);
  if (asked === undefined) return null;
  const container = holderOf(topology, asked);
  if (old.kind === 'loopback') return container.netns === null ? null : pointById(topology, `${container.netns}/${old.interface}`);
  const onNetwork = container.endpoints.filter((endpoint) => endpoint.network === old.network);
  // Devices that Docker knows nothing of have no network to be known by; their name inside is all there is.
  const endpoint = old.network === null ? (onNetwork.find((each) => each.interface === old.interface) ?? onNetwork[0]) : onNetwork[0];
  if (endpoint === undefined) return null;
  const parent = endpoint.host?.parent ?? null;
  if (old.kind === 'parent') return parent === null ? null : parentPoint(container, endpoint, parent);
  return pointsOfEndpoint(topology, container, endpoint).find(({ kind, container: owner }) => kind === old.kind && owner !== null) ?? null;
};

/** Where a point that belongs to no container is now: a device of the host by name or by number, a network's bridge, an overlay's device. */
export const pointOfDevice = (facts: HostFacts, topology: Topology, old: CapturePoint, ifindex: number | null): CapturePoint | null => {
  if (old.netns === null) {
    const same = pointById(topology, old.id);
    if (same !== null) return same;
    const renamed = ifindex === null ? undefined : facts.self.links?.find((link) => link.ifindex === ifindex);
    if (renamed !== undefined) return pointById(topology, renamed.name);
  }
  if (old.network === null) return null;
  const isOnHost = (point: CapturePoint): boolean => (point.netns === null) === (old.netns === null);
  const isAlike = ({ kind, network, container }: CapturePoint): boolean =>
    kind === old.kind && network === old.network && container === null;
  return topology.points.find((point) => isOnHost(point) && isAlike(point)) ?? null;
};

/** The device of a point, null where its namespace or its name is not there. */
export const linkOfPoint = (facts: HostFacts, point: CapturePoint): Link | null => {
  const links = point.netns === null ? facts.self.links : facts.namespaces.find(({ id }) => id === point.netns)?.facts.links;
  return links?.find((link) => link.name === point.interface) ?? null;
};

/** The container that a TARGET names as a whole, not one of its networks; null where it names something else. */
export const wholeContainer = (topology: Topology, target: string): ContainerNode | null => {
  const text = target.trim();
  return text === '' || text.startsWith('bridge:') ? null : findContainer(topology, text);
};

export interface PlaceOfEndpoint {
  readonly point: CapturePoint;
  /** Its other end is known. A device that has just come into the container may still lack it. */
  readonly isResolved: boolean;
}

/** The best place for each network of a container; for those of the holder where it shares a namespace. */
export const placesOfContainer = (topology: Topology, container: ContainerNode): PlaceOfEndpoint[] => {
  const holder = holderOf(topology, container);
  if (holder.modeKind === 'host') return [];
  return holder.endpoints.flatMap((endpoint) => {
    const [point] = pointsOfEndpoint(topology, holder, endpoint);
    return point === undefined ? [] : [{ point, isResolved: endpoint.host !== null }];
  });
};
