/** The tree that `topology` prints, with the capture point that each line stands for. */
import { topologyTree } from '../report/topology-tree.ts';
import type { HostState } from '../session/state.ts';
import type { CapturePoint } from '../topology/topology.ts';

export interface TopologyLine {
  readonly text: string;
  readonly point: CapturePoint | null;
}

export const topologyLines = (host: HostState): readonly TopologyLine[] =>
  topologyTree(host.facts, host.topology, { colour: false, unicode: true }).map((text) => ({ text, point: pointOf(text, host) }));

/** The first word left of what is plugged in that names an interface of the host. */
const pointOf = (text: string, host: HostState): CapturePoint | null => {
  const near = text.replace(/^[^\p{L}\p{N}]+/u, '').split(' ── ')[0] as string;
  for (const word of near.split(/\s+/)) {
    const point = host.topology.points.find((candidate) => candidate.netns === null && candidate.interface === word);
    if (point !== undefined) return point;
  }
  return null;
};
