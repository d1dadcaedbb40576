/**
 * A host with two bridge networks and a firewall written as text, and the whole way from a question to its diagnoses: facts,
 * topology, the path's verdicts. What a test does not change is as Docker leaves it.
 */

import { parsePrefix } from '../../src/base/ip-address.ts';
import { type Diagnosis, diagnose, whySentences } from '../../src/diagnosis/diagnose.ts';
import type { DiagnosisInput } from '../../src/diagnosis/diagnosis.ts';
import type { Flow } from '../../src/flow/flow.ts';
import type { DockerContainer, DockerNetwork, HostFacts, Listener, NamespaceFacts, OtherNamespace } from '../../src/host/facts.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';
import { judgeBoth } from '../../src/path/judge.ts';
import { compileHost } from '../../src/path/model.ts';
import type { PacketSpec, Verdict } from '../../src/path/verdict.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { ip } from '../addresses.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network, route } from '../topology/facts.ts';

export { address, container, endpoint, ip, link, namespace, network, route };

const subnet = (text: string) => {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`no prefix: ${text}`);
  return prefix;
};

export const bridgeNetwork = (
  name: string,
  bridge: string,
  range: string,
  gateway: string,
  more: Partial<DockerNetwork> = {},
): DockerNetwork => network(name, { claimedBridge: bridge, subnets: [subnet(range)], gateways: [ip(gateway)], ...more });

export const NET_A = bridgeNetwork('neta', 'br-a', '172.18.0.0/16', '172.18.0.1');
export const NET_B = bridgeNetwork('netb', 'br-b', '172.19.0.0/16', '172.19.0.1');

/** As dockerd 20.10 writes them for neta and netb, with web's port 80 published as 8080. */
export const RULES_20 = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br-b -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-b -j DOCKER
-A FORWARD -i br-b ! -o br-b -j ACCEPT
-A FORWARD -i br-b -o br-b -j ACCEPT
-A FORWARD -o br-a -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-a -j DOCKER
-A FORWARD -i br-a ! -o br-a -j ACCEPT
-A FORWARD -i br-a -o br-a -j ACCEPT
-A DOCKER -d 172.18.0.2/32 ! -i br-a -o br-a -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i br-b ! -o br-b -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -i br-a ! -o br-a -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br-b -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o br-a -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.19.0.0/16 ! -o br-b -j MASQUERADE
-A POSTROUTING -s 172.18.0.0/16 ! -o br-a -j MASQUERADE
-A DOCKER -i br-b -j RETURN
-A DOCKER -i br-a -j RETURN
-A DOCKER ! -i br-a -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80
COMMIT
`;

/** As dockerd 28.5 does. */
export const RULES_28 = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 172.18.0.2/32 ! -i br-a -j DROP
-A PREROUTING -d 172.18.0.3/32 ! -i br-a -j DROP
-A PREROUTING -d 172.19.0.2/32 ! -i br-b -j DROP
-A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 8051 -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER -d 172.18.0.2/32 ! -i br-a -o br-a -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER ! -i br-a -o br-a -j DROP
-A DOCKER ! -i br-b -o br-b -j DROP
-A DOCKER-BRIDGE -o br-a -j DOCKER
-A DOCKER-BRIDGE -o br-b -j DOCKER
-A DOCKER-CT -o br-a -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-CT -o br-b -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i br-a -j ACCEPT
-A DOCKER-FORWARD -i br-b -j ACCEPT
COMMIT
${RULES_20.slice(RULES_20.indexOf('*nat'))}`;

const SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '1',
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.all.route_localnet': '0',
  'net.ipv4.conf.all.accept_local': '0',
  'net.ipv4.conf.all.src_valid_mark': '0',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.netfilter.nf_conntrack_tcp_loose': '1',
  ...Object.fromEntries(
    ['eth0', 'br-a', 'br-b', 'lo'].flatMap((device) => [
      [`net.ipv4.conf.${device}.forwarding`, '1'],
      [`net.ipv4.conf.${device}.rp_filter`, '0'],
      [`net.ipv4.conf.${device}.route_localnet`, '0'],
      [`net.ipv4.conf.${device}.accept_local`, '0'],
      [`net.ipv4.conf.${device}.src_valid_mark`, '0'],
    ]),
  ),
};

const inside = (n: number, id: string, text: string, gateway: string | null, listeners: readonly Listener[] = []): OtherNamespace =>
  namespace(id, n, {
    links: [loopback, link(n, 'eth0', 'veth', { linkIndex: n + 1, linkNetnsid: 0, mac: `02:00:00:00:00:${n}` })],
    addresses: [address('eth0', text)],
    routes: [
      ...(gateway === null ? [] : [route(`default via ${gateway} dev eth0`)]),
      route(`${text.replace(/\.\d+\/16$/, '.0/16')} dev eth0`),
    ],
    listeners,
  });

export const listener = (at: string, port: number, program: string | null = null, protocol: 'tcp' | 'udp' = 'tcp'): Listener => ({
  protocol,
  ip: ip(at),
  dualStack: false,
  port,
  device: null,
  program,
});

const hostEnd = (n: number, master: string | null) => link(n + 1, `veth${n + 1}`, 'veth', { linkIndex: n, linkNetnsid: n, master });

export const WEB = container('web', {
  mode: 'neta',
  netns: '1011',
  endpoints: [endpoint(NET_A, '172.18.0.2', { mac: '02:00:00:00:00:11' })],
  published: [{ protocol: 'tcp', containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 }],
});
const CLI2 = container('cli2', { mode: 'neta', netns: '1021', endpoints: [endpoint(NET_A, '172.18.0.3', { mac: '02:00:00:00:00:21' })] });
const CLI = container('cli', { mode: 'netb', netns: '1031', endpoints: [endpoint(NET_B, '172.19.0.2', { mac: '02:00:00:00:00:31' })] });

export interface HostChange {
  readonly rules?: string;
  readonly legacy?: string;
  readonly sysctls?: Readonly<Record<string, string | null>>;
  readonly self?: Partial<NamespaceFacts>;
  readonly networks?: readonly DockerNetwork[];
  readonly containers?: readonly DockerContainer[];
  readonly namespaces?: readonly OtherNamespace[];
}

export const makeHost = (change: HostChange = {}): HostFacts => {
  const sysctls = new Map(Object.entries(SYSCTLS));
  for (const [name, value] of Object.entries(change.sysctls ?? {})) {
    if (value === null) sysctls.delete(name);
    else sysctls.set(name, value);
  }
  return hostFacts({
    self: {
      links: [
        loopback,
        link(2, 'eth0', null, { mac: '02:00:00:00:00:aa' }),
        link(3, 'br-a', 'bridge', { mac: '02:00:00:00:00:0a', data: { nf_call_iptables: 0 } }),
        link(4, 'br-b', 'bridge', { mac: '02:00:00:00:00:0b', data: { nf_call_iptables: 0 } }),
        hostEnd(11, 'br-a'),
        hostEnd(21, 'br-a'),
        hostEnd(31, 'br-b'),
      ],
      addresses: [
        address('lo', '127.0.0.1/8'),
        address('eth0', '203.0.113.1/24'),
        address('br-a', '172.18.0.1/16'),
        address('br-b', '172.19.0.1/16'),
      ],
      routes: [
        route('default via 203.0.113.2 dev eth0'),
        route('203.0.113.0/24 dev eth0'),
        route('172.18.0.0/16 dev br-a'),
        route('172.19.0.0/16 dev br-b'),
      ],
      bridgePorts: ['veth12', 'veth22'].map((dev) => ({ dev, bridge: 'br-a', state: 'forwarding', hairpin: false, isolated: false })),
      sysctls,
      rulesets: [
        parseSave(change.rules ?? RULES_20, { backend: 'nft', family: 'ip' }),
        ...(change.legacy === undefined ? [] : [parseSave(change.legacy, { backend: 'legacy', family: 'ip' })]),
      ],
      ...change.self,
    },
    networks: change.networks ?? [NET_A, NET_B],
    namespaces: change.namespaces ?? [
      inside(11, '1011', '172.18.0.2/16', '172.18.0.1', [listener('0.0.0.0', 80, 'httpd')]),
      inside(21, '1021', '172.18.0.3/16', '172.18.0.1'),
      inside(31, '1031', '172.19.0.2/16', '172.19.0.1'),
    ],
    containers: change.containers ?? [WEB, CLI2, CLI],
  });
};

export { inside };

const PING = { proto: 'icmp', icmpType: 8, icmpCode: 0 } as const;
const tcp = (dport: number) => ({ proto: 'tcp', sport: 40000, dport }) as const;
const FROM = {
  web: { in: 'br-a', port: 'veth12', src: '172.18.0.2' },
  cli2: { in: 'br-a', port: 'veth22', src: '172.18.0.3' },
  cli: { in: 'br-b', port: 'veth32', src: '172.19.0.2' },
  outside: { in: 'eth0', src: '203.0.113.2' },
  host: { in: null, src: '203.0.113.1' },
  loopback: { in: null, src: '127.0.0.1' },
} as const;

/** `ask('cli', '172.18.0.2')` pings, `ask('outside', '203.0.113.1', 8080)` opens a TCP connection. */
export const ask = (from: keyof typeof FROM, dst: string, port?: number): PacketSpec => ({
  ...FROM[from],
  dst,
  ...(port === undefined ? PING : tcp(port)),
});

export interface Asked {
  readonly input: DiagnosisInput;
  readonly verdict: Verdict;
  readonly found: readonly Diagnosis[];
  readonly ids: readonly string[];
  readonly why: readonly string[];
}

export const asked = (facts: HostFacts, spec: PacketSpec, flow: Flow | null = null): Asked => {
  const { verdict, reply } = judgeBoth(compileHost(facts), spec);
  return told({ spec, verdict, reply, flow, facts, topology: buildTopology(facts) });
};

/** With a verdict of one's own. */
export const told = (input: DiagnosisInput): Asked => {
  const found = diagnose(input);
  return { input, verdict: input.verdict, found, ids: found.map(({ id }) => id), why: whySentences(input) };
};
