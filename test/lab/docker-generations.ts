/**
 * The rules that Docker writes for given networks, by generation of its versions: the same as its engines write and as its published
 * documents show (moby integration/network/bridge/iptablesdoc and nftablesdoc), rendered for networks of our own.
 */
import { dockerTables } from '../netfilter/nft/hosts.ts';

export interface Published {
  readonly port: number;
  readonly hostPort: number;
  readonly hostIp?: string;
}

export interface FixtureContainer {
  readonly name: string;
  readonly ip: string;
  readonly published: readonly Published[];
}

/** In the order in which they were made; `containers` in the order in which they were started. */
export interface FixtureNetwork {
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly internal: boolean;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** com.docker.network.bridge.gateway_mode_ipv4; before 28 all are `nat`. */
  readonly mode: 'nat' | 'routed' | 'nat-unprotected';
  readonly containers: readonly FixtureContainer[];
}

/** The first version of each: 1.12, 17.06, 18.03.1, 28.0.0, 28.0.1, 28.2.0, 28.2.2, 29.0.0, and 29 with --firewall-backend=nftables. */
export type Generation = '1.12' | '17.06' | '20.10' | '28.0.0' | '28.0.1' | '28.2.0' | '28.5' | '29' | '29 nftables';

export const GENERATIONS: readonly Generation[] = ['1.12', '17.06', '20.10', '28.0.0', '28.0.1', '28.2.0', '28.5', '29', '29 nftables'];

/** What has to be loaded, each where it is not empty. */
export interface RenderedRules {
  /** For iptables-restore. */
  readonly save: string;
  readonly ipset: string;
  readonly nft: string;
}

export const renderRules = (generation: Generation, networks: readonly FixtureNetwork[]): RenderedRules => {
  if (generation === '29 nftables') {
    const nft = dockerTables(
      networks.map(({ bridge, subnet, icc, internal, mode, containers }) => ({
        bridge,
        subnet,
        icc,
        mode,
        ...(internal ? { internal: true as const } : {}),
        endpoints: containers.map(({ ip }) => ip),
        published: containers.flatMap(({ ip, published }) =>
          published.map(({ port, hostPort, hostIp }) => ({ address: ip, port, hostPort, ...(hostIp === undefined ? {} : { hostIp }) })),
        ),
      })),
    );
    return { save: '', ipset: '', nft };
  }
  const known = isOld(generation) ? networks.map((network) => ({ ...network, mode: 'nat' as const })) : networks;
  const filter = isOld(generation) ? oldFilter(generation, known) : newFilter(generation, known);
  const tables = [table('filter', filter), table('nat', nat(generation, known))];
  if (!isOld(generation)) tables.push(table('raw', { PREROUTING: raw(generation, known) }));
  return { save: `${tables.join('\n')}\n`, ipset: generation === '28.0.0' ? extBridges(known) : '', nft: '' };
};

type Chains = Readonly<Record<string, readonly string[]>>;

const BUILTIN: Readonly<Record<string, string>> = { FORWARD: 'DROP', PREROUTING: 'ACCEPT', OUTPUT: 'ACCEPT', POSTROUTING: 'ACCEPT' };

const table = (name: string, chains: Chains): string =>
  [
    `*${name}`,
    ...Object.keys(chains).map((chain) => `:${chain} ${BUILTIN[chain] ?? '-'} [0:0]`),
    ...Object.entries(chains).flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
  ].join('\n');

const isOld = (generation: Generation): boolean => generation === '1.12' || generation === '17.06' || generation === '20.10';

const newestFirst = <T>(list: readonly T[]): readonly T[] => [...list].reverse();
const outer = (networks: readonly FixtureNetwork[]): readonly FixtureNetwork[] => networks.filter(({ internal }) => !internal);
const endpoints = (networks: readonly FixtureNetwork[]) =>
  networks.flatMap((network) => network.containers.map((container) => ({ network, container })));
const ports = (networks: readonly FixtureNetwork[]) =>
  endpoints(networks).flatMap(({ network, container }) => container.published.map((published) => ({ network, container, published })));

const CT = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';

const acceptPort = ({ network: { bridge }, container: { ip }, published: { port } }: ReturnType<typeof ports>[number]): string =>
  `-d ${ip}/32 ! -i ${bridge} -o ${bridge} -p tcp -m tcp --dport ${port} -j ACCEPT`;

const internalDrops = ({ bridge, subnet }: FixtureNetwork): readonly string[] => [
  `! -s ${subnet} -o ${bridge} -j DROP`,
  `! -d ${subnet} -i ${bridge} -j DROP`,
];

/** Up to 27: all in FORWARD, new networks above older ones, icc=false at its end. */
const oldFilter = (generation: Generation, networks: readonly FixtureNetwork[]): Chains => {
  const own = (network: FixtureNetwork): readonly string[] => {
    const { bridge, internal, icc } = network;
    const among = icc ? [`-i ${bridge} -o ${bridge} -j ACCEPT`] : [];
    if (internal) return among;
    const established = `-o ${bridge} ${CT}`;
    const jump = `-o ${bridge} -j DOCKER`;
    return [...(generation === '1.12' ? [jump, established] : [established, jump]), `-i ${bridge} ! -o ${bridge} -j ACCEPT`, ...among];
  };
  const forward = [
    ...newestFirst(networks).flatMap(own),
    ...networks.filter(({ icc }) => !icc).map(({ bridge }) => `-i ${bridge} -o ${bridge} -j DROP`),
  ];
  const DOCKER = ports(networks).map(acceptPort);
  const internals = newestFirst(networks.filter(({ internal }) => internal)).flatMap(internalDrops);
  if (generation === '20.10') {
    return {
      FORWARD: ['-j DOCKER-USER', '-j DOCKER-ISOLATION-STAGE-1', ...forward],
      DOCKER,
      'DOCKER-ISOLATION-STAGE-1': [
        ...newestFirst(networks).flatMap((network) =>
          network.internal ? internalDrops(network) : [`-i ${network.bridge} ! -o ${network.bridge} -j DOCKER-ISOLATION-STAGE-2`],
        ),
        '-j RETURN',
      ],
      'DOCKER-ISOLATION-STAGE-2': [...newestFirst(outer(networks)).map(({ bridge }) => `-o ${bridge} -j DROP`), '-j RETURN'],
      'DOCKER-USER': ['-j RETURN'],
    };
  }
  const pairs = newestFirst(outer(networks)).flatMap((one, at, all) =>
    all.slice(at + 1).flatMap(({ bridge }) => [`-i ${one.bridge} -o ${bridge} -j DROP`, `-i ${bridge} -o ${one.bridge} -j DROP`]),
  );
  const isolation = { 'DOCKER-ISOLATION': [...internals, ...pairs, '-j RETURN'] };
  return generation === '1.12'
    ? { FORWARD: ['-j DOCKER-ISOLATION', ...forward], DOCKER, ...isolation }
    : { FORWARD: ['-j DOCKER-USER', '-j DOCKER-ISOLATION', ...forward], DOCKER, ...isolation, 'DOCKER-USER': ['-j RETURN'] };
};

/** From 28 on: nothing depends on the policy of FORWARD, new networks come below older ones. */
const newFilter = (generation: Generation, networks: readonly FixtureNetwork[]): Chains => {
  const among = networks.flatMap(({ bridge, internal, icc }): readonly string[] => {
    if (internal) return [`-i ${bridge} -o ${bridge} -j ${icc ? 'ACCEPT' : 'DROP'}`];
    return icc ? [`-i ${bridge} -j ACCEPT`] : [`-i ${bridge} -o ${bridge} -j DROP`, `-i ${bridge} ! -o ${bridge} -j ACCEPT`];
  });
  const DOCKER = [
    ...newestFirst(ports(networks).filter(({ network: { mode } }) => mode !== 'nat-unprotected')).map(acceptPort),
    ...outer(networks).flatMap(({ bridge, mode }) => [
      ...(mode === 'routed' ? [`-o ${bridge} -p icmp -j ACCEPT`] : []),
      `! -i ${bridge} -o ${bridge} -j ${mode === 'nat-unprotected' ? 'ACCEPT' : 'DROP'}`,
    ]),
  ];
  const stages = {
    'DOCKER-ISOLATION-STAGE-1': [
      ...newestFirst(networks).flatMap((network) =>
        network.internal
          ? internalDrops(network)
          : network.mode === 'routed'
            ? [`-i ${network.bridge} ${CT}`, `-o ${network.bridge} -j RETURN`]
            : [],
      ),
      ...outer(networks).map(({ bridge }) => `-i ${bridge} ! -o ${bridge} -j DOCKER-ISOLATION-STAGE-2`),
    ],
    'DOCKER-ISOLATION-STAGE-2': newestFirst(outer(networks)).map(({ bridge }) => `-o ${bridge} -j DROP`),
  };
  const user = { 'DOCKER-USER': ['28.0.0', '28.0.1', '28.2.0'].includes(generation) ? ['-j RETURN'] : [] };
  if (generation === '28.0.0') {
    const set = '-m set --match-set docker-ext-bridges-v4 dst';
    return {
      FORWARD: ['-j DOCKER-USER', `${set} ${CT}`, '-j DOCKER-ISOLATION-STAGE-1', `${set} -j DOCKER`, ...among],
      DOCKER,
      ...stages,
      ...user,
    };
  }
  const before = generation === '29' ? 'DOCKER-INTERNAL' : 'DOCKER-ISOLATION-STAGE-1';
  return {
    FORWARD: ['-j DOCKER-USER', '-j DOCKER-FORWARD'],
    DOCKER,
    'DOCKER-BRIDGE': outer(networks).map(({ bridge }) => `-o ${bridge} -j DOCKER`),
    'DOCKER-CT': outer(networks).map(({ bridge }) => `-o ${bridge} ${CT}`),
    'DOCKER-FORWARD': ['-j DOCKER-CT', `-j ${before}`, '-j DOCKER-BRIDGE', ...among],
    ...(generation === '29'
      ? { 'DOCKER-INTERNAL': newestFirst(networks.filter(({ internal }) => internal)).flatMap(internalDrops) }
      : stages),
    ...user,
  };
};

const nat = (generation: Generation, networks: readonly FixtureNetwork[]): Chains => {
  const open = newestFirst(outer(networks));
  const translated = ports(networks).filter(({ network: { mode } }) => mode !== 'routed');
  const hasReturn = ({ masquerade, mode }: FixtureNetwork): boolean => generation !== '29' && (masquerade || mode === 'routed');
  return {
    PREROUTING: ['-m addrtype --dst-type LOCAL -j DOCKER'],
    OUTPUT: ['! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER'],
    POSTROUTING: [
      ...open
        .filter(({ masquerade, mode }) => masquerade && mode !== 'routed')
        .map(({ subnet, bridge }) => `-s ${subnet} ! -o ${bridge} -j MASQUERADE`),
      ...(isOld(generation)
        ? translated.map(
            ({ container: { ip }, published: { port } }) => `-s ${ip}/32 -d ${ip}/32 -p tcp -m tcp --dport ${port} -j MASQUERADE`,
          )
        : []),
    ],
    DOCKER: [
      ...open.filter(hasReturn).map(({ bridge }) => `-i ${bridge} -j RETURN`),
      ...translated.map(
        ({ network: { bridge }, container: { ip }, published: { port, hostPort, hostIp } }) =>
          `${hostIp === undefined ? '' : `-d ${hostIp}/32 `}! -i ${bridge} -p tcp -m tcp --dport ${hostPort} -j DNAT --to-destination ${ip}:${port}`,
      ),
    ],
  };
};

const raw = (generation: Generation, networks: readonly FixtureNetwork[]): readonly string[] =>
  endpoints(networks.filter(({ internal, mode }) => !internal && mode !== 'routed')).flatMap(({ network, container }) => {
    const { bridge, mode } = network;
    const { ip, published } = container;
    const perPort = generation === '28.0.0' || generation === '28.0.1';
    return [
      ...(perPort || mode === 'nat-unprotected' ? [] : [`-d ${ip}/32 ! -i ${bridge} -j DROP`]),
      ...published.flatMap(({ hostIp, hostPort, port }) => [
        ...(hostIp === '127.0.0.1' ? [`-d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport ${hostPort} -j DROP`] : []),
        ...(perPort && mode === 'nat' ? [`-d ${ip}/32 ! -i ${bridge} -p tcp -m tcp --dport ${port} -j DROP`] : []),
      ]),
    ];
  });

const extBridges = (networks: readonly FixtureNetwork[]): string =>
  [
    'create docker-ext-bridges-v4 hash:net family inet',
    ...outer(networks).map(({ subnet }) => `add docker-ext-bridges-v4 ${subnet}`),
    '',
  ].join('\n');
