/** The capture points of a saved session: its interface descriptions, and what the embedded facts know of such an interface. */
import type { InterfaceEvent } from '../../pcap/reader.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { HostVersion } from '../host-store.ts';

/** A point for an interface of a file; without facts of the host it is a device of which nothing more is known. */
export const pointOfInterface = (description: InterfaceEvent, version: HostVersion | null): CapturePoint => {
  const name = description.name ?? `interface ${description.interfaceId}`;
  const known = version?.topology.points.find((point) => point.id === name);
  if (known !== undefined) return known;
  return {
    id: name,
    interface: name.slice(name.indexOf('/') + 1),
    netns: name.includes('/') ? name.slice(0, name.indexOf('/')) : null,
    kind: 'device',
    sees: description.description ?? '',
    container: null,
    network: null,
    filter: description.filter,
  };
};
