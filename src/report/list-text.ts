/** `list` for people: a line a container and endpoint, columns as the picker has them. */
import { formatIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { ContainerNode, Endpoint, Topology } from '../topology/topology.ts';
import { glyphsOf, type Style, tint } from './style.ts';
import { type Cell, formatTable, type Row } from './table.ts';

export const listText = (topology: Topology, style: Style): string[] => {
  if (topology.containers.length === 0) return ['no containers', ...warningLines(topology, style)];
  const header: Row = ['NAME', 'STATE', 'NETWORK', 'ADDRESS', 'INTERFACE', 'IMAGE'].map((text) => ({ text, tone: 'strong' as const }));
  const rows = topology.containers.flatMap((container) => containerRows(container, style));
  return [...formatTable([header, ...rows], style), ...choiceLines(topology, style), ...warningLines(topology, style)];
};

const containerRows = (container: ContainerNode, style: Style): Row[] => {
  const name: Cell = { text: container.name, tone: 'name' };
  const state: Cell = { text: container.state, tone: container.state === 'running' ? 'plain' : 'dim' };
  if (container.endpoints.length === 0) {
    const where = container.sharesWith !== null ? `container:${container.sharesWith}` : container.mode;
    return [[name, state, where, ...nothingOfItsOwn(container), container.image]];
  }
  return container.endpoints.map((endpoint, index) => [
    index === 0 ? name : '',
    index === 0 ? state : '',
    endpoint.network ?? `(${endpoint.interface ?? 'no network'})`,
    addressText(endpoint),
    hostSideText(endpoint, style),
    index === 0 ? container.image : '',
  ]);
};

/** ADDRESS and INTERFACE of a container without an endpoint of its own. */
const nothingOfItsOwn = (container: ContainerNode): [Cell, Cell] => {
  const dim = (text: string): Cell => ({ text, tone: 'dim' });
  if (container.sharesWith !== null) return [dim(`(shares ${container.sharesWith})`), dim('-')];
  if (container.modeKind === 'host') return [dim("the host's own"), dim('every host interface')];
  if (container.modeKind === 'none') return [dim('-'), dim('no network')];
  return [dim('-'), dim(container.remark ?? '-')];
};

const addressText = (endpoint: Endpoint): string => {
  const addresses = [endpoint.ipv4, endpoint.ipv6].flatMap((ip) => (ip === null ? [] : [formatIp(ip)]));
  return addresses.length === 0 ? '-' : addresses.join(' ');
};

/** `veth9e3c2b6 → br-4a09…`, `eth0 (macvlan parent)`; a question mark where it could not be found: a note below the table says why. */
export const hostSideText = (endpoint: Endpoint, style: Style): string => {
  const { host } = endpoint;
  if (host === null) return '?';
  const { arrow } = glyphsOf(style);
  const own = host.interface ?? (host.kind === 'veth' ? '?' : null);
  const upper = host.bridge ?? (host.parent === null ? null : `${host.parent} (${host.kind} parent)`);
  const parts = [own, upper].filter((part): part is string => part !== null);
  const where = host.namespace === null ? '' : ` in ${host.namespace}`;
  return (parts.length === 0 ? host.kind : parts.join(` ${arrow} `)) + where;
};

/** Of a container in several networks: by which it leaves. */
const choiceLines = (topology: Topology, style: Style): string[] =>
  topology.containers.flatMap(({ name, defaultRoutes }) =>
    (defaultRoutes ?? []).flatMap(({ family, network, interface: device, why }) =>
      why === null
        ? []
        : [tint(style, 'dim', printable(`${name} leaves${family === 6 ? ' for IPv6' : ''} by ${network ?? device}: ${why}`))],
    ),
  );

const warningLines = (topology: Topology, style: Style): string[] => {
  const ofContainers = topology.containers.flatMap((container) =>
    container.endpoints.flatMap((endpoint) =>
      [...(endpoint.unresolved === null ? [] : [endpoint.unresolved]), ...endpoint.warnings].map(
        (words) => `${container.name} on ${endpoint.network ?? endpoint.interface ?? '?'}: ${words}`,
      ),
    ),
  );
  return [...topology.warnings, ...ofContainers].map((warning) => tint(style, 'warn', `note: ${printable(warning)}`));
};
