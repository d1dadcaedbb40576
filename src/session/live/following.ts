/**
 * Decides, each time the host has changed, where a running capture's points are now: which must move, which have nothing left to
 * capture, which are new. It only decides; live-points.ts stops and starts the engines.
 */

import {
  type FollowedContainer,
  followedContainer,
  linkOfPoint,
  placesOfContainer,
  pointOfContainer,
  pointOfDevice,
  type Successor,
  successorOf,
} from '../../topology/follow.ts';
import { isLive } from '../../topology/host-index.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { HostVersion } from '../host-store.ts';

export type FollowStep =
  | { readonly kind: 'say'; readonly severity: 'info' | 'warning'; readonly text: string }
  /** Capture there from now on. */
  | { readonly kind: 'move'; readonly index: number; readonly point: CapturePoint; readonly text: string }
  /** Nothing is left to capture there, until it returns. */
  | { readonly kind: 'lose'; readonly index: number; readonly text: string }
  /** A network that the container has joined. */
  | { readonly kind: 'add'; readonly point: CapturePoint; readonly text: string };

/** How far a point's engine is, as far as following must know. */
export interface PointProgress {
  readonly point: CapturePoint;
  readonly status: 'capturing' | 'waiting' | 'over';
  /** The agent waits for an interface of that name by itself. */
  readonly resumes: boolean;
  /** When the engine ended, seconds since the epoch; null while it runs. Facts from before say nothing of now. */
  readonly endedAtSec: number | null;
}

interface Followed {
  /** Index into the owners; null for a device of the host or of an overlay. */
  readonly owner: number | null;
  identity: Identity;
  /** That it has left its network has been said. */
  hasLeft: boolean;
}

interface Identity {
  readonly place: string;
  readonly ifindex: number | null;
}

interface Owner {
  container: FollowedContainer;
  /** Every network that it joins is captured. */
  readonly isWhole: boolean;
  remark: string | null;
}

export class Following {
  readonly #owners: Owner[] = [];
  readonly #points: Followed[] = [];
  readonly #unresolved = new Set<string>();

  /** `whole`: ids of the containers that were asked for as a whole. */
  constructor(points: readonly CapturePoint[], whole: readonly string[], version: HostVersion | null) {
    for (const id of whole) this.#ownerOf(version, ({ id: other }) => other === id, true);
    for (const point of points) this.#addPoint(point, version);
  }

  /** True where something can bring the point back: then it waits instead of failing. */
  canReturn(index: number): boolean {
    const followed = this.#points[index];
    return followed !== undefined && followed.owner !== null;
  }

  look(version: HostVersion, progress: readonly PointProgress[]): FollowStep[] {
    const steps: FollowStep[] = [];
    const successors = this.#owners.map((owner) => this.#followOwner(owner, version, steps));
    progress.forEach((state, index) => {
      const followed = this.#points[index];
      if (followed === undefined || state.status === 'over') return;
      const step = this.#followPoint(index, followed, state, version, successors);
      if (step !== null) steps.push(step);
    });
    this.#owners.forEach((owner, at) => {
      if (owner.isWhole && successors[at]?.kind === 'runs') this.#addNetworks(owner, version, progress, steps);
    });
    return steps;
  }

  #addPoint(point: CapturePoint, version: HostVersion | null): void {
    const owner = point.container === null ? null : this.#ownerOf(version, ({ name }) => name === point.container, false);
    this.#points.push({ owner, identity: identityOf(version, point), hasLeft: false });
  }

  #ownerOf(version: HostVersion | null, isIt: (container: { id: string; name: string }) => boolean, isWhole: boolean): number | null {
    const known = this.#owners.findIndex(({ container }) => isIt(container));
    if (known >= 0) return known;
    const containers = version?.facts.containers ?? [];
    const container = containers.find(isIt);
    if (container === undefined) return null;
    return this.#owners.push({ container: followedContainer(container, containers), isWhole, remark: null }) - 1;
  }

  /** Brings the owner up to date, and says what has become of it where that is more than a stop. */
  #followOwner(owner: Owner, version: HostVersion, steps: FollowStep[]): Successor {
    const { containers } = version.facts;
    const before = owner.container;
    const successor = successorOf(containers, before);
    if (successor.kind === 'ambiguous' && owner.remark !== successor.kind) {
      const text = `${before.name} is gone, and ${successor.names.join(' and ')} of its compose service are new: name the one that is meant`;
      steps.push({ kind: 'say', severity: 'warning', text });
      owner.remark = successor.kind;
    }
    if (successor.kind !== 'runs') return successor;
    const { container, isAnother } = successor;
    const isRenamed = container.name !== before.name;
    if (isAnother) {
      const name = isRenamed ? `${before.name} was replaced by ${container.name}` : `${before.name} was made anew`;
      steps.push({ kind: 'say', severity: 'info', text: `${name}: it is container ${container.id.slice(0, 12)} now` });
    } else if (isRenamed) steps.push({ kind: 'say', severity: 'info', text: `${before.name} is called ${container.name} now` });
    owner.container = followedContainer(container, containers, before);
    this.#remarkSharing(owner, version, steps);
    return successor;
  }

  /** A container that shares another one's namespace keeps an empty one when that other is started anew. */
  #remarkSharing(owner: Owner, version: HostVersion, steps: FollowStep[]): void {
    const node = version.topology.containers.find(({ id }) => id === owner.container.id);
    const remark =
      node !== undefined && node.modeKind === 'container' && isBrokenSharing(node.netns, node.sharesWith, version) ? node.remark : null;
    if (remark !== null && remark !== owner.remark)
      steps.push({ kind: 'say', severity: 'warning', text: `${owner.container.name} ${remark}` });
    owner.remark = remark;
  }

  #followPoint(
    index: number,
    followed: Followed,
    state: PointProgress,
    version: HostVersion,
    successors: readonly Successor[],
  ): FollowStep | null {
    const { facts, topology } = version;
    const { point } = state;
    const owner = followed.owner === null ? null : (this.#owners[followed.owner] as Owner);
    const successor = followed.owner === null ? null : (successors[followed.owner] as Successor);
    const runs = successor?.kind === 'runs';
    const next =
      owner === null
        ? pointOfDevice(facts, topology, point, followed.identity.ifindex)
        : runs
          ? pointOfContainer(topology, owner.container.id, point)
          : null;
    if (next === null) return this.#lost(index, followed, state, version, owner, runs);
    followed.hasLeft = false;
    const before = followed.identity;
    const identity = identityOf(version, next);
    const isElsewhere = identity.place !== before.place;
    // A device that was made anew under the same name is found again by the agent.
    if (!isElsewhere) followed.identity = identity;
    const isStranded = state.status === 'waiting' && !state.resumes && Number(version.document.takenAt) > (state.endedAtSec ?? 0);
    if (!isElsewhere && !isStranded) return null;
    followed.identity = identity;
    return { kind: 'move', index, point: next, text: moveWords(point, next, before.ifindex === identity.ifindex, owner) };
  }

  #lost(
    index: number,
    followed: Followed,
    { point, status }: PointProgress,
    version: HostVersion,
    owner: Owner | null,
    runs: boolean,
  ): FollowStep | null {
    if (owner !== null && runs && !followed.hasLeft && point.network !== null && point.kind !== 'loopback') {
      const node = version.topology.containers.find(({ id }) => id === owner.container.id);
      // An endpoint that is there and could not be resolved has not been left.
      if (node === undefined || node.endpoints.some((endpoint) => endpoint.network === point.network)) return null;
      followed.hasLeft = true;
      followed.identity = NOWHERE;
      return { kind: 'lose', index, text: `${owner.container.name} has left the network ${point.network}` };
    }
    // An engine inside a namespace keeps it alive, with its loopback, after all others have gone.
    if (status !== 'capturing' || point.netns === null || followed.identity === NOWHERE) return null;
    if (!runs || identityOf(version, point).place !== followed.identity.place) {
      followed.identity = NOWHERE;
      return { kind: 'lose', index, text: `the namespace of ${point.container ?? point.network ?? point.interface} has ended` };
    }
    return null;
  }

  #addNetworks(owner: Owner, version: HostVersion, progress: readonly PointProgress[], steps: FollowStep[]): void {
    const node = version.topology.containers.find(({ id }) => id === owner.container.id);
    if (node === undefined) return;
    for (const { point: place, isResolved } of placesOfContainer(version.topology, node)) {
      const isKnown = progress.some(
        ({ point }) => point.id === place.id || (point.network === place.network && this.#isOf(point.container, place.container)),
      );
      if (isKnown) continue;
      // In the middle of being joined: the next look knows more, or there is no more to know.
      if (!isResolved && !this.#unresolved.has(place.id)) {
        this.#unresolved.add(place.id);
        continue;
      }
      this.#addPoint(place, version);
      steps.push({ kind: 'add', point: place, text: `${node.name} has joined the network ${place.network ?? place.interface}` });
    }
  }

  /** A point may still carry the name that its container had. */
  #isOf(pointContainer: string | null, container: string | null): boolean {
    if (pointContainer === container) return true;
    const owner = this.#owners.find((each) => each.container.name === container);
    return owner !== undefined && (owner.container.firstName === pointContainer || owner.container.name === pointContainer);
  }
}

const NOWHERE: Identity = { place: '', ifindex: null };

/** A namespace is told from the next one of the same inode by its process: agent/netns-handle.ts. */
const identityOf = (version: HostVersion | null, point: CapturePoint): Identity => {
  if (version === null) return { place: [point.id, point.filter].join(' '), ifindex: null };
  const namespace = point.netns === null ? null : version.document.namespaces[point.netns];
  const room = point.netns === null ? 'host' : `${point.netns} ${namespace?.pid} ${namespace?.startTime} ${namespace?.path}`;
  return { place: [room, point.interface, point.filter].join(' '), ifindex: linkOfPoint(version.facts, point)?.ifindex ?? null };
};

const isBrokenSharing = (netns: string | null, holderName: string | null, version: HostVersion): boolean => {
  const holder = version.facts.containers.find(({ name }) => name === holderName);
  return holder === undefined || !isLive(holder) || holder.netns !== netns;
};

const moveWords = (old: CapturePoint, next: CapturePoint, isSameDevice: boolean, owner: Owner | null): string => {
  const who = owner?.container.name ?? old.network ?? old.interface;
  if (old.interface !== next.interface && isSameDevice && old.netns === next.netns)
    return `${old.interface} is called ${next.interface} now`;
  if (old.interface !== next.interface) return `${who} is back on ${next.interface} (was ${old.interface})`;
  if (old.filter !== next.filter) return `${who} is back on ${next.interface}, where it is known by ${next.filter ?? 'nothing'} now`;
  return `${who} is back on ${next.interface}${old.netns === null ? '' : ', in a new namespace'}`;
};
