/** Every pair of the lab's scene as conversations: containers, outside, the host, gateways and published ports, IPv4 and IPv6. */
import { formatIp } from '../../src/base/ip-address.ts';
import type { DockerContainer, HostFacts } from '../../src/host/facts.ts';
import type { HostModel } from '../../src/path/model.ts';
import { questionBetween } from '../../src/path/question.ts';
import type { Topology } from '../../src/topology/topology.ts';
import type { LabHost } from './lab.ts';
import type { Plan } from './reach.ts';
import type { Listener } from './talk.ts';

/** Where somebody of ours listens in every namespace, and where nobody does. */
export const OPEN_PORT = 7001;
const CLOSED_PORT = 7002;
/** Ports of senders: below what the kernel chooses from (ip_local_port_range), and unlike those of any service. */
const FIRST_KEY = 10_001;

const HOST4 = '203.0.113.1';
const OUTSIDE4 = '203.0.113.2';
const HOST6 = '2001:db8:203::1';
const OUTSIDE6 = '2001:db8:203::2';

export interface Spaces {
  /** A name of each network namespace to its file. */
  readonly files: ReadonlyMap<string, string>;
  readonly listeners: readonly Listener[];
}

/** The namespaces in which somebody can speak; those that share one are told by the first. */
export const spacesOf = (host: LabHost, facts: HostFacts): Spaces => {
  const files = new Map([
    ['host', `/run/netns/${host.netns}`],
    ['outside', `/run/netns/${host.outsideNetns}`],
  ]);
  for (const container of facts.containers) if (isOwn(container)) files.set(container.name, `/proc/${container.pid}/ns/net`);
  const listeners = [...files.keys()].flatMap((space): Listener[] => [
    { space, proto: 'tcp', port: OPEN_PORT },
    { space, proto: 'udp', port: OPEN_PORT },
  ]);
  return { files, listeners };
};

const isOwn = ({ pid, mode, state }: DockerContainer): boolean =>
  state === 'running' && pid !== null && mode !== 'host' && !mode.startsWith('container:');

interface Destination {
  readonly ip: string;
  readonly protos: readonly string[];
}

/** `host`, `outside` or a container, its namespace, and whether it says everything or just a word: it shares another's network. */
interface Sender {
  readonly name: string;
  readonly space: string;
  readonly all: boolean;
}

export interface PairOptions {
  /** Of the conversations each n-th, from the first on. */
  readonly every?: number;
}

export const scenePairs = (model: HostModel, topology: Topology, options: PairOptions = {}): readonly Plan[] => {
  const { facts } = model;
  const destinations = destinationsOf(facts);
  const plans: Plan[] = [];
  let count = 0;
  for (const sender of sendersOf(facts)) {
    for (const { ip, protos } of [
      ...destinations.filter((each) => sender.space !== 'outside' || !isOutside(each.ip)),
      ...(sender.space === 'host' ? loopback(facts) : []),
    ]) {
      for (const proto of sender.all ? protos : protos.slice(0, 1)) {
        if (count++ % (options.every ?? 1) === 0) plans.push(planOf(model, topology, sender, ip, proto, FIRST_KEY + plans.length));
      }
    }
  }
  return plans;
};

/** What it says to itself never comes to the host. */
const isOutside = (ip: string): boolean => ip === OUTSIDE4 || ip === OUTSIDE6;

const sendersOf = (facts: HostFacts): readonly Sender[] => [
  { name: 'outside', space: 'outside', all: true },
  { name: 'host', space: 'host', all: true },
  ...facts.containers.flatMap((container): Sender[] => {
    const { name, mode } = container;
    if (isOwn(container)) return [{ name, space: name, all: true }];
    if (mode === 'host') return [{ name, space: 'host', all: false }];
    const holder = facts.containers.find(({ id }) => mode === `container:${id}`);
    return holder === undefined ? [] : [{ name, space: holder.name, all: false }];
  }),
];

const PROTOS = ['icmp', `tcp:${OPEN_PORT}`, `tcp:${CLOSED_PORT}`, `udp:${OPEN_PORT}`];

const destinationsOf = (facts: HostFacts): readonly Destination[] => {
  const published = publishedPorts(facts);
  const containers = facts.containers.flatMap(({ endpoints, published: own }) =>
    endpoints.flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((ip): Destination[] =>
        ip === null ? [] : [{ ip: formatIp(ip), protos: [...PROTOS, ...new Set(own.map(({ containerPort }) => `tcp:${containerPort}`))] }],
      ),
    ),
  );
  const own = (facts.self.addresses ?? [])
    .filter(({ ip, scope, interface: dev }) => scope === 'global' && dev !== 'lo' && ip.a !== 0)
    .map(({ ip }): Destination => ({ ip: formatIp(ip), protos: [...PROTOS, ...published] }));
  const has6 = own.some(({ ip }) => ip === HOST6);
  return [...containers, ...own, { ip: OUTSIDE4, protos: PROTOS }, ...(has6 ? [{ ip: OUTSIDE6, protos: PROTOS }] : [])];
};

const publishedPorts = (facts: HostFacts): readonly string[] => [
  ...new Set(facts.containers.flatMap(({ published }) => published.map(({ protocol, hostPort }) => `${protocol}:${hostPort}`))),
];

const loopback = (facts: HostFacts): readonly Destination[] =>
  ['127.0.0.1', '::1'].map((ip) => ({ ip, protos: [...PROTOS, ...publishedPorts(facts)] }));

const planOf = (model: HostModel, topology: Topology, sender: Sender, ip: string, proto: string, key: number): Plan => {
  const question = questionBetween(model, topology, sender.name, ip, proto);
  const [name = '', port] = proto.split(':');
  const dport = port === undefined ? null : Number(port);
  return {
    key,
    space: sender.space,
    proto: name as Plan['proto'],
    dst: ip,
    ...(dport === null ? {} : { dport }),
    words: `${question.words} (${proto})`,
    spec: { ...question.spec, ...(dport === null ? { icmpId: key } : { sport: key }) },
    settled: question.settled,
    listener: dport === OPEN_PORT,
  };
};

/** What the scene's outside machine needs so that answers to addresses that are not masqueraded find back. */
export const routeBack = async (host: LabHost, has6: boolean): Promise<void> => {
  await host.outside(`ip route add default via ${HOST4}${has6 ? ` && ip -6 route add default via ${HOST6}` : ''}`);
};

export const sentinelOf = (port: number): { space: string; proto: 'udp'; dst: string; dport: number; key: number } => ({
  space: 'outside',
  proto: 'udp',
  dst: HOST4,
  dport: 9,
  key: port,
});
