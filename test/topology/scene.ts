/** A small host as most are: two bridge networks, one internal, a macvlan, and containers of every mode. */
import type { HostFacts } from '../../src/host/facts.ts';
import { ip } from '../addresses.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network, route } from './facts.ts';

export const net1 = network('test_net1', { claimedBridge: 'br-net1', gateways: [ip('172.18.0.1')] });
export const net2 = network('test_net2', { claimedBridge: 'br-net2', gateways: [ip('198.18.20.1')] });
export const intern = network('intern', { claimedBridge: 'br-int', internal: true, gateways: [ip('172.20.0.1')] });
export const mv = network('mv', { driver: 'macvlan', options: { parent: 'eth0' }, gateways: [ip('198.19.5.1')] });
const host = network('host', { driver: 'host' });

/** A container with one veth: its device is number `n`, the host's end `n + 1`. */
const onBridge = (n: number, id: string, addressText: string, gateway: string | null) =>
  namespace(id, n, {
    links: [loopback, link(n, 'eth0', 'veth', { linkIndex: n + 1, linkNetnsid: 0, mac: `02:00:00:00:00:${n}` })],
    addresses: [address('eth0', addressText)],
    routes: gateway === null ? [] : [route(`default via ${gateway} dev eth0`)],
  });

const hostEnd = (n: number, master: string) => link(n + 1, `veth${n + 1}`, 'veth', { linkIndex: n, linkNetnsid: n, master });

export const scene: HostFacts = hostFacts({
  self: {
    links: [
      loopback,
      link(2, 'eth0', null, { mac: '02:00:00:00:00:aa' }),
      link(3, 'br-net1', 'bridge'),
      link(4, 'br-net2', 'bridge'),
      link(5, 'br-int', 'bridge'),
      hostEnd(11, 'br-net1'),
      hostEnd(21, 'br-net2'),
      hostEnd(31, 'br-int'),
      link(42, 'veth42', 'veth', { linkIndex: 41, linkNetnsid: 41, master: 'br-net1' }),
      link(44, 'veth44', 'veth', { linkIndex: 43, linkNetnsid: 41, master: 'br-net2' }),
    ],
    addresses: [
      address('lo', '127.0.0.1/8'),
      address('eth0', '203.0.113.1/24'),
      address('br-net1', '172.18.0.1/16'),
      address('br-net2', '198.18.20.1/24'),
      address('br-int', '172.20.0.1/16'),
    ],
    routes: [route('default via 203.0.113.2 dev eth0'), route('172.18.0.0/16 dev br-net1'), route('198.18.20.0/24 dev br-net2')],
  },
  networks: [net1, net2, intern, mv, host],
  namespaces: [
    onBridge(11, '1011', '172.18.0.2/16', '172.18.0.1'),
    onBridge(21, '1021', '198.18.20.2/24', '198.18.20.1'),
    onBridge(31, '1031', '172.20.0.2/16', null),
    namespace('1041', 41, {
      links: [
        loopback,
        link(41, 'eth0', 'veth', { linkIndex: 42, linkNetnsid: 0, mac: '02:00:00:00:00:41' }),
        link(43, 'eth1', 'veth', { linkIndex: 44, linkNetnsid: 0, mac: '02:00:00:00:00:43' }),
      ],
      addresses: [address('eth0', '172.18.0.4/16'), address('eth1', '198.18.20.4/24')],
      routes: [route('default via 172.18.0.1 dev eth0')],
    }),
    namespace('1051', null, {
      links: [loopback, link(50, 'eth0', 'macvlan', { linkIndex: 2, linkNetnsid: 0, mac: '02:00:00:00:00:50' })],
      addresses: [address('eth0', '198.19.5.2/24')],
    }),
  ],
  containers: [
    container('web1', { id: `${'ab12'.repeat(16)}`, mode: 'test_net1', netns: '1011', endpoints: [endpoint(net1, '172.18.0.2')] }),
    container('web2', { id: `${'ab34'.repeat(16)}`, mode: 'test_net2', netns: '1021', endpoints: [endpoint(net2, '198.18.20.2')] }),
    container('i1', { mode: 'intern', netns: '1031', endpoints: [endpoint(intern, '172.20.0.2')] }),
    container('multi', { mode: 'test_net1', netns: '1041', endpoints: [endpoint(net1, '172.18.0.4'), endpoint(net2, '198.18.20.4')] }),
    container('mv1', { mode: 'mv', netns: '1051', endpoints: [endpoint(mv, '198.19.5.2')] }),
    container('hostmode', { mode: 'host', netns: '1', endpoints: [endpoint(host, null)] }),
    container('nonemode', { mode: 'none', netns: '1061' }),
    container('sidecar', { mode: `container:${'ab12'.repeat(16)}`, netns: '1011' }),
    container('old', { state: 'exited', pid: null, mode: 'test_net1', endpoints: [endpoint(net1, null)] }),
  ],
});
