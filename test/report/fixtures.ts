/** A small host with one of each: two bridges, a macvlan child, shared, host, none and stopped containers; verdicts and flows on it. */

import { prefixOf } from '../../src/base/ip-address.ts';
import type { Flow } from '../../src/flow/flow.ts';
import type { HostFacts, NamespaceFacts } from '../../src/host/facts.ts';
import type { Verdict } from '../../src/path/verdict.ts';
import type { FlowRow } from '../../src/session/state/flow-row.ts';
import type { FlowVerdict } from '../../src/session/state/flow-verdict.ts';
import type { ContainerNode, Endpoint, HostSide, Topology } from '../../src/topology/topology.ts';
import { ip } from '../addresses.ts';
import { aFlow } from '../flow/a-flow.ts';

const ISOLATED = '-A DOCKER-ISOLATION-STAGE-2 -o br-bbbb -j DROP';

export const dropVerdict: Verdict = {
  outcome: 'drop',
  decidedBy: {
    kind: 'rule',
    backend: 'nft',
    family: 'ip',
    table: 'filter',
    chain: 'DOCKER-ISOLATION-STAGE-2',
    rule: 1,
    text: ISOLATED,
    counters: { packets: 12, bytes: 1008 },
  },
  nat: [],
  out: null,
  steps: [
    {
      hook: 'prerouting',
      table: 'nat',
      chain: 'PREROUTING',
      rule: null,
      text: 'PREROUTING policy ACCEPT',
      action: 'policy',
      backend: 'nft',
      family: 'ip',
    },
    {
      hook: 'routing',
      table: null,
      chain: null,
      rule: null,
      text: '198.18.20.0/24 dev br-bbbb',
      action: 'continue',
      note: 'forwarding is on',
    },
    {
      hook: 'forward',
      table: 'filter',
      chain: 'FORWARD',
      rule: 1,
      text: '-A FORWARD -j DOCKER-USER',
      action: 'jump',
      backend: 'nft',
      family: 'ip',
    },
    {
      hook: 'forward',
      table: 'filter',
      chain: 'DOCKER-USER',
      rule: 1,
      text: '-A DOCKER-USER -j RETURN',
      action: 'return',
      backend: 'nft',
      family: 'ip',
    },
    {
      hook: 'forward',
      table: 'filter',
      chain: 'DOCKER-ISOLATION-STAGE-1',
      rule: 1,
      text: '-A DOCKER-ISOLATION-STAGE-1 -i br-aaaa ! -o br-aaaa -j DOCKER-ISOLATION-STAGE-2',
      action: 'jump',
      backend: 'nft',
      family: 'ip',
    },
    {
      hook: 'forward',
      table: 'filter',
      chain: 'DOCKER-ISOLATION-STAGE-2',
      rule: 1,
      text: ISOLATED,
      action: 'drop',
      backend: 'nft',
      family: 'ip',
    },
  ],
  unknowns: [],
  evidence: 'predicted',
  nearMisses: [
    {
      hook: 'prerouting',
      table: 'nat',
      chain: 'PREROUTING',
      rule: 1,
      text: '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      failed: '--dst-type LOCAL',
    },
  ],
};

export const publishedVerdict: Verdict = {
  outcome: 'accept',
  decidedBy: {
    kind: 'rule',
    backend: 'legacy',
    family: 'ip',
    table: 'filter',
    chain: 'DOCKER',
    rule: 1,
    text: '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
  },
  nat: [
    {
      kind: 'dnat',
      from: '203.0.113.1:8080',
      to: '172.17.0.2:80',
      by: {
        table: 'nat',
        chain: 'DOCKER',
        rule: 2,
        text: '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
      },
    },
  ],
  out: 'docker0',
  deliveredTo: { container: 'pub', network: 'bridge' },
  steps: [
    {
      hook: 'forward',
      table: 'filter',
      chain: 'DOCKER',
      rule: 1,
      text: '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
      action: 'accept',
      backend: 'legacy',
      family: 'ip',
    },
  ],
  unknowns: ['nft could not be read (no such program): base chains of native nftables are not known'],
  evidence: 'counted',
};

export const policyVerdict: Verdict = {
  outcome: 'drop',
  decidedBy: { kind: 'policy', backend: 'nft', family: 'ip', table: 'filter', chain: 'FORWARD', text: 'FORWARD policy DROP' },
  nat: [],
  out: null,
  steps: [
    {
      hook: 'forward',
      table: 'filter',
      chain: 'FORWARD',
      rule: null,
      text: 'FORWARD policy DROP',
      action: 'policy',
      backend: 'nft',
      family: 'ip',
    },
  ],
  unknowns: [],
  evidence: 'predicted',
};

export const flow = (change: Partial<Flow> = {}): Flow =>
  aFlow({
    id: 7,
    kind: 'icmp-echo',
    protocol: 1,
    a: ip('172.18.0.2'),
    b: ip('198.18.20.2'),
    aMac: 0x0242ac120002,
    bMac: 0x0242aaaaaaaa,
    icmpType: 8,
    icmpCode: 0,
    packets: [12, 0],
    bytes: [1176, 0],
    firstSec: 1_795_230_847,
    firstNsec: 123_456_789,
    lastSec: 1_795_230_858,
    lastNsec: 5,
    echo: { id: 1, sent: 12, answered: 0, lost: 11 },
    ended: true,
    revision: 12,
    ...change,
  });

export const flowVerdict = (verdict: Verdict, more: Partial<FlowVerdict> = {}): FlowVerdict => ({
  verdict,
  outcome: verdict.outcome,
  reply: null,
  replyOutcome: more.reply?.outcome ?? null,
  assumptions: [],
  counted: null,
  natCounted: [],
  contradiction: null,
  changes: [],
  ...more,
});

export const dropRow = (change: Partial<FlowRow> = {}): FlowRow => ({
  flow: flow(),
  aName: 'web1',
  bName: 'web2',
  protocol: 'icmp echo',
  state: '12 sent 0 back',
  verdict: flowVerdict(dropVerdict, { counted: 12 }),
  outcome: 'DROP',
  by: 'filter DOCKER-ISOLATION-STAGE-2 #1',
  traced: { there: null, reply: null },
  ...change,
});

export const tcpRow = (): FlowRow => ({
  flow: flow({
    id: 8,
    kind: 'tcp',
    protocol: 6,
    a: ip('203.0.113.2'),
    b: ip('203.0.113.1'),
    aPort: 51_234,
    bPort: 8080,
    packets: [8, 6],
    bytes: [620, 980],
    rttNs: 310_000,
    minRttNs: 290_000,
    echo: null,
    tcp: { phase: 'closed', resetBy: -1, retransmissions: [1, 0], zeroWindows: [0, 0], outOfOrder: [0, 0], handshakeNs: 420_000 },
  }),
  aName: 'outside',
  bName: '203.0.113.1',
  protocol: 'tcp',
  state: 'closed',
  verdict: flowVerdict(publishedVerdict, {
    reply: policyVerdict,
    assumptions: ['the packet came in by eth0'],
    changes: [{ at: 1_795_230_850, from: 'drop', to: 'accept', because: 'rules changed' }],
  }),
  outcome: 'ACCEPT',
  by: 'DNAT → 172.17.0.2:80 · filter DOCKER #1 (legacy)',
  traced: { there: null, reply: null },
});

const veth = (name: string, bridge: string): HostSide => ({ kind: 'veth', interface: name, bridge, parent: null, namespace: null });

const endpoint = (network: string, address: string, host: HostSide | null, change: Partial<Endpoint> = {}): Endpoint => ({
  network,
  driver: 'bridge',
  ipv4: ip(address),
  ipv6: null,
  mac: '02:42:ac:12:00:02',
  interface: 'eth0',
  host,
  unresolved: null,
  warnings: [],
  ...change,
});

const NETNS: Readonly<Record<string, string>> = {
  web1: '4026532470',
  sidecar: '4026532470',
  web2: '4026532471',
  multi: '4026532472',
  pub: '4026532473',
};

const container = (name: string, endpoints: readonly Endpoint[], change: Partial<ContainerNode> = {}): ContainerNode => ({
  id: `${name}0000000000000000`,
  name,
  image: 'lab/busybox',
  state: 'running',
  mode: 'test_net1',
  modeKind: 'bridge',
  sharesWith: null,
  sharedBy: [],
  netns: NETNS[name] ?? `402653248${name.length}`,
  pid: 4711,
  endpoints,
  published: [],
  composeProject: null,
  remark: null,
  ...change,
});

export const topology: Topology = {
  containers: [
    container('web1', [endpoint('test_net1', '172.18.0.2', veth('veth1111', 'br-aaaa'))], { sharedBy: ['sidecar'] }),
    container('web2', [endpoint('test_net2', '198.18.20.2', veth('veth2222', 'br-bbbb'))]),
    container('multi', [
      endpoint('test_net1', '172.18.0.4', veth('veth3333', 'br-aaaa')),
      endpoint('test_net2', '198.18.20.4', veth('veth4444', 'br-bbbb'), { interface: 'eth1', ipv6: ip('fd00::4') }),
    ]),
    container('pub', [endpoint('bridge', '172.17.0.2', null, { unresolved: 'no process in its namespace', interface: null })], {
      published: [{ protocol: 'tcp', containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 }],
    }),
    container('mv1', [
      endpoint(
        'mv',
        '198.19.5.2',
        { kind: 'macvlan', interface: null, bridge: null, parent: 'eth0', namespace: null },
        { driver: 'macvlan' },
      ),
    ]),
    container('sidecar', [], { mode: 'container:web1', modeKind: 'container', sharesWith: 'web1' }),
    container('hostmode', [], { mode: 'host', modeKind: 'host', remark: "it lives in the host's own namespace" }),
    container('nonemode', [], { mode: 'none', modeKind: 'none' }),
    container('old', [], { state: 'exited', netns: null, pid: null, remark: 'it is not running' }),
  ],
  bridges: [
    {
      name: 'br-aaaa',
      network: 'test_net1',
      networkDriver: 'bridge',
      internal: false,
      addresses: ['172.18.0.1/16'],
      up: true,
      ports: [
        { interface: 'veth1111', container: 'web1', containerInterface: 'eth0' },
        { interface: 'veth3333', container: 'multi', containerInterface: 'eth0' },
        { interface: 'vethxxxx', container: null, containerInterface: null },
      ],
    },
    {
      name: 'br-bbbb',
      network: 'test_net2',
      networkDriver: 'bridge',
      internal: true,
      addresses: ['198.18.20.1/24'],
      up: true,
      ports: [
        { interface: 'veth2222', container: 'web2', containerInterface: 'eth0' },
        { interface: 'veth4444', container: 'multi', containerInterface: 'eth1' },
      ],
    },
    { name: 'virbr0', network: null, networkDriver: null, internal: false, addresses: [], up: false, ports: [] },
  ],
  uplinks: ['eth0'],
  trunks: [],
  points: [
    {
      id: 'veth1111',
      interface: 'veth1111',
      netns: null,
      kind: 'veth',
      sees: 'all of web1',
      container: 'web1',
      network: 'test_net1',
      filter: null,
    },
  ],
  warnings: ['docker0 has no ports'],
};

const noFacts: NamespaceFacts = {
  links: null,
  addresses: [
    {
      interface: 'eth0',
      ip: ip('203.0.113.1'),
      prefix: prefixOf(ip('203.0.113.1'), 24),
      broadcast: null,
      peer: null,
      scope: 'global',
      secondary: false,
    },
  ],
  routes: null,
  policyRules: null,
  neighbours: null,
  fdb: null,
  bridgePorts: null,
  sysctls: null,
  rulesets: [],
  nftables: null,
  ipsets: null,
  conntrack: null,
  listeners: null,
  missing: new Map(),
  problems: [],
};

export const facts: HostFacts = {
  takenAt: '1795230847.000000000',
  hostName: 'labhost',
  netns: '4026531840',
  self: noFacts,
  namespaces: [{ id: '4026532470', nsid: 0, pid: 4711, owners: ['web10000000000000000', 'sidecar0000000000000000'], facts: noFacts }],
  containers: [],
  networks: [],
  dockerVersion: '28.5.2',
  dockerError: null,
};
