/** Finds a capture point again after its container has come back: the same container and network, whatever the interface is called now. */
import { pointsOfEndpoint } from './points.ts';
import type { CapturePoint, Topology } from './topology.ts';

/** Null where the container is not there, is not joined to that network, or its host side cannot be resolved. */
export const pointOfEndpoint = (topology: Topology, old: CapturePoint): CapturePoint | null => {
  if (old.container === null) return null;
  const container = topology.containers.find((candidate) => candidate.name === old.container);
  if (container === undefined) return null;
  const endpoint = container.endpoints.find((candidate) => old.network === null || candidate.network === old.network);
  if (endpoint === undefined) return null;
  return pointsOfEndpoint(topology, container, endpoint).find((point) => point.kind === old.kind) ?? null;
};
