/**
 * Rulesets of any size in the shapes that hosts have: a plain list, kube-proxy's services (pkg/proxy/iptables), one Docker network
 * after another as engines before and since 28 write them. Text as iptables-save prints it.
 */

const counted = (line: string): string => `[0:0] ${line}`;

const table = (name: string, chains: readonly string[], rules: readonly string[]): string =>
  [`*${name}`, ...chains, ...rules.map(counted), 'COMMIT', ''].join('\n');

export const address = (base: number, index: number): string => {
  const word = base + index;
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
};

/** A blocklist before a few accepting rules: every packet goes through all of it. */
export const plainList = (rules: number): string =>
  table(
    'filter',
    [':INPUT ACCEPT [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT ACCEPT [0:0]'],
    Array.from({ length: rules - 1 }, (_, index) =>
      index % 4 === 3
        ? `-A FORWARD -s ${address(0x0b00_0000, index * 7)}/32 -p tcp -m tcp --dport ${1024 + (index % 60000)} -m conntrack --ctstate NEW -j DROP`
        : `-A FORWARD -s ${address(0x0b00_0000, index * 7)}/32 -j DROP`,
    ).concat('-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT'),
  );

/** The worst of lists: each rule is decided by its last condition only. */
export const portList = (rules: number): string =>
  table(
    'filter',
    [':INPUT ACCEPT [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT ACCEPT [0:0]'],
    Array.from(
      { length: rules - 1 },
      (_, index) =>
        `-A FORWARD -s 10.0.0.0/8 -i eth0 -p tcp -m tcp --dport ${1024 + (index % 60000)} -m comment --comment "port ${index}" -j DROP`,
    ).concat('-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT'),
  );

/** Names as kube-proxy makes them: sixteen letters of a hash. */
const hashed = (index: number): string => {
  let word = (Math.imul(index + 1, 0x9e37_79b1) >>> 0) + 0x1_0000_0000 * (index + 7);
  let text = '';
  for (let at = 0; at < 16; at++) {
    text += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[word % 32];
    word = Math.floor(word / 32) + index * 31 + at * 17;
  }
  return text;
};

/** Services with three endpoints each, eleven rules a service. */
export const kubeProxy = (rules: number): string => {
  const chains: string[] = [];
  const services: string[] = [];
  const bodies: string[] = [];
  const count = Math.floor((rules - 14) / 11);
  for (let service = 0; service < count; service++) {
    const ip = address(0xac1e_0000, service + 1);
    const name = `ns${service % 40}/svc${service}:p80`;
    const svc = `KUBE-SVC-${hashed(service)}`;
    chains.push(`:${svc} - [0:0]`);
    services.push(`-A KUBE-SERVICES -d ${ip}/32 -p tcp -m comment --comment "${name} cluster IP" -m tcp --dport 80 -j ${svc}`);
    bodies.push(
      `-A ${svc} ! -s 10.0.0.0/8 -d ${ip}/32 -p tcp -m comment --comment "${name} cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ`,
    );
    for (let endpoint = 0; endpoint < 3; endpoint++) {
      const pod = address(0x0ab4_0000, service * 3 + endpoint + 2);
      const sep = `KUBE-SEP-${hashed(service * 3 + endpoint + 100_000)}`;
      chains.push(`:${sep} - [0:0]`);
      const chance = ['0.33333333349', '0.50000000000'][endpoint];
      const dice = chance === undefined ? '' : ` -m statistic --mode random --probability ${chance}`;
      bodies.push(`-A ${svc} -m comment --comment "${name} -> ${pod}:80"${dice} -j ${sep}`);
      bodies.push(`-A ${sep} -s ${pod}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`);
      bodies.push(`-A ${sep} -p tcp -m comment --comment "${name}" -m tcp -j DNAT --to-destination ${pod}:80`);
    }
  }
  const nat = table(
    'nat',
    [
      ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((name) => `:${name} ACCEPT [0:0]`),
      ...['KUBE-MARK-MASQ', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-SERVICES'].map((name) => `:${name} - [0:0]`),
      ...chains,
    ],
    [
      '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
      '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
      '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
      '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
      '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
      ...services,
      '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
      ...bodies,
    ],
  );
  const filter = table(
    'filter',
    [':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ':KUBE-FIREWALL - [0:0]', ':KUBE-FORWARD - [0:0]'],
    [
      '-A INPUT -j KUBE-FIREWALL',
      '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
      '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
      '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ],
  );
  return nat + filter;
};

export interface DockerNetworkText {
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly containers: readonly string[];
}

export const dockerNetworks = (count: number, containersEach: number): readonly DockerNetworkText[] =>
  Array.from({ length: count }, (_, index) => {
    const base = 0xac10_0000 + index * 256;
    return {
      bridge: `br-${(0x1000_0000_0000 + index * 0x1234_5679).toString(16).slice(0, 12)}`,
      subnet: `${address(base, 0)}/24`,
      gateway: address(base, 1),
      containers: Array.from({ length: containersEach }, (__, container) => address(base, container + 2)),
    };
  });

/** Every network publishes port 80 of its first container. */
const published = (index: number): number => 20_000 + index;

/** Engine 20.10: isolation by two stages, one rule a bridge in each. */
export const dockerBefore28 = (networks: readonly DockerNetworkText[]): string => {
  const filter = table(
    'filter',
    [
      ':INPUT ACCEPT [0:0]',
      ':FORWARD DROP [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ...['DOCKER', 'DOCKER-ISOLATION-STAGE-1', 'DOCKER-ISOLATION-STAGE-2', 'DOCKER-USER'].map((name) => `:${name} - [0:0]`),
    ],
    [
      '-A FORWARD -j DOCKER-USER',
      '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
      ...networks.flatMap(({ bridge }) => [
        `-A FORWARD -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
        `-A FORWARD -o ${bridge} -j DOCKER`,
        `-A FORWARD -i ${bridge} ! -o ${bridge} -j ACCEPT`,
        `-A FORWARD -i ${bridge} -o ${bridge} -j ACCEPT`,
      ]),
      ...networks.map(
        ({ bridge, containers }) => `-A DOCKER -d ${containers[0]}/32 ! -i ${bridge} -o ${bridge} -p tcp -m tcp --dport 80 -j ACCEPT`,
      ),
      ...networks.map(({ bridge }) => `-A DOCKER-ISOLATION-STAGE-1 -i ${bridge} ! -o ${bridge} -j DOCKER-ISOLATION-STAGE-2`),
      '-A DOCKER-ISOLATION-STAGE-1 -j RETURN',
      ...networks.map(({ bridge }) => `-A DOCKER-ISOLATION-STAGE-2 -o ${bridge} -j DROP`),
      '-A DOCKER-ISOLATION-STAGE-2 -j RETURN',
      '-A DOCKER-USER -j RETURN',
    ],
  );
  return natOf(networks) + filter;
};

/** Engine 28: one chain for each kind of rule, and the raw table keeps direct access to containers out. */
export const dockerSince28 = (networks: readonly DockerNetworkText[]): string => {
  const filter = table(
    'filter',
    [
      ':INPUT ACCEPT [0:0]',
      ':FORWARD DROP [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ...['', '-BRIDGE', '-CT', '-FORWARD', '-ISOLATION-STAGE-1', '-ISOLATION-STAGE-2', '-USER'].map((name) => `:DOCKER${name} - [0:0]`),
    ],
    [
      '-A FORWARD -j DOCKER-USER',
      '-A FORWARD -j DOCKER-FORWARD',
      ...networks.map(
        ({ bridge, containers }) => `-A DOCKER -d ${containers[0]}/32 ! -i ${bridge} -o ${bridge} -p tcp -m tcp --dport 80 -j ACCEPT`,
      ),
      ...networks.map(({ bridge }) => `-A DOCKER ! -i ${bridge} -o ${bridge} -j DROP`),
      ...networks.map(({ bridge }) => `-A DOCKER-BRIDGE -o ${bridge} -j DOCKER`),
      ...networks.map(({ bridge }) => `-A DOCKER-CT -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`),
      '-A DOCKER-FORWARD -j DOCKER-CT',
      '-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1',
      '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
      ...networks.map(({ bridge }) => `-A DOCKER-FORWARD -i ${bridge} -j ACCEPT`),
      ...networks.map(({ bridge }) => `-A DOCKER-ISOLATION-STAGE-1 -i ${bridge} ! -o ${bridge} -j DOCKER-ISOLATION-STAGE-2`),
      ...networks.map(({ bridge }) => `-A DOCKER-ISOLATION-STAGE-2 -o ${bridge} -j DROP`),
    ],
  );
  const raw = table(
    'raw',
    [':PREROUTING ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'],
    networks.flatMap(({ bridge, containers }) => containers.map((ip) => `-A PREROUTING -d ${ip}/32 ! -i ${bridge} -j DROP`)),
  );
  return raw + natOf(networks) + filter;
};

const natOf = (networks: readonly DockerNetworkText[]): string =>
  table(
    'nat',
    [...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((name) => `:${name} ACCEPT [0:0]`), ':DOCKER - [0:0]'],
    [
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
      ...networks.map(({ bridge, subnet }) => `-A POSTROUTING -s ${subnet} ! -o ${bridge} -j MASQUERADE`),
      ...networks.map(({ bridge }) => `-A DOCKER -i ${bridge} -j RETURN`),
      ...networks.map(
        ({ bridge, containers }, index) =>
          `-A DOCKER ! -i ${bridge} -p tcp -m tcp --dport ${published(index)} -j DNAT --to-destination ${containers[0]}:80`,
      ),
    ],
  );
