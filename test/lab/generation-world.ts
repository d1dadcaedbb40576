/**
 * A host without Docker but with everything else that it makes: bridges, containers as namespaces, an outside machine. Rules of any
 * generation are loaded into it, and every pair is foretold, held and traced.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { type NamespaceDocument, SNAPSHOT_COMMANDS } from '../../src/host/snapshot.ts';
import { compileHost } from '../../src/path/model.ts';
import { questionBetween } from '../../src/path/question.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { namespaceName, removeStaleNamespaces } from '../namespaces.ts';
import { dockerDocument, namespaceDocument } from './docker-document.ts';
import { type FixtureContainer, type FixtureNetwork, type Generation, renderRules } from './docker-generations.ts';
import { KernelTrace } from './kernel-trace.ts';
import { type Count, countOf, hold, type Plan, SENTINEL } from './reach.ts';
import { sentinelOf } from './scene-pairs.ts';
import { Talk } from './talk.ts';

const container = (name: string, ip: string, ...published: FixtureContainer['published']): FixtureContainer => ({ name, ip, published });

const plain = { internal: false, icc: true, masquerade: true, mode: 'nat' } as const;

export const NETWORKS: readonly FixtureNetwork[] = [
  {
    ...plain,
    bridge: 'docker0',
    subnet: '172.17.0.0/16',
    gateway: '172.17.0.1',
    containers: [
      container('shop', '172.17.0.2', { port: 80, hostPort: 8080 }),
      container('office', '172.17.0.3', { port: 80, hostPort: 8081, hostIp: '127.0.0.1' }),
    ],
  },
  {
    ...plain,
    bridge: 'br-yard',
    subnet: '172.18.0.0/16',
    gateway: '172.18.0.1',
    containers: [container('gate', '172.18.0.2', { port: 80, hostPort: 8082 }), container('shed', '172.18.0.3')],
  },
  {
    ...plain,
    internal: true,
    bridge: 'br-vault',
    subnet: '172.19.0.0/16',
    gateway: '172.19.0.1',
    containers: [container('gold', '172.19.0.2'), container('silver', '172.19.0.3')],
  },
  {
    ...plain,
    mode: 'routed',
    bridge: 'br-road',
    subnet: '172.20.0.0/16',
    gateway: '172.20.0.1',
    containers: [container('inn', '172.20.0.2', { port: 80, hostPort: 8083 }), container('coach', '172.20.0.3')],
  },
  {
    ...plain,
    mode: 'nat-unprotected',
    bridge: 'br-field',
    subnet: '172.21.0.0/16',
    gateway: '172.21.0.1',
    containers: [container('barn', '172.21.0.2', { port: 80, hostPort: 8084 })],
  },
  {
    ...plain,
    icc: false,
    bridge: 'br-cells',
    subnet: '172.22.0.0/16',
    gateway: '172.22.0.1',
    containers: [container('cell1', '172.22.0.2', { port: 80, hostPort: 8085 }), container('cell2', '172.22.0.3')],
  },
  {
    ...plain,
    masquerade: false,
    bridge: 'br-bare',
    subnet: '172.23.0.0/16',
    gateway: '172.23.0.1',
    containers: [container('bare', '172.23.0.2')],
  },
];

const HOST = '203.0.113.1';
const OUTSIDE = '203.0.113.2';
const OPEN_UDP = 7001;
const CLOSED_PORT = 7002;
const FIRST_KEY = 10_001;
const PREFIX = 'vsgen';

interface Sender {
  readonly name: string;
  readonly network: FixtureNetwork | null;
  readonly ip: string;
}

const SENDERS: readonly Sender[] = [
  { name: 'outside', network: null, ip: OUTSIDE },
  { name: 'host', network: null, ip: HOST },
  ...NETWORKS.flatMap((network) => network.containers.map(({ name, ip }) => ({ name, network, ip }))),
];

const macOf = (ip: string): string =>
  `02:42:${ip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;
const portOf = (name: string): string => `veth-${name}`;
const everyPort = NETWORKS.flatMap(({ containers }) => containers.flatMap(({ published }) => published));

const sh = (script: string, input = ''): string =>
  execFileSync('bash', ['-ec', script], { input, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'pipe'] });

export class GenerationWorld {
  readonly #main: string;
  #nextKey = FIRST_KEY;
  #namespaces: ReadonlyMap<string, NamespaceDocument> = new Map();

  private constructor(main: string) {
    this.#main = main;
  }

  /** `main`: the built program, whose `snapshot` command reads the host. */
  static open(main: string): GenerationWorld {
    removeStaleNamespaces(PREFIX);
    const world = new GenerationWorld(main);
    try {
      sh(world.#topology());
      world.#namespaces = world.#readNamespaces();
    } catch (error) {
      world.close();
      throw error;
    }
    return world;
  }

  close(): void {
    sh(SENDERS.map(({ name }) => `[ ! -e /run/netns/${this.#netns(name)} ] || ip netns del ${this.#netns(name)}`).join('\n'));
  }

  async reach(generation: Generation, every: number): Promise<Count> {
    this.#load(generation);
    const spaces = new Map(SENDERS.map(({ name }) => [name, `/run/netns/${this.#netns(name)}`]));
    const listeners = SENDERS.flatMap(({ name }) => [
      { space: name, proto: 'tcp' as const, port: 80 },
      { space: name, proto: 'udp' as const, port: OPEN_UDP },
    ]);
    // Whoever stands for docker-proxy: it listens, and dials nobody.
    const proxies = everyPort.map(({ hostPort }) => ({ space: 'host', proto: 'tcp' as const, port: hostPort }));
    const talk = await Talk.open(spaces, [...listeners, ...proxies]);
    let trace: KernelTrace | null = null;
    try {
      await this.#meet(talk);
      const facts = this.#facts();
      trace = KernelTrace.open(this.#inHost, facts.self.rulesets);
      const plans = plansOf(facts, every, this.#nextKey);
      this.#nextKey += plans.length;
      return countOf(await hold(plans, { model: compileHost(facts), talk, trace, sentinel: sentinelOf(SENTINEL) }));
    } finally {
      await trace?.close();
      talk.close();
    }
  }

  readonly #inHost = (argv: readonly string[]): readonly string[] => ['ip', 'netns', 'exec', this.#netns('host'), ...argv];

  #netns(name: string): string {
    return namespaceName(PREFIX, name);
  }

  #load(generation: Generation): void {
    const { save, ipset, nft } = renderRules(generation, NETWORKS);
    const host = `ip netns exec ${this.#netns('host')}`;
    sh(`${host} nft flush ruleset; ${host} ipset destroy; ${host} conntrack -F 2>/dev/null`);
    if (ipset !== '') sh(`${host} ipset restore`, ipset);
    if (save !== '') sh(`${host} iptables-nft-restore`, generation === '1.12' ? save.replace(':FORWARD DROP', ':FORWARD ACCEPT') : save);
    if (nft !== '') sh(`${host} nft -f -`, nft);
  }

  /** Each says something to its gateway, so that neighbours and bridge ports are known as on a host in use. */
  async #meet(talk: Talk): Promise<void> {
    const items = SENDERS.flatMap(({ name, network }, at) =>
      name === 'host' ? [] : [{ key: 60_000 + at, space: name, proto: 'icmp' as const, dst: network?.gateway ?? HOST }],
    );
    const { results } = await talk.speak(items, 200, 2000);
    const silent = items.filter(({ key }) => results.get(key) !== 'answered');
    if (silent.length > 0) throw new Error(`${silent.map(({ space }) => space).join(', ')}: no answer from the gateway`);
  }

  #facts(): HostFacts {
    const command = `ip netns exec ${this.#netns('host')} env DOCKER_HOST=unix:///nonexistent/docker.sock`;
    const snapshot = parseSnapshot(sh(`${command} '${process.execPath}' '${this.#main}' snapshot`));
    return readFacts({
      ...snapshot,
      namespaces: Object.fromEntries(this.#namespaces),
      docker: dockerDocument(
        NETWORKS,
        ({ name }) => this.#inode(name),
        ({ ip }) => macOf(ip),
      ),
    });
  }

  #inode(name: string): number {
    return statSync(`/run/netns/${this.#netns(name)}`).ino;
  }

  /** What the agent reads in each container's namespace; nothing of it changes. */
  #readNamespaces(): ReadonlyMap<string, NamespaceDocument> {
    const { link, address, route4, rule4 } = SNAPSHOT_COMMANDS;
    return new Map(
      NETWORKS.flatMap(({ containers }) => containers).map((each) => {
        const raw = [link, address, route4, rule4].map(
          (command) => [command, sh(`ip netns exec ${this.#netns(each.name)} ${command}`)] as const,
        );
        return [String(this.#inode(each.name)), namespaceDocument(each, Object.fromEntries(raw))];
      }),
    );
  }

  #topology(): string {
    const host = this.#netns('host');
    const outside = this.#netns('outside');
    return [
      ...SENDERS.map(({ name }) => `ip netns add ${this.#netns(name)}; ip -n ${this.#netns(name)} link set lo up`),
      `ip netns exec ${host} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.icmp_ratelimit=0`,
      `ip -n ${host} link add eth0 type veth peer name eth0 netns ${outside}`,
      `ip -n ${host} addr add ${HOST}/24 dev eth0; ip -n ${host} link set eth0 up`,
      `ip -n ${outside} addr add ${OUTSIDE}/24 dev eth0; ip -n ${outside} link set eth0 up`,
      `ip -n ${host} route add default via ${OUTSIDE}; ip -n ${outside} route add default via ${HOST}`,
      ...NETWORKS.flatMap(({ bridge, gateway, internal, containers }) => [
        `ip -n ${host} link add ${bridge} type bridge stp_state 0 forward_delay 0`,
        `ip -n ${host} addr add ${gateway}/16 dev ${bridge}; ip -n ${host} link set ${bridge} up`,
        ...containers.flatMap(({ name, ip }) => {
          const own = this.#netns(name);
          return [
            `ip -n ${host} link add ${portOf(name)} master ${bridge} type veth peer name eth0 address ${macOf(ip)} netns ${own}`,
            `ip -n ${host} link set ${portOf(name)} up; ip -n ${own} addr add ${ip}/16 dev eth0; ip -n ${own} link set eth0 up`,
            ...(internal ? [] : [`ip -n ${own} route add default via ${gateway}`]),
          ];
        }),
      ]),
      `ip netns exec ${host} sysctl -qw net.bridge.bridge-nf-call-iptables=1`,
    ].join('\n');
  }
}

const PROTOS = ['icmp', 'tcp:80', `tcp:${CLOSED_PORT}`, `udp:${OPEN_UDP}`];

const plansOf = (facts: HostFacts, every: number, firstKey: number): readonly Plan[] => {
  const model = compileHost(facts);
  const topology = buildTopology(facts);
  const own = [HOST, ...NETWORKS.map(({ gateway }) => gateway)];
  const ports = everyPort.map(({ hostPort }) => `tcp:${hostPort}`);
  const targets = [
    ...NETWORKS.flatMap(({ containers }) => containers.map(({ ip }) => ({ ip, protos: PROTOS }))),
    ...own.map((ip) => ({ ip, protos: [...PROTOS, ...ports] })),
    { ip: OUTSIDE, protos: PROTOS },
  ];
  const plans: Plan[] = [];
  let count = 0;
  for (const { name: space, ip: from } of SENDERS) {
    for (const { ip, protos } of space === 'host' ? [...targets, { ip: '127.0.0.1', protos: ports }] : targets) {
      // What the outside machine says to itself never comes to the host.
      if (space === 'outside' && ip === from) continue;
      for (const proto of protos) {
        if (count++ % every !== 0) continue;
        const key = firstKey + plans.length;
        const [name = '', port] = proto.split(':');
        const dport = port === undefined ? null : Number(port);
        const { spec, settled } = questionBetween(model, topology, space, ip, proto);
        plans.push({
          key,
          space,
          proto: name as Plan['proto'],
          dst: ip,
          ...(dport === null ? {} : { dport }),
          words: `${space} → ${ip} ${proto}`,
          spec: { ...spec, ...(dport === null ? { icmpId: key } : { sport: key }) },
          settled,
          listener: dport === 80 || dport === OPEN_UDP || ports.includes(proto),
        });
      }
    }
  }
  return plans;
};
