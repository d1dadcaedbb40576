/** TARGET of the command line: a container, container:network, an interface, or bridge:NAME. A name that is not there is answered with those near it. */
import { failure, missingError, usageError, type VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { isLive } from './host-index.ts';
import { nearestNames } from './nearest-names.ts';
import { holderOf, pointById, pointsOfEndpoint } from './points.ts';
import type { CapturePoint, ContainerNode, Endpoint, Topology } from './topology.ts';

/** The best point of each endpoint that is meant. Throws with what to try. */
export const resolveTarget = (topology: Topology, text: string): CapturePoint[] => {
  const target = text.trim();
  if (target === '') throw usageError('which container or interface?', { hint: 'vethscope list shows the containers' });
  if (target.startsWith('bridge:')) return [bridgePoint(topology, target.slice('bridge:'.length))];

  const container = findContainer(topology, target);
  const point = pointById(topology, target.startsWith('host/') ? target.slice('host/'.length) : target);
  if (container !== null && point !== null && !target.startsWith('host/')) {
    throw usageError(`${show(target)} is a container and an interface of the host`, {
      hint: `say ${container.id.slice(0, 12)} for the container, host/${show(target)} for the interface`,
    });
  }
  if (container !== null) return pointsOfTarget(topology, container, null);
  if (point !== null) return [point];

  const colon = target.lastIndexOf(':');
  const owner = colon > 0 ? findContainer(topology, target.slice(0, colon)) : null;
  if (owner !== null) return pointsOfTarget(topology, owner, target.slice(colon + 1));
  throw unknown(topology, colon > 0 ? target.slice(0, colon) : target);
};

const show = printable;

/** By name, by id, or by the start of an id of at least four characters. */
export const findContainer = (topology: Topology, text: string): ContainerNode | null => {
  const wanted = text.replace(/^\//, '');
  const exact = topology.containers.find((container) => container.name === wanted || container.id === wanted);
  if (exact !== undefined) return exact;
  const starting = /^[0-9a-f]{4,64}$/.test(wanted) ? topology.containers.filter((container) => container.id.startsWith(wanted)) : [];
  if (starting.length > 1) {
    const names = starting.map((container) => show(container.name)).join(', ');
    throw usageError(`several containers have an id that starts with ${wanted}: ${names}`, { hint: 'give more of the id, or a name' });
  }
  return starting[0] ?? null;
};

const bridgePoint = (topology: Topology, name: string): CapturePoint => {
  const byName = topology.bridges.find((bridge) => bridge.name === name);
  const byNetwork = topology.bridges.filter((bridge) => bridge.network === name);
  const bridge = byName ?? (byNetwork.length === 1 ? byNetwork[0] : undefined);
  const point = bridge === undefined ? null : pointById(topology, bridge.name);
  if (point !== null) return point;
  if (byNetwork.length > 1) {
    throw usageError(`several networks are called ${show(name)}`, {
      hint: `say bridge:${byNetwork.map((one) => one.name).join(' or bridge:')}`,
    });
  }
  const known = topology.bridges.flatMap((one) => (one.network === null ? [one.name] : [one.network, one.name]));
  throw usageError(`no bridge and no bridge network is called ${show(name)}`, {
    hint: hintOf(nearestNames(name, known), known, 'bridge:'),
  });
};

const pointsOfTarget = (topology: Topology, container: ContainerNode, network: string | null): CapturePoint[] => {
  const name = show(container.name);
  if (!isLive(container)) throw failure(`${name} is not running (${show(container.state)})`, { hint: `docker start ${name}` });
  const holder = holderOf(topology, container);
  if (holder.modeKind === 'host') return hostPoints(topology, container, network);
  if (container.sharesWith !== null && (holder === container || !isLive(holder))) {
    throw failure(`${name} ${show(container.remark ?? 'has no network of its own')}`);
  }
  if (holder.endpoints.length === 0) throw failure(`${name}: ${show(holder.remark ?? 'nothing to capture')}`);
  const wanted =
    network === null
      ? holder.endpoints
      : holder.endpoints.filter((endpoint) => endpoint.network === network || endpoint.interface === network);
  if (wanted.length === 0) throw notJoined(container, holder, network ?? '');
  const best = wanted.map((endpoint) => ({ endpoint, point: pointsOfEndpoint(topology, holder, endpoint)[0] ?? null }));
  const points = best.map(({ point }) => point).filter((point) => point !== null);
  if (points.length === 0) throw unresolved(container, best[0]?.endpoint ?? null);
  return points.filter((point, at) => points.findIndex((other) => other.id === point.id && other.filter === point.filter) === at);
};

const hostPoints = (topology: Topology, container: ContainerNode, network: string | null): CapturePoint[] => {
  const name = show(container.name);
  if (network !== null && network !== 'host')
    throw usageError(`${name} is joined to no network: it uses the host's own`, { hint: `vethscope capture ${name}` });
  const points = topology.points.filter((point) => point.kind === 'uplink');
  if (points.length > 0) return points;
  throw failure(`${name} uses the host's own network, and the host has no default route that would say which interface is meant`, {
    hint: 'name an interface: vethscope capture eth0',
  });
};

const notJoined = (container: ContainerNode, holder: ContainerNode, network: string): VethscopeError => {
  const known = holder.endpoints.map((endpoint) => endpoint.network ?? endpoint.interface).filter((name) => name !== null);
  return usageError(`${show(container.name)} is not joined to ${show(network)}`, {
    hint: `it is joined to ${known.map((one) => `${show(container.name)}:${show(one)}`).join(', ')}`,
  });
};

const unresolved = (container: ContainerNode, endpoint: Endpoint | null): VethscopeError => {
  const why = endpoint?.unresolved ?? 'nothing to capture';
  const message = `the host side of ${show(container.name)} could not be found: ${show(why)}`;
  return /needs root|permission|privilege/i.test(why)
    ? missingError(message, { hint: 'run it as root: sudo vethscope …' })
    : failure(message);
};

const unknown = (topology: Topology, name: string): VethscopeError => {
  const containers = topology.containers.map((container) => container.name);
  const interfaces = topology.points.filter((point) => point.netns === null).map((point) => point.interface);
  const near = nearestNames(name, [...containers, ...interfaces]);
  const joined = topology.containers.filter((container) => container.endpoints.some((endpoint) => endpoint.network === name));
  if (joined.length > 0 || topology.bridges.some((bridge) => bridge.network === name)) {
    const whole = topology.bridges.some((bridge) => bridge.network === name) ? [`bridge:${show(name)} for all of it`] : [];
    const part = joined[0] === undefined ? [] : [`${show(joined[0].name)}:${show(name)} for one container on it`];
    return usageError(`${show(name)} is a network, not a container or an interface`, { hint: [...whole, ...part].join(', ') });
  }
  return usageError(`no container and no interface is called ${show(name)}`, {
    hint:
      topology.containers.length === 0 && topology.warnings[0] !== undefined ? show(topology.warnings[0]) : hintOf(near, containers, ''),
  });
};

const hintOf = (near: readonly string[], known: readonly string[], prefix: string): string => {
  if (near.length > 0) return `did you mean ${near.map((name) => `${prefix}${show(name)}`).join(', ')}?`;
  if (known.length === 0) return 'there are none';
  const shown = known.slice(0, 8).map((name) => `${prefix}${show(name)}`);
  return `there is ${shown.join(', ')}${known.length > shown.length ? ` and ${known.length - shown.length} more` : ''}`;
};
