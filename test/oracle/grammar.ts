/** Random rules of iptables over the matches and targets that are evaluated. iptables(8), iptables-extensions(8). */
import { BUILTIN_CHAINS } from '../../src/netfilter/builtin.ts';
import type { ChainPlan, RulePlan, RulesetPlan, TablePlan } from './case.ts';
import { DEVICES, PORTS } from './host-bench.ts';
import type { Random } from './random.ts';

export const PORT_NUMBERS = [22, 53, 80, 443, 1023, 5000, 8080, 40000] as const;

interface Place {
  readonly family: 4 | 6;
  readonly backend: 'nft' | 'legacy';
  readonly table: string;
  /** The base chains from which the rule can be reached. */
  readonly hooks: readonly string[];
}

export const SETS4 = [
  'create o-ip hash:ip family inet',
  'add o-ip 10.20.0.2',
  'add o-ip 10.30.0.0/28',
  'create o-net hash:net family inet',
  'add o-net 10.30.0.0/24',
  'add o-net 10.30.0.12/32 nomatch',
  'create o-ipport hash:ip,port family inet',
  'add o-ipport 10.20.0.2,tcp:80',
  'add o-ipport 10.30.0.11,udp:53',
  'add o-ipport 10.40.0.11,icmp:echo-request',
  'create o-port bitmap:port range 1-65535',
  'add o-port 80',
  'add o-port 440-450',
  'create o-list list:set',
  'add o-list o-ip',
  'add o-list o-net',
  'create o-mac hash:mac',
  'add o-mac 02:00:00:00:14:02',
] as const;

export const SETS6 = [
  'create o-ip hash:ip family inet6',
  'add o-ip fd14::2',
  'create o-net hash:net family inet6',
  'add o-net fd1e::/64',
  'add o-net fd1e::c/128 nomatch',
  'create o-ipport hash:ip,port family inet6',
  'add o-ipport fd14::2,tcp:80',
  'add o-ipport fd1e::b,udp:53',
  'create o-port bitmap:port range 1-65535',
  'add o-port 80',
  'add o-list-less 1',
].filter((line) => !line.includes('less'));

const not = (random: Random): string => (random.chance(0.2) ? '! ' : '');

/** What iptables-save leaves out although it decides: the negation of anything at all (`! -i +`, `! --dport 0:65535`). */
const UNPRINTED = /! (-[io] \+|-[sd] (0\.0\.0\.0|::)\/0|--[a-z]+ (0:65535|:65535|0:|any))(?= |$)/;

const addresses = (family: 4 | 6): readonly string[] => [
  ...DEVICES.map(({ four, six }) => (family === 4 ? four : six)),
  ...PORTS.flatMap(({ peers }) => peers.map(({ four, six }) => (family === 4 ? four : six))),
];

const address = (random: Random, family: 4 | 6): string => random.of(addresses(family));

const prefix = (random: Random, family: 4 | 6): string => {
  const one = address(random, family);
  if (random.chance(0.3)) return one;
  if (family === 6) return random.of(['fd14::/64', 'fd1e::/64', 'fd00::/8', '::/0', `${one}/128`, `${one}/127`]);
  return random.of([
    '10.20.0.0/24',
    '10.30.0.0/24',
    '10.0.0.0/8',
    '203.0.113.0/24',
    '10.0.0.2/255.0.0.255',
    '0.0.0.0/0',
    `${one}/31`,
    `${one}/30`,
  ]);
};

const port = (random: Random): string => String(random.of(PORT_NUMBERS));

const portRange = (random: Random): string =>
  random.chance(0.6) ? port(random) : random.of(['0:1023', '80:443', '1024:', ':100', '5000:5000', '0:65535', '32768:60999', '443:8080']);

const portList = (random: Random): string => random.some([...PORT_NUMBERS.map(String), '50:90', '1000:6000', '60000:65535'], 4).join(',');

const INPUT_HOOKS = ['PREROUTING', 'INPUT', 'FORWARD'];
const OUTPUT_HOOKS = ['FORWARD', 'OUTPUT', 'POSTROUTING'];

const within = (place: Place, hooks: readonly string[]): boolean => place.hooks.every((hook) => hooks.includes(hook));

const device = (random: Random): string => random.of(['eth0', 'r1', 'br0', 'br1', 'br+', 'e+', 'lo', 'p1', '+', 'r+', 'none0', 'eth01']);
const portName = (random: Random): string => random.of(['p1', 'p2', 'q1', 'q2', 'p+', 'q+', 'eth0']);

const STATES = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED'];
const TYPES4 = ['LOCAL', 'UNICAST', 'BROADCAST', 'MULTICAST', 'UNSPEC', 'BLACKHOLE', 'PROHIBIT', 'ANYCAST'];

type Make = (random: Random, place: Place) => readonly string[] | null;

const tcpMatch = (random: Random): string => {
  const parts = ['-p tcp -m tcp'];
  if (random.chance(0.5)) parts.push(`${not(random)}--dport ${portRange(random)}`);
  if (random.chance(0.2)) parts.push(`${not(random)}--sport ${portRange(random)}`);
  if (random.chance(0.2))
    parts.push(
      `${not(random)}--tcp-flags ${random.of(['SYN,ACK,FIN SYN', 'ALL NONE', 'ALL SYN', 'SYN,RST RST', 'ACK ACK', 'FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG', 'SYN SYN'])}`,
    );
  if (!parts.some((part) => part.includes('--tcp-flags')) && random.chance(0.2)) parts.push(`${not(random)}--syn`);
  return parts.join(' ');
};

const udpMatch = (random: Random): string => {
  const parts = ['-p udp -m udp'];
  if (random.chance(0.7)) parts.push(`${not(random)}--dport ${portRange(random)}`);
  if (random.chance(0.2)) parts.push(`${not(random)}--sport ${portRange(random)}`);
  return parts.join(' ');
};

const icmpMatch = (random: Random, family: 4 | 6): string =>
  family === 4
    ? `-p icmp -m icmp ${not(random)}--icmp-type ${random.of(['8', '0', '3', '3/3', 'any', '11', '8/0', 'echo-reply', 'fragmentation-needed'])}`
    : `-p ipv6-icmp -m icmp6 ${not(random)}--icmpv6-type ${random.of(['128', '129', '1', '1/4', '2', 'echo-request', '3'])}`;

const protocolMatch: Make = (random, { family }) => {
  switch (random.below(6)) {
    case 0:
    case 1:
      return [tcpMatch(random)];
    case 2:
      return [udpMatch(random)];
    case 3:
      return [icmpMatch(random, family)];
    case 4:
      return [`-p ${random.of(['tcp', 'udp', family === 4 ? 'icmp' : 'ipv6-icmp', '47', 'sctp'])}`];
    default:
      return [
        `-p ${random.of(['tcp', 'udp'])} -m multiport ${not(random)}${random.of(['--dports', '--sports', '--ports'])} ${portList(random)}`,
      ];
  }
};

const conntrackMatch = (random: Random, { family }: Place): string => {
  const parts = ['-m conntrack'];
  const add = [
    () => `${not(random)}--ctstate ${random.some([...STATES, 'SNAT', 'DNAT'], 3).join(',')}`,
    () => `${not(random)}--ctstatus ${random.some(['NONE', 'EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'], 2).join(',')}`,
    () => `${not(random)}--ctorigsrc ${prefix(random, family)}`,
    () => `${not(random)}--ctorigdst ${prefix(random, family)}`,
    () => `${not(random)}--ctreplsrc ${prefix(random, family)}`,
    () => `${not(random)}--ctrepldst ${prefix(random, family)}`,
    () => `${not(random)}--ctproto ${random.of(['tcp', 'udp', '1', '58'])}`,
    () => `${not(random)}--ctorigdstport ${portRange(random).replace(/^:/, '0:').replace(/:$/, ':65535')}`,
    () => `${not(random)}--ctorigsrcport ${portRange(random).replace(/^:/, '0:').replace(/:$/, ':65535')}`,
    () => `${not(random)}--ctreplsrcport ${portRange(random).replace(/^:/, '0:').replace(/:$/, ':65535')}`,
    () => `${not(random)}--ctrepldstport ${portRange(random).replace(/^:/, '0:').replace(/:$/, ':65535')}`,
    () => `--ctdir ${random.of(['ORIGINAL', 'REPLY'])}`,
  ];
  const first = random.chance(0.5) ? [add[0] as () => string] : random.some(add, 2);
  for (const make of first) parts.push(make());
  return parts.join(' ');
};

const setMatch: Make = (random, { family }) => {
  const dir = (): string => random.of(['src', 'dst']);
  switch (random.below(family === 4 ? 6 : 4)) {
    case 0:
      return [`-m set ${not(random)}--match-set o-ip ${dir()}`];
    case 1:
      return [`-m set ${not(random)}--match-set o-net ${dir()}`];
    case 2:
      return [`-m set ${not(random)}--match-set o-ipport ${dir()},${dir()}`];
    case 3:
      return [`-m set ${not(random)}--match-set o-port ${dir()}`];
    case 4:
      return [`-m set ${not(random)}--match-set o-list ${dir()}`];
    default:
      return [`-m set ${not(random)}--match-set o-ip ${dir()}`, `-m set ${not(random)}--match-set o-net ${dir()}`];
  }
};

const COMMON: readonly Make[] = [
  protocolMatch,
  protocolMatch,
  protocolMatch,
  (random, { family }) => [`${not(random)}-s ${prefix(random, family)}`],
  (random, { family }) => [`${not(random)}-d ${prefix(random, family)}`],
  (random, place) => (within(place, INPUT_HOOKS) ? [`${not(random)}-i ${device(random)}`] : null),
  (random, place) => (within(place, OUTPUT_HOOKS) ? [`${not(random)}-o ${device(random)}`] : null),
  (random, place) => [conntrackMatch(random, place)],
  (random, place) => [conntrackMatch(random, place)],
  (random) => [`-m state ${not(random)}--state ${random.some(STATES, 2).join(',')}`],
  (random, { family }) => {
    const types = family === 4 ? TYPES4 : ['LOCAL', 'UNICAST', 'MULTICAST', 'ANYCAST', 'UNREACHABLE'];
    return [`-m addrtype ${not(random)}--${random.of(['src', 'dst'])}-type ${random.some(types, 2).join(',')}`];
  },
  (random, place) =>
    within(place, ['PREROUTING', 'INPUT']) && place.family === 4
      ? [`-m addrtype ${not(random)}--${random.of(['src', 'dst'])}-type ${random.of(['LOCAL', 'UNICAST', 'BROADCAST'])} --limit-iface-in`]
      : null,
  (random, place) =>
    within(place, ['POSTROUTING', 'OUTPUT']) && place.family === 4
      ? [`-m addrtype ${not(random)}--dst-type ${random.of(['LOCAL', 'UNICAST', 'BROADCAST'])} --limit-iface-out`]
      : null,
  (random) => [`-m comment --comment "${random.of(['plain', 'two words', 'quo\\"te', "it's"])}"`],
  (random) => [`-m mark ${not(random)}--mark ${random.of(['0x1', '0x0', '0x7/0x7', '0x10/0xf0', '0x4000/0x4000'])}`],
  (random) => [`-m connmark ${not(random)}--mark ${random.of(['0x1', '0x0', '0x7/0x7', '0x10/0xf0'])}`],
  (random, place) =>
    within(place, INPUT_HOOKS)
      ? [`-m mac ${not(random)}--mac-source ${random.of(PORTS.flatMap(({ peers }) => peers.map(({ mac }) => mac)))}`]
      : null,
  (random, { family }) => {
    const [low, high] =
      family === 4
        ? random.of([
            ['10.20.0.2', '10.30.0.11'],
            ['10.30.0.12', '10.30.0.13'],
            ['203.0.113.1', '203.0.113.254'],
          ])
        : random.of([
            ['fd14::1', 'fd1e::b'],
            ['fd00::', 'fd00::ffff'],
          ]);
    return [`-m iprange ${not(random)}--${random.of(['src', 'dst'])}-range ${low}-${high}`];
  },
  (random) => [`-m length ${not(random)}--length ${random.of(['28', '40:60', '0:100', '100:65535', '44', '60'])}`],
  (random, { family }) => [
    `-m ${family === 4 ? 'ttl' : 'hl'} ${family === 4 ? random.of(['--ttl-eq 64', '--ttl-lt 64', '--ttl-gt 10', '! --ttl-eq 63']) : random.of(['--hl-eq 64', '--hl-lt 64', '--hl-gt 10', '! --hl-eq 63'])}`,
  ],
  (random) => [`-m tos ${not(random)}--tos ${random.of(['0x10/0x3f', '0x00/0xff', '0xb8/0xfc', '0x08/0x1e'])}`],
  (random) => [`-m dscp ${not(random)}--dscp ${random.of(['0x00', '0x2e', '0x04', '0x0a'])}`],
  (random, place) =>
    within(place, INPUT_HOOKS) ? [`-m pkttype ${not(random)}--pkt-type ${random.of(['unicast', 'broadcast', 'multicast'])}`] : null,
  (random, place) => {
    const parts: string[] = [];
    if (random.chance(0.6)) parts.push(`${not(random)}--physdev-in ${portName(random)}`);
    if (within(place, ['FORWARD', 'POSTROUTING'])) {
      if (random.chance(0.4))
        parts.push(random.chance(0.5) ? `${not(random)}--physdev-out ${portName(random)}` : `${not(random)}--physdev-is-out`);
      if (random.chance(0.4)) parts.push(`${not(random)}--physdev-is-bridged`);
    }
    if (parts.length === 0 || random.chance(0.2)) parts.push(`${not(random)}--physdev-is-in`);
    return [`-m physdev ${parts.join(' ')}`];
  },
  setMatch,
  setMatch,
  (random, { table, hooks }) =>
    (table === 'raw' || table === 'mangle') && hooks.every((hook) => hook === 'PREROUTING')
      ? [`-m rpfilter${random.of(['', ' --loose', ' --invert', ' --validmark', ' --accept-local'])}`]
      : null,
  (random, place) =>
    within(place, ['PREROUTING', 'INPUT', 'FORWARD']) ? [`-m policy --dir in --pol ${random.of(['none', 'ipsec'])}`] : null,
  (_random, { family }) => (family === 4 ? ['-f'] : null),
  (random, { family }) =>
    family === 4 ? [`-p tcp -m ecn ${not(random)}${random.of(['--ecn-tcp-cwr', '--ecn-tcp-ece', '--ecn-ip-ect 0'])}`] : null,
];

const CHANCE: readonly Make[] = [
  (random) => [`-m statistic --mode random ${not(random)}--probability 0.5`],
  () => ['-m limit --limit 1/sec --limit-burst 3'],
];

/** Words of a rule's conditions; `-p` at most once. */
const matchesOf = (random: Random, place: Place): readonly string[] => {
  const wanted = random.of([0, 1, 1, 1, 2, 2, 3]);
  const found: string[] = [];
  for (let tries = 0; found.length < wanted && tries < 12; tries++) {
    const make = random.chance(0.002) ? random.of(CHANCE) : random.of(COMMON);
    for (const words of make(random, place) ?? []) {
      const flag = /^(?:! )?(-[a-z]|-m \S+)/.exec(words)?.[1] ?? words;
      const repeated = found.some(
        (each) => new RegExp(`^(?:! )?${flag} `).test(`${each} `) || (words.startsWith('-p') && each.startsWith('-p')),
      );
      if (UNPRINTED.test(words)) continue;
      if (!repeated || (words.startsWith('-m set') && !found.includes(words))) found.push(words);
    }
  }
  return found;
};

const PEERS4 = PORTS.flatMap(({ peers }) => peers.map(({ four }) => four));
const PEERS6 = PORTS.flatMap(({ peers }) => peers.map(({ six }) => six));

const withPort = (random: Random, family: 4 | 6, ip: string, hasPort: boolean): string => {
  if (!hasPort || random.chance(0.3)) return ip;
  return family === 4 ? `${ip}:${port(random)}` : `[${ip}]:${port(random)}`;
};

const hasPorts = (matches: readonly string[]): boolean => matches.some((words) => /^-p (tcp|udp|sctp)/.test(words));

/** The target of a rule; may need a protocol, which it then adds. */
const targetOf = (random: Random, place: Place, matches: readonly string[], calls: readonly string[]): RulePlan => {
  const { table, family, hooks } = place;
  const plain = (target: string): RulePlan => ({ matches, target });
  if (calls.length > 0 && random.chance(0.3)) return plain(`-${random.of(['j', 'j', 'j', 'g'])} ${random.of(calls)}`);
  if (random.chance(0.06)) return plain('');
  if (random.chance(0.12)) return plain('-j RETURN');
  if (random.chance(0.04)) return plain(random.of(['-j LOG --log-prefix "seen "', '-j NFLOG --nflog-group 9']));
  if (table === 'nat') {
    const tcpOrUdp = hasPorts(matches);
    const ip = random.of(family === 4 ? PEERS4 : PEERS6);
    if (within(place, ['PREROUTING', 'OUTPUT'])) {
      const choice = random.below(10);
      if (choice < 5) return plain(`-j DNAT --to-destination ${withPort(random, family, ip, tcpOrUdp)}`);
      if (choice < 7) return plain(`-j REDIRECT${tcpOrUdp ? ` --to-ports ${port(random)}` : ''}`);
      if (choice < 8) return plain(`-j NETMAP --to ${family === 4 ? '10.20.0.0/28' : 'fd14::/124'}`);
      return plain('-j ACCEPT');
    }
    if (within(place, ['POSTROUTING'])) {
      const choice = random.below(10);
      if (choice < 5) return plain('-j MASQUERADE');
      if (choice < 8)
        return plain(
          `-j SNAT --to-source ${withPort(random, family, random.of(family === 4 ? ['203.0.113.1', '10.20.0.1', '198.51.100.7'] : ['fd00::1', 'fd14::1']), tcpOrUdp && random.chance(0.2))}`,
        );
      if (choice < 9) return plain(`-j NETMAP --to ${family === 4 ? '10.99.0.0/24' : 'fd99::/64'}`);
      return plain('-j ACCEPT');
    }
    if (within(place, ['INPUT']))
      return plain(random.chance(0.4) ? `-j SNAT --to-source ${family === 4 ? '192.0.2.7' : 'fd77::7'}` : '-j ACCEPT');
    return plain('-j ACCEPT');
  }
  if (table === 'raw' && random.chance(0.3)) {
    const target = random.of(['-j CT --notrack', '-j NOTRACK', '-j CT --zone 5', '-j CT --zone-orig 6']);
    // One connection in two zones, because only some of its packets get one, ends in clashes of ports, which are settled by chance.
    return target.includes('zone') ? { matches: matches.filter((words) => /^(! )?-[sdi] /.test(words)), target } : plain(target);
  }
  if (table === 'mangle' && random.chance(0.75)) {
    const list = [
      `-j MARK --set-xmark ${random.of(['0x1/0xffffffff', '0x7/0xff', '0x0/0x1'])}`,
      `-j MARK --set-mark ${random.of(['0x10', '0x1'])}`,
      `-j MARK ${random.of(['--and-mark 0xf0', '--or-mark 0x4000', '--xor-mark 0x3'])}`,
      `-j CONNMARK --set-xmark ${random.of(['0x1/0xffffffff', '0x7/0xff'])}`,
      '-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff',
      '-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
      `-j TOS --set-tos ${random.of(['0x10/0x3f', '0x00/0xff', '0x08/0xff'])}`,
      `-j DSCP --set-dscp ${random.of(['0x2e', '0x00'])}`,
      family === 4
        ? `-j TTL ${random.of(['--ttl-set 33', '--ttl-inc 2', '--ttl-dec 1'])}`
        : `-j HL ${random.of(['--hl-set 33', '--hl-inc 2', '--hl-dec 1'])}`,
    ];
    if (within(place, ['FORWARD', 'OUTPUT', 'POSTROUTING'])) {
      list.push('-j CLASSIFY --set-class 1:2');
    }
    return plain(random.of(list));
  }
  if (table === 'filter' && within(place, ['INPUT', 'FORWARD', 'OUTPUT']) && random.chance(0.15)) {
    if (matches.some((words) => words.startsWith('-p tcp')) && random.chance(0.5)) return plain('-j REJECT --reject-with tcp-reset');
    return plain(
      `-j REJECT --reject-with ${family === 4 ? random.of(['icmp-port-unreachable', 'icmp-admin-prohibited', 'icmp-host-unreachable']) : random.of(['icmp6-port-unreachable', 'icmp6-adm-prohibited', 'icmp6-addr-unreachable'])}`,
    );
  }
  // Most of what is asked should get on, or nothing behind is tried.
  return plain(random.chance(hooks.some((hook) => hook === 'PREROUTING' || hook === 'OUTPUT') ? 0.15 : 0.3) ? '-j DROP' : '-j ACCEPT');
};

const tableOf = (random: Random, backend: 'nft' | 'legacy', family: 4 | 6, name: string): TablePlan => {
  const builtin = BUILTIN_CHAINS[name] ?? [];
  // User chains in an order in which each calls later ones only, each for the hooks from which it is called.
  const groups: readonly (readonly string[])[] =
    name === 'nat'
      ? [['PREROUTING', 'OUTPUT'], ['POSTROUTING']]
      : name === 'raw'
        ? [['PREROUTING'], ['PREROUTING', 'OUTPUT']]
        : [['FORWARD'], ['INPUT', 'FORWARD'], builtin];
  const users = Array.from({ length: random.of([0, 1, 2, 3, 4]) }, (_, at) => ({ name: `${name}-u${at}`, hooks: random.of(groups) }));
  const callable = (hooks: readonly string[], after: number): readonly string[] =>
    users.filter((user, at) => at > after && hooks.every((hook) => user.hooks.includes(hook))).map((user) => user.name);
  const rulesFor = (hooks: readonly string[], after: number, most: number): readonly RulePlan[] =>
    Array.from({ length: random.below(most + 1) }, () => {
      const place: Place = { family, backend, table: name, hooks };
      return targetOf(random, place, matchesOf(random, place), callable(hooks, after));
    });
  const chains: ChainPlan[] = builtin.map((chain) => ({
    name: chain,
    policy: name === 'filter' && random.chance(0.15) ? 'DROP' : 'ACCEPT',
    rules: rulesFor([chain], -1, name === 'filter' ? 8 : 5),
  }));
  users.forEach((user, at) => {
    chains.push({ name: user.name, policy: null, rules: rulesFor(user.hooks, at, 4) });
  });
  return { name, chains };
};

export const randomRuleset = (random: Random, backend: 'nft' | 'legacy', family: 4 | 6): RulesetPlan => {
  const tables = ['raw', 'mangle', 'nat', 'filter', 'security'].filter((name) =>
    random.chance(name === 'security' ? 0.15 : name === 'filter' ? 0.95 : 0.6),
  );
  return { backend, tables: tables.map((name) => tableOf(random, backend, family, name)) };
};
