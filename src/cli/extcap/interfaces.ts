/** What Wireshark's list of interfaces shows: each running container, its single endpoints where it has several, and the bridges. */
import { formatIp } from '../../base/ip-address.ts';
import { isLive } from '../../topology/host-index.ts';
import type { BridgeNode, ContainerNode, Endpoint, Topology } from '../../topology/topology.ts';

export interface ExtcapInterface {
  /** Under which Wireshark knows it. */
  readonly value: string;
  readonly display: string;
  /** What `vethscope capture` would be given. */
  readonly target: string;
}

const PREFIX = 'vethscope-';

export const extcapInterfaces = (topology: Topology): ExtcapInterface[] => {
  const wanted = [
    ...topology.containers
      .filter((container) => isLive(container) && canBeCaptured(container))
      .flatMap((one) => ofContainer(topology, one)),
    ...topology.bridges.map(ofBridge),
  ];
  const used = new Map<string, number>();
  return wanted.map(({ name, display, target }) => {
    const value = `${PREFIX}${plain(name)}`;
    const count = (used.get(value) ?? 0) + 1;
    used.set(value, count);
    return { value: count === 1 ? value : `${value}-${count}`, display, target };
  });
};

interface Wanted {
  readonly name: string;
  readonly display: string;
  readonly target: string;
}

/** Wireshark makes a FIFO of that name and keeps preferences under it: nothing but what both can hold. */
const plain = (name: string): string => name.replace(/[^A-Za-z0-9_.:-]/g, '_').slice(0, 100);

const canBeCaptured = (container: ContainerNode): boolean =>
  container.endpoints.length > 0 || container.modeKind === 'host' || container.sharesWith !== null;

const ofContainer = (topology: Topology, container: ContainerNode): Wanted[] => {
  const { name, endpoints } = container;
  // An interface of the host may have the same name; the id is nobody else's.
  const target = topology.points.some((point) => point.id === name) ? container.id.slice(0, 12) : name;
  const [first] = endpoints;
  const whole = { name, target, display: `${name}: ${wholeWords(container, first)}` };
  if (endpoints.length < 2) return [whole];
  const single = endpoints.flatMap((endpoint) => {
    const label = endpoint.network ?? endpoint.interface;
    if (label === null) return [];
    return [{ name: `${name}:${label}`, target: `${target}:${label}`, display: `${name}: ${endpointWords(endpoint)}` }];
  });
  return [whole, ...single];
};

const wholeWords = (container: ContainerNode, first: Endpoint | undefined): string => {
  if (container.modeKind === 'host') return 'the network of the host';
  if (container.sharesWith !== null) return `the network of ${container.sharesWith}`;
  if (container.endpoints.length > 1) return `all of its networks (${container.endpoints.map(networkWords).join(', ')})`;
  return first === undefined ? 'its network' : endpointWords(first);
};

const endpointWords = (endpoint: Endpoint): string => {
  const address = endpoint.ipv4 ?? endpoint.ipv6;
  return address === null ? networkWords(endpoint) : `${formatIp(address)} in ${networkWords(endpoint)}`;
};

const networkWords = (endpoint: Endpoint): string => endpoint.network ?? endpoint.interface ?? 'a network without a name';

const ofBridge = ({ name, network }: BridgeNode): Wanted => ({
  name: `bridge:${network ?? name}`,
  target: `bridge:${name}`,
  display: `bridge ${name}${network === null ? '' : `: all of ${network}`}`,
});
