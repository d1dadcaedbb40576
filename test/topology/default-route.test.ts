/** By which of several networks a container leaves, and why: Docker's order, and what the container's own routes say. */
import { describe, expect, it } from 'vitest';
import type { DockerNetwork, HostFacts } from '../../src/host/facts.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { ip } from '../addresses.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network, route } from './facts.ts';

/** A container on `eth0` and `eth1` of two networks, leaving by `leaves`; `priorities` as Docker tells them, null before 28.0. */
const host = (
  networks: readonly [DockerNetwork, DockerNetwork],
  leaves: 'eth0' | 'eth1' | null,
  priorities: readonly [number | null, number | null] = [null, null],
): HostFacts => {
  const addresses = ['172.18.0.4', '198.18.20.4'] as const;
  return hostFacts({
    networks,
    namespaces: [
      namespace('1041', 41, {
        links: [
          loopback,
          link(41, 'eth0', 'veth', { linkIndex: 42, linkNetnsid: 0 }),
          link(43, 'eth1', 'veth', { linkIndex: 44, linkNetnsid: 0 }),
        ],
        addresses: [address('eth0', `${addresses[0]}/16`), address('eth1', `${addresses[1]}/24`)],
        routes: leaves === null ? [] : [route(`default via 172.18.0.1 dev ${leaves}`)],
      }),
    ],
    containers: [
      container('multi', {
        netns: '1041',
        endpoints: networks.map((one, at) => endpoint(one, addresses[at] as string, { gwPriority: priorities[at] ?? null })),
      }),
    ],
  });
};

const routesOf = (facts: HostFacts) => buildTopology(facts).containers[0]?.defaultRoutes;
const web = network('web', { gateways: [ip('172.18.0.1')] });
const back = network('back', { gateways: [ip('198.18.20.1')] });

describe('the default route of a container in several networks', () => {
  it('is that of the highest gw-priority', () => {
    expect(routesOf(host([web, back], 'eth0', [10, 0]))).toEqual([
      { family: 4, interface: 'eth0', network: 'web', why: 'its gw-priority is 10, that of back 0' },
    ]);
  });

  it('is else that of the name that sorts first', () => {
    for (const priorities of [
      [null, null],
      [0, 0],
    ] as const)
      expect(routesOf(host([web, back], 'eth1', priorities))).toMatchObject([
        { network: 'back', why: 'its name sorts before web, and gw-priority says nothing else' },
      ]);
  });

  it('is no internal network, and docker_gwbridge last', () => {
    expect(routesOf(host([web, { ...back, internal: true }], 'eth0'))).toMatchObject([{ network: 'web', why: 'back is internal' }]);
    const gwbridge = network('docker_gwbridge', { gateways: [ip('198.18.20.1')] });
    expect(routesOf(host([web, gwbridge], 'eth0'))).toMatchObject([
      { network: 'web', why: 'docker_gwbridge is taken only where there is no other' },
    ]);
  });

  it('prefers a network with gateways of both families', () => {
    const both = network('web', { gateways: [ip('172.18.0.1'), ip('fd00::1')] });
    expect(routesOf(host([both, back], 'eth0'))).toMatchObject([{ why: 'it has gateways of more families than back' }]);
  });

  it('says so where it is another one than Docker would choose', () => {
    expect(routesOf(host([web, back], 'eth0'))?.[0]?.why).toMatch(
      /^not by Docker's order, which puts back first \(its name sorts before web/,
    );
  });

  it('is not told where there is none', () => {
    expect(routesOf(host([web, back], null))).toBeUndefined();
  });
});
