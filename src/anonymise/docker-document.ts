/** Docker's answers as a snapshot keeps them: names, ids and addresses of containers and networks. */
import type { DockerContainerDocument, DockerDocument, DockerEndpointDocument, DockerNetworkDocument } from '../host/snapshot.ts';
import type { Maps } from './maps.ts';
import { rewriteSentence } from './plain-text.ts';

/** Networks that Docker itself makes. */
const OWN_NETWORKS = new Set(['bridge', 'host', 'none', 'ingress', 'docker_gwbridge', 'default', 'podman', '']);
/** Options whose values are Docker's own words, numbers or lists of numbers. */
const KEPT_OPTION =
  /(default_bridge|enable_\w+|\.mtu|vxlanid_list|gateway_mode_ipv[46]|trusted_host_interfaces|macvlan_mode|ipvlan_mode|ipvlan_flag|encrypted|container_iface_prefix|inhibit_ipv4)$/;
const OWN_DRIVERS = new Set(['bridge', 'host', 'null', 'overlay', 'macvlan', 'ipvlan', 'none', '']);

export const rewriteDocker = (docker: DockerDocument, maps: Maps): DockerDocument => ({
  version: docker.version,
  apiVersion: docker.apiVersion,
  ...(docker.firewallBackend === undefined ? {} : { firewallBackend: docker.firewallBackend }),
  containers: docker.containers.map((container) => rewriteContainer(container, maps)),
  networks: docker.networks.map((network) => rewriteNetwork(network, maps)),
  ...(docker.error === undefined ? {} : { error: rewriteSentence(docker.error, maps) }),
});

const networkName = (name: string, maps: Maps): string => (OWN_NETWORKS.has(name) ? maps.kept(name) : maps.name(name));

const rewriteContainer = (container: DockerContainerDocument, maps: Maps): DockerContainerDocument => {
  const { HostConfig, NetworkSettings, State } = container;
  return {
    Id: maps.names.id(container.Id),
    Name: container.Name.startsWith('/') ? `/${maps.name(container.Name.slice(1))}` : maps.name(container.Name),
    Image: rewriteImage(container.Image, maps),
    State: {
      Status: State.Status,
      Running: State.Running,
      Pid: State.Pid,
      ...(State.StartedAt === undefined ? {} : { StartedAt: State.StartedAt }),
    },
    HostConfig: { NetworkMode: rewriteMode(HostConfig.NetworkMode, maps) },
    NetworkSettings: {
      ...(NetworkSettings.SandboxKey === undefined ? {} : { SandboxKey: maps.path(NetworkSettings.SandboxKey) }),
      Networks: Object.fromEntries(
        Object.entries(NetworkSettings.Networks).map(([name, endpoint]) => [networkName(name, maps), rewriteEndpoint(endpoint, maps)]),
      ),
      Ports: Object.fromEntries(
        Object.entries(NetworkSettings.Ports).map(([port, bindings]) => [
          port,
          bindings === null ? null : bindings.map(({ HostIp, HostPort }) => ({ HostIp: address(HostIp, maps), HostPort })),
        ]),
      ),
    },
    ...(container.NetNs === undefined ? {} : { NetNs: container.NetNs }),
    ...(container.ComposeProject === undefined ? {} : { ComposeProject: maps.name(container.ComposeProject) }),
    ...(container.ComposeService === undefined ? {} : { ComposeService: maps.name(container.ComposeService) }),
  };
};

const rewriteMode = (mode: string, maps: Maps): string => {
  if (!mode.startsWith('container:')) return networkName(mode, maps);
  const holder = mode.slice('container:'.length);
  return `container:${/^[0-9a-f]{12,}$/.test(holder) ? maps.names.id(holder) : maps.name(holder)}`;
};

/** `sha256:` stays, and so do the numbers of tags. */
const rewriteImage = (image: string, maps: Maps): string =>
  image.replace(/^(sha256:)?(.*)$/s, (_, head: string | undefined, rest: string) => (head ?? '') + maps.names.name(rest));

const rewriteEndpoint = (endpoint: DockerEndpointDocument, maps: Maps): DockerEndpointDocument => ({
  NetworkID: maps.names.id(endpoint.NetworkID),
  ...(endpoint.EndpointID === undefined ? {} : { EndpointID: maps.names.id(endpoint.EndpointID) }),
  ...(endpoint.IPAddress === undefined ? {} : { IPAddress: address(endpoint.IPAddress, maps) }),
  ...(endpoint.IPPrefixLen === undefined ? {} : { IPPrefixLen: endpoint.IPPrefixLen }),
  ...(endpoint.GlobalIPv6Address === undefined ? {} : { GlobalIPv6Address: address(endpoint.GlobalIPv6Address, maps) }),
  ...(endpoint.MacAddress === undefined ? {} : { MacAddress: address(endpoint.MacAddress, maps) }),
  ...(endpoint.Gateway === undefined ? {} : { Gateway: address(endpoint.Gateway, maps) }),
  ...(endpoint.GwPriority === undefined ? {} : { GwPriority: endpoint.GwPriority }),
});

const rewriteNetwork = (network: DockerNetworkDocument, maps: Maps): DockerNetworkDocument => ({
  Id: maps.names.id(network.Id),
  Name: networkName(network.Name, maps),
  Driver: OWN_DRIVERS.has(network.Driver) ? network.Driver : maps.name(network.Driver),
  ...(network.Scope === undefined ? {} : { Scope: network.Scope }),
  ...(network.Internal === undefined ? {} : { Internal: network.Internal }),
  ...(network.EnableIPv6 === undefined ? {} : { EnableIPv6: network.EnableIPv6 }),
  ...(network.Options === undefined ? {} : { Options: network.Options === null ? null : rewriteOptions(network.Options, maps) }),
  ...(network.Peers === undefined ? {} : { Peers: (network.Peers ?? []).map(({ IP }) => ({ IP: address(IP ?? '', maps) })) }),
  ...(network.IPAM === undefined
    ? {}
    : {
        IPAM: {
          Config: (network.IPAM?.Config ?? []).map(({ Subnet, Gateway }) => ({
            ...(Subnet === undefined ? {} : { Subnet: address(Subnet, maps) }),
            ...(Gateway === undefined ? {} : { Gateway: address(Gateway, maps) }),
          })),
        },
      }),
});

const rewriteOptions = (options: Readonly<Record<string, string>>, maps: Maps): Record<string, string> =>
  Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      const isKnown = /^(com\.docker\.network\.|encrypted$|parent$|macvlan_mode$|ipvlan_)/.test(key);
      if (!isKnown) return [maps.names.name(key), maps.names.name(value)];
      if (KEPT_OPTION.test(key) || value === '') return [key, value];
      if (key === 'parent' || key.endsWith('bridge.name')) return [key, maps.device(value)];
      return [key, maps.values.map(value) ?? maps.name(value)];
    }),
  );

const address = (text: string, maps: Maps): string => maps.values.map(text) ?? (text === '' || text === '::' ? text : maps.name(text));
