/** Docker's answers as facts: the inspect documents of containers and networks, reduced (Docker Engine API v1.24 and later). */
import { type IpAddress, type IpPrefix, parseIp, parsePrefix } from '../base/ip-address.ts';
import type { DockerContainer, DockerEndpoint, DockerNetwork, PublishedPort } from './facts.ts';
import { asArray, asNumber, asObject, asString, type JsonObject, type Parsed } from './json-value.ts';
import { CONTAINER, NETWORK, shapeProblems } from './shapes.ts';
import type { DockerDocument } from './snapshot.ts';

export interface DockerFacts {
  readonly containers: readonly DockerContainer[];
  readonly networks: readonly DockerNetwork[];
}

/** `netnsOf` gives the namespace of a container's id where another part of the snapshot knows it. */
export const readDocker = (document: DockerDocument, netnsOf: (containerId: string) => string | null): Parsed<DockerFacts> => {
  const problems: string[] = [];
  const containers: DockerContainer[] = [];
  for (const entry of asArray(document.containers) ?? []) {
    const container = containerOf(asObject(entry), netnsOf);
    problems.push(...shapeProblems(entry, CONTAINER, `docker: container ${container?.name ?? 'without Id'}`));
    if (container === null) problems.push('docker: a container without Id');
    else containers.push(container);
  }
  const networks: DockerNetwork[] = [];
  for (const entry of asArray(document.networks) ?? []) {
    const network = networkOf(asObject(entry));
    problems.push(...shapeProblems(entry, NETWORK, `docker: network ${network?.name ?? 'without Id and Name'}`));
    if (network === null) problems.push('docker: a network without Id and Name');
    else networks.push(network);
  }
  return { value: { containers, networks }, problems };
};

/** Docker prints '' for an address that is not set. */
const ipOf = (value: unknown): IpAddress | null => parseIp(asString(value) ?? '');

const containerOf = (item: JsonObject | null, netnsOf: (id: string) => string | null): DockerContainer | null => {
  const id = asString(item?.['Id']);
  if (item === null || id === null) return null;
  const state = asObject(item['State']);
  const settings = asObject(item['NetworkSettings']);
  const pid = asNumber(state?.['Pid']) ?? 0;
  const netns = asNumber(item['NetNs']);
  return {
    id,
    name: (asString(item['Name']) ?? id.slice(0, 12)).replace(/^\//, ''),
    image: asString(item['Image']) ?? '',
    state: asString(state?.['Status']) ?? (state?.['Running'] === true ? 'running' : pid > 0 ? 'running' : 'exited'),
    pid: pid > 0 ? pid : null,
    mode: asString(asObject(item['HostConfig'])?.['NetworkMode']) ?? 'default',
    netns: netns === null ? netnsOf(id) : String(netns),
    endpoints: Object.entries(asObject(settings?.['Networks']) ?? {}).map(([name, value]) => endpointOf(name, asObject(value) ?? {})),
    published: publishedOf(asObject(settings?.['Ports']) ?? {}),
    composeProject: asString(item['ComposeProject']),
    composeService: asString(item['ComposeService']),
  };
};

const endpointOf = (network: string, item: JsonObject): DockerEndpoint => {
  const mac = asString(item['MacAddress']);
  return {
    network,
    networkId: asString(item['NetworkID']) ?? '',
    ipv4: ipOf(item['IPAddress']),
    ipv6: ipOf(item['GlobalIPv6Address']),
    mac: mac === null || mac === '' ? null : mac.toLowerCase(),
    gateway: ipOf(item['Gateway']),
    gwPriority: asNumber(item['GwPriority']),
  };
};

/** `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null}`; null: exposed and not published. */
const publishedOf = (ports: JsonObject): readonly PublishedPort[] =>
  Object.entries(ports).flatMap(([key, bindings]) => {
    const match = /^(\d+)(?:\/(\w+))?$/.exec(key);
    if (match === null) return [];
    return (asArray(bindings) ?? []).flatMap((entry) => {
      const binding = asObject(entry);
      const hostPort = asNumber(binding?.['HostPort']);
      if (hostPort === null) return [];
      const hostIp = asString(binding?.['HostIp']) ?? '';
      return [{ protocol: match[2] ?? 'tcp', containerPort: Number(match[1]), hostIp: hostIp === '' ? '0.0.0.0' : hostIp, hostPort }];
    });
  });

const networkOf = (item: JsonObject | null): DockerNetwork | null => {
  const id = asString(item?.['Id']);
  const name = asString(item?.['Name']);
  if (item === null || (id === null && name === null)) return null;
  const driver = asString(item['Driver']) ?? '';
  const options: Record<string, string> = {};
  for (const [key, value] of Object.entries(asObject(item['Options']) ?? {})) options[key] = String(value);
  const peers = asArray(item['Peers']);
  const config = (asArray(asObject(item['IPAM'])?.['Config']) ?? []).map((entry) => asObject(entry) ?? {});
  return {
    id: id ?? '',
    name: name ?? (id ?? '').slice(0, 12),
    driver,
    internal: item['Internal'] === true,
    subnets: config.map((entry) => parsePrefix(asString(entry['Subnet']) ?? '')).filter((prefix): prefix is IpPrefix => prefix !== null),
    gateways: config
      .map((entry) => ipOf((asString(entry['Gateway']) ?? '').replace(/\/\d+$/, '')))
      .filter((ip): ip is IpAddress => ip !== null),
    options,
    ...(peers === null
      ? {}
      : { peers: peers.map((entry) => ipOf(asString(asObject(entry)?.['IP']) ?? '')).filter((ip): ip is IpAddress => ip !== null) }),
    claimedBridge: claimedBridge(driver, id ?? '', name ?? '', options),
  };
};

/** Docker names a bridge by option, or docker0 for its default network, or `br-` and twelve digits of the network's id. */
const claimedBridge = (driver: string, id: string, name: string, options: Readonly<Record<string, string>>): string | null => {
  if (driver !== 'bridge') return null;
  const named = options['com.docker.network.bridge.name'];
  if (named !== undefined && named !== '') return named;
  if (name === 'bridge') return 'docker0';
  return id.length >= 12 ? `br-${id.slice(0, 12)}` : null;
};
