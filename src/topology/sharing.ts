/** Whose network namespace a container uses: its own, the host's, none, or that of another container (docker run --network). */
import type { DockerContainer } from '../host/facts.ts';
import { type HostIndex, isLive } from './host-index.ts';
import type { NetworkMode } from './topology.ts';

export type Sharing =
  | { readonly kind: 'own' }
  /** `holder` is the container at the end of the chain, `direct` the one that the mode names. */
  | { readonly kind: 'shares'; readonly direct: DockerContainer; readonly holder: DockerContainer }
  | { readonly kind: 'broken'; readonly sharesWith: string | null; readonly why: string };

export const modeKindOf = (mode: string, index: HostIndex): NetworkMode => {
  if (mode === 'host') return 'host';
  if (mode === 'none') return 'none';
  if (mode.startsWith('container:')) return 'container';
  if (mode === 'default' || mode === 'bridge' || mode === '') return 'bridge';
  const network = index.networksByName.get(mode) ?? index.networksById.get(mode);
  return network?.driver === 'bridge' ? 'bridge' : 'other';
};

export const sharingOf = (container: DockerContainer, index: HostIndex): Sharing => {
  let current = container;
  let direct: DockerContainer | null = null;
  const seen = new Set([container.id]);
  while (current.mode.startsWith('container:')) {
    const wanted = current.mode.slice('container:'.length);
    const next = findContainer(wanted, index);
    if (next === null) {
      const sharesWith = direct?.name ?? null;
      return { kind: 'broken', sharesWith, why: `shares the network of container ${wanted.slice(0, 12)}, which is no longer there` };
    }
    direct ??= next;
    if (seen.has(next.id))
      return { kind: 'broken', sharesWith: direct.name, why: `shares the network of ${direct.name}, which shares it back: a loop` };
    seen.add(next.id);
    current = next;
  }
  if (direct === null) return { kind: 'own' };
  if (!isLive(current)) {
    return {
      kind: 'broken',
      sharesWith: direct.name,
      why: `shares the network of ${current.name}, which is not running (docker start ${current.name})`,
    };
  }
  if (container.netns !== null && current.netns !== null && isLive(container) && container.netns !== current.netns) {
    const why = `was started with an earlier run of ${current.name} and kept that run's network, which has no cable any more (docker restart ${container.name})`;
    return { kind: 'broken', sharesWith: direct.name, why };
  }
  return { kind: 'shares', direct, holder: current };
};

/** Docker stores the id; a compose file or a person may have given a name or the start of an id. */
const findContainer = (wanted: string, index: HostIndex): DockerContainer | null => {
  const exact = index.containersById.get(wanted);
  if (exact !== undefined) return exact;
  const named = index.facts.containers.find((container) => container.name === wanted);
  if (named !== undefined) return named;
  const starting = wanted.length < 12 ? [] : index.facts.containers.filter((container) => container.id.startsWith(wanted));
  return starting.length === 1 ? (starting[0] ?? null) : null;
};
