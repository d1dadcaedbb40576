/** What Docker's API would say of networks and containers that were made without it: for the readers of a snapshot. */
import type { DockerDocument, NamespaceDocument } from '../../src/host/snapshot.ts';
import type { FixtureContainer, FixtureNetwork } from './docker-generations.ts';

export const containerId = ({ name }: FixtureContainer): string => Buffer.from(name).toString('hex').padEnd(64, '0');
const networkId = ({ bridge }: FixtureNetwork): string => Buffer.from(bridge).toString('hex').padEnd(64, '0');

export const dockerDocument = (
  networks: readonly FixtureNetwork[],
  namespaceOf: (container: FixtureContainer) => number,
  macOf: (container: FixtureContainer) => string,
): DockerDocument => ({
  version: null,
  apiVersion: null,
  networks: networks.map((network) => ({
    Id: networkId(network),
    Name: network.bridge,
    Driver: 'bridge',
    Scope: 'local',
    Internal: network.internal,
    EnableIPv6: false,
    Options: { 'com.docker.network.bridge.name': network.bridge },
    IPAM: { Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
  })),
  containers: networks.flatMap((network) =>
    network.containers.map((container) => ({
      Id: containerId(container),
      Name: `/${container.name}`,
      Image: 'none',
      State: { Status: 'running', Running: true, Pid: 0 },
      HostConfig: { NetworkMode: network.bridge },
      NetworkSettings: {
        SandboxKey: '',
        Networks: {
          [network.bridge]: {
            NetworkID: networkId(network),
            EndpointID: containerId(container),
            IPAddress: container.ip,
            IPPrefixLen: 16,
            MacAddress: macOf(container),
            Gateway: network.internal ? '' : network.gateway,
          },
        },
        Ports: Object.fromEntries(
          container.published.map(({ port, hostPort, hostIp }) => [
            `${port}/tcp`,
            network.mode === 'routed' ? [] : [{ HostIp: hostIp ?? '0.0.0.0', HostPort: String(hostPort) }],
          ]),
        ),
      },
      NetNs: namespaceOf(container),
    })),
  ),
});

export const namespaceDocument = (container: FixtureContainer, raw: NamespaceDocument['raw']): NamespaceDocument => ({
  nsid: null,
  pid: null,
  startTime: null,
  owners: [containerId(container)],
  raw,
});
