/** Hosts as snapshots: with any number of Docker networks, and the recorded one of the tests. */
import { readFileSync } from 'node:fs';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../src/host/snapshot.ts';
import type { DockerNetworkText } from './rulesets.ts';

export const LAB_SNAPSHOT = 'test/fixtures/snapshots/scene-28.5.json';

export const labDocument = (): SnapshotDocument => parseSnapshot(readFileSync(LAB_SNAPSHOT, 'utf8'));

const mac = (network: number, host: number): string =>
  ['02', '42', network >> 8, network & 255, host >> 8, host & 255]
    .map((part) => (typeof part === 'string' ? part : part.toString(16).padStart(2, '0')))
    .join(':');

/** A Docker host with an uplink, one bridge a network and one veth a container; every bridge is seen by br_netfilter. */
export const dockerHost = (networks: readonly DockerNetworkText[], rules: string): HostFacts => {
  const links: object[] = [
    { ifindex: 1, ifname: 'lo', flags: ['LOOPBACK', 'UP'], mtu: 65536, address: '00:00:00:00:00:00' },
    { ifindex: 2, ifname: 'eth0', flags: ['BROADCAST', 'UP'], mtu: 1500, address: '02:00:00:00:00:02' },
  ];
  const addresses: object[] = [
    { ifindex: 1, ifname: 'lo', addr_info: [{ family: 'inet', local: '127.0.0.1', prefixlen: 8, scope: 'host' }] },
    {
      ifindex: 2,
      ifname: 'eth0',
      addr_info: [{ family: 'inet', local: '203.0.113.1', prefixlen: 24, broadcast: '203.0.113.255', scope: 'global' }],
    },
  ];
  const routes: object[] = [
    { dst: 'default', gateway: '203.0.113.2', dev: 'eth0', flags: [] },
    { dst: '203.0.113.0/24', dev: 'eth0', protocol: 'kernel', scope: 'link', prefsrc: '203.0.113.1', flags: [] },
    { type: 'local', dst: '127.0.0.0/8', dev: 'lo', table: 'local', scope: 'host', prefsrc: '127.0.0.1', flags: [] },
    { type: 'local', dst: '203.0.113.1', dev: 'eth0', table: 'local', scope: 'host', prefsrc: '203.0.113.1', flags: [] },
  ];
  const ports: object[] = [];
  const fdb: object[] = [];
  const containers: object[] = [];
  const devices = ['eth0', 'lo'];
  for (const [index, { bridge, subnet, gateway, containers: ips }] of networks.entries()) {
    links.push({
      ifindex: 100 + index,
      ifname: bridge,
      flags: ['UP'],
      mtu: 1500,
      address: mac(index, 1),
      linkinfo: { info_kind: 'bridge', info_data: {} },
    });
    addresses.push({
      ifindex: 100 + index,
      ifname: bridge,
      addr_info: [{ family: 'inet', local: gateway, prefixlen: 24, scope: 'global' }],
    });
    routes.push({ dst: subnet, dev: bridge, protocol: 'kernel', scope: 'link', prefsrc: gateway, flags: [] });
    routes.push({ type: 'local', dst: gateway, dev: bridge, table: 'local', scope: 'host', prefsrc: gateway, flags: [] });
    devices.push(bridge);
    for (const [host, ip] of ips.entries()) {
      const port = `veth${index}x${host}`;
      const own = mac(index, host + 2);
      links.push({
        ifindex: 1000 + index * 100 + host,
        ifname: port,
        flags: ['UP'],
        mtu: 1500,
        master: bridge,
        address: mac(index, host + 1000),
      });
      ports.push({
        ifindex: 1000 + index * 100 + host,
        ifname: port,
        master: bridge,
        state: 'forwarding',
        hairpin: false,
        isolated: false,
      });
      fdb.push({ mac: own, ifname: port, flags: [], master: bridge, state: '' });
      containers.push({
        Id: `${index}-${host}`.padEnd(64, '0'),
        Name: `/c${index}x${host}`,
        Image: 'app',
        State: { Status: 'running', Running: true, Pid: 0, StartedAt: '' },
        HostConfig: { NetworkMode: `net${index}` },
        NetworkSettings: {
          SandboxKey: '',
          Ports: host === 0 ? { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: String(20_000 + index) }] } : {},
          Networks: {
            [`net${index}`]: {
              NetworkID: `id${index}`,
              EndpointID: 'e',
              IPAddress: ip,
              IPPrefixLen: 24,
              MacAddress: own,
              Gateway: gateway,
            },
          },
        },
      });
    }
  }
  const sysctls = ['net.ipv4.ip_forward = 1', 'net.ipv4.conf.all.forwarding = 1', 'net.bridge.bridge-nf-call-iptables = 1'];
  for (const device of ['all', ...devices]) {
    for (const key of ['rp_filter', 'route_localnet', 'accept_local', 'src_valid_mark']) sysctls.push(`net.ipv4.conf.${device}.${key} = 0`);
    if (device !== 'all') sysctls.push(`net.ipv4.conf.${device}.forwarding = 1`);
  }
  const rulesOfRouting = [
    { priority: 0, src: 'all', table: 'local' },
    { priority: 32766, src: 'all', table: 'main' },
    { priority: 32767, src: 'all', table: 'default' },
  ];
  const document = {
    vethscope: 1,
    takenAt: '0',
    host: 'bench',
    namespaces: {},
    docker: {
      version: '28.5.2',
      apiVersion: '1.51',
      containers,
      networks: networks.map(({ bridge, subnet, gateway }, index) => ({
        Id: `id${index}`,
        Name: `net${index}`,
        Driver: 'bridge',
        Options: { 'com.docker.network.bridge.name': bridge },
        IPAM: { Config: [{ Subnet: subnet, Gateway: gateway }] },
      })),
    },
    raw: {
      [SNAPSHOT_COMMANDS.link]: JSON.stringify(links),
      [SNAPSHOT_COMMANDS.address]: JSON.stringify(addresses),
      [SNAPSHOT_COMMANDS.route4]: JSON.stringify(routes),
      [SNAPSHOT_COMMANDS.rule4]: JSON.stringify(rulesOfRouting),
      [SNAPSHOT_COMMANDS.neighbour]: '[]',
      [SNAPSHOT_COMMANDS.fdb]: JSON.stringify(fdb),
      [SNAPSHOT_COMMANDS.bridgeLink]: JSON.stringify(ports),
      [SNAPSHOT_COMMANDS.sysctl]: `${sysctls.join('\n')}\n`,
      [SNAPSHOT_COMMANDS.iptablesNft]: rules,
      [SNAPSHOT_COMMANDS.iptablesLegacy]: '',
      [SNAPSHOT_COMMANDS.nft]: '{"nftables":[]}',
      [SNAPSHOT_COMMANDS.ipset]: '',
      [SNAPSHOT_COMMANDS.conntrack]: '',
      [SNAPSHOT_COMMANDS.sockets]: '',
    },
  };
  return readFacts(parseSnapshot(JSON.stringify(document)));
};
