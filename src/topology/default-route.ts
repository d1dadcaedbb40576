/**
 * By which of its networks a container leaves, and why. Docker orders a container's endpoints by gw-priority (since 28.0), then those
 * that are not docker_gwbridge, those that are not internal, those with gateways of both families, and at last by the network's name
 * (Endpoint.Less in moby's daemon/libnetwork/sandbox.go); the first one gets the default route. What really is the default route is
 * read from the container; the order only says why.
 */
import { printable } from '../base/printable.ts';
import type { DockerContainer, DockerNetwork, NamespaceFacts } from '../host/facts.ts';
import { type HostIndex, networkOf } from './host-index.ts';
import { defaultRouteDevice } from './links.ts';
import type { DefaultRoute, Endpoint } from './topology.ts';

const GWBRIDGE = 'docker_gwbridge';

interface Candidate {
  readonly name: string;
  readonly priority: number;
  readonly isGwbridge: boolean;
  readonly internal: boolean;
  readonly families: number;
}

/** Empty where its routes are not known, or there is no default route. */
export const defaultRoutesOf = (
  container: DockerContainer,
  endpoints: readonly Endpoint[],
  inside: NamespaceFacts | null,
  index: HostIndex,
): DefaultRoute[] => {
  if (inside === null || inside.routes === null) return [];
  const order = candidatesOf(container, endpoints, index).sort(before);
  return ([4, 6] as const).flatMap((family): DefaultRoute[] => {
    const device = defaultRouteDevice(inside, family);
    if (device === null) return [];
    const network = endpoints.find((endpoint) => endpoint.interface === device)?.network ?? null;
    return [{ family, interface: device, network, why: order.length < 2 ? null : whyOf(network, order) }];
  });
};

const candidatesOf = (container: DockerContainer, endpoints: readonly Endpoint[], index: HostIndex): Candidate[] =>
  endpoints.flatMap((endpoint): Candidate[] => {
    if (endpoint.network === null) return [];
    const claim = container.endpoints.find(({ network }) => network === endpoint.network);
    const network = networkOf(index, claim?.networkId ?? '', endpoint.network);
    return [
      {
        name: endpoint.network,
        priority: claim?.gwPriority ?? 0,
        isGwbridge: endpoint.network === GWBRIDGE,
        internal: network?.internal ?? false,
        families: familiesOf(network),
      },
    ];
  });

const familiesOf = (network: DockerNetwork | null): number => new Set((network?.gateways ?? []).map(({ version }) => version)).size;

const before = (one: Candidate, other: Candidate): number =>
  other.priority - one.priority ||
  Number(one.isGwbridge) - Number(other.isGwbridge) ||
  Number(one.internal) - Number(other.internal) ||
  other.families - one.families ||
  (one.name < other.name ? -1 : 1);

const whyOf = (actual: string | null, [first, second]: readonly Candidate[]): string | null => {
  if (first === undefined || second === undefined) return null;
  const reason = reasonOf(first, second);
  if (actual === first.name) return reason;
  return `not by Docker's order, which puts ${printable(first.name)} first (${reason}): it was changed in the container, or its networks were since`;
};

/** What puts `first` before `second`. */
const reasonOf = (first: Candidate, second: Candidate): string => {
  const other = printable(second.name);
  if (first.priority !== second.priority) return `its gw-priority is ${first.priority}, that of ${other} ${second.priority}`;
  if (first.isGwbridge !== second.isGwbridge) return `${other} is taken only where there is no other`;
  if (first.internal !== second.internal) return `${other} is internal`;
  if (first.families !== second.families) return `it has gateways of more families than ${other}`;
  return `its name sorts before ${other}, and gw-priority says nothing else`;
};
