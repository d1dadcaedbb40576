/** Containers and host facts joined into one picture: endpoints, their host sides, bridges and capture points. */
import type { DockerContainer, HostFacts } from '../host/facts.ts';
import { bridgesOf } from './bridges.ts';
import { defaultRoutesOf } from './default-route.ts';
import { endpointsOf } from './endpoints.ts';
import { type HostIndex, indexHost, isLive } from './host-index.ts';
import { nestedBridges } from './nested.ts';
import { pointsOf, trunksOf, uplinksOf } from './points.ts';
import { modeKindOf, type Sharing, sharingOf } from './sharing.ts';
import type { BridgeNode, ContainerNode, Endpoint, NetworkMode, Topology } from './topology.ts';

export const buildTopology = (facts: HostFacts): Topology => {
  const index = indexHost(facts);
  const sharings = new Map(facts.containers.map((container) => [container.id, sharingOf(container, index)]));
  const containers = facts.containers.map((container) => containerNode(container, index, sharings));
  const bridges = bridgesOf(containers, index);
  const uplinks = uplinksOf(facts);
  return {
    containers,
    bridges,
    uplinks,
    trunks: trunksOf(facts),
    points: pointsOf(facts, containers, bridges, uplinks),
    warnings: [...hostWarnings(facts, bridges), ...endpointWarnings(containers), ...nestedBridges(index)],
  };
};

const containerNode = (container: DockerContainer, index: HostIndex, sharings: ReadonlyMap<string, Sharing>): ContainerNode => {
  const sharing = sharings.get(container.id) ?? { kind: 'own' };
  const modeKind = modeKindOf(container.mode, index);
  const own = modeKind !== 'host' && modeKind !== 'container';
  const endpoints = own ? endpointsOf(container, index) : [];
  const inside = container.netns === null ? null : (index.namespacesById.get(container.netns)?.facts ?? null);
  const routes = own ? defaultRoutesOf(container, endpoints, inside, index) : [];
  const sharedBy = index.facts.containers.filter((other) => {
    const theirs = sharings.get(other.id);
    return theirs?.kind === 'shares' && theirs.holder.id === container.id;
  });
  return {
    id: container.id,
    name: container.name,
    image: container.image,
    state: container.state,
    mode: container.mode,
    modeKind,
    sharesWith: sharing.kind === 'shares' ? sharing.direct.name : sharing.kind === 'broken' ? sharing.sharesWith : null,
    sharedBy: sharedBy.map((other) => other.name),
    netns: container.netns,
    pid: container.pid,
    endpoints,
    ...(routes.length === 0 ? {} : { defaultRoutes: routes }),
    published: container.published,
    composeProject: container.composeProject,
    remark: remarkOf(container, modeKind, sharing, endpoints, index),
  };
};

const remarkOf = (
  container: DockerContainer,
  modeKind: NetworkMode,
  sharing: Sharing,
  endpoints: readonly Endpoint[],
  index: HostIndex,
): string | null => {
  if (!isLive(container))
    return `not running (${container.state}): it has no interface until it is started (docker start ${container.name})`;
  if (sharing.kind === 'broken') return sharing.why;
  if (sharing.kind === 'shares') {
    const through = modeKindOf(sharing.holder.mode, index) === 'host' ? ", which is the host's: its traffic is the host's own" : '';
    return `shares the network of ${sharing.direct.name}${through}`;
  }
  if (modeKind === 'host') return "uses the host's own network: its traffic is the host's, on every host interface";
  if (endpoints.length === 0) return modeKind === 'none' ? 'no network: nothing to capture' : 'joined to no network: nothing to capture';
  if (endpoints.every((endpoint) => endpoint.host === null)) return endpoints[0]?.unresolved ?? null;
  return null;
};

const hostWarnings = (facts: HostFacts, bridges: readonly BridgeNode[]): string[] => [
  ...(facts.dockerError === null ? [] : [`Docker did not answer: ${facts.dockerError}`]),
  ...(facts.self.links === null
    ? [`the host's interfaces could not be read: ${facts.self.missing.get('ip -j -d link') ?? 'not in the snapshot'}`]
    : []),
  ...bridges
    .filter((bridge) => !bridge.up && bridge.ports.length > 0)
    .map((bridge) => `bridge ${bridge.name} is down, with ${bridge.ports.length} cables plugged in`),
  ...facts.networks
    .filter(
      (network) =>
        network.claimedBridge !== null && facts.self.links !== null && !bridges.some((bridge) => bridge.name === network.claimedBridge),
    )
    .map((network) => `bridge ${network.claimedBridge} of network ${network.name} is not there`),
];

const endpointWarnings = (containers: readonly ContainerNode[]): string[] =>
  containers.flatMap((container) =>
    container.endpoints.flatMap((endpoint) => endpoint.warnings.map((warning) => `${container.name}: ${warning}`)),
  );
