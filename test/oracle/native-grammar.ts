/** Random rules of native nftables, one command a line, over the expressions that are evaluated. nft(8). */
import { PORT_NUMBERS } from './grammar.ts';
import { DEVICES, PORTS } from './host-bench.ts';
import type { Random } from './random.ts';

type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

interface Place {
  readonly family: 4 | 6;
  /** The table's own family: fields of the other family's header cannot stand in `ip` tables. */
  readonly table: 'ip' | 'ip6' | 'inet';
  readonly type: 'filter' | 'nat' | 'route';
  /** Hooks from which the rule can be reached. */
  readonly hooks: readonly Hook[];
}

type Make = (random: Random, place: Place) => string | null;

const address = (random: Random, family: 4 | 6): string =>
  random.of([...DEVICES, ...PORTS.flatMap(({ peers }) => peers)].map(({ four, six }) => (family === 4 ? four : six)));

const prefix = (random: Random, family: 4 | 6): string =>
  random.chance(0.4)
    ? address(random, family)
    : random.of(family === 4 ? ['10.20.0.0/24', '10.30.0.0/24', '10.0.0.0/8', '203.0.113.0/24'] : ['fd14::/64', 'fd1e::/64', 'fd00::/8']);

const not = (random: Random): string => (random.chance(0.2) ? '!= ' : '');
const set = (items: readonly string[]): string => `{ ${[...new Set(items)].join(', ')} }`;
const port = (random: Random): string => String(random.of(PORT_NUMBERS));
const ports = (random: Random): string =>
  random.chance(0.4)
    ? port(random)
    : random.chance(0.5)
      ? set([port(random), port(random), '1000-4999'])
      : random.of(['80-443', '0-1023', '1024-65535']);
const ip = (family: 4 | 6): string => (family === 4 ? 'ip' : 'ip6');
const device = (random: Random): string => random.of(['"eth0"', '"r1"', '"br0"', '"br1"', '"br*"', '"e*"', '"lo"', '"p1"']);
const within = (place: Place, hooks: readonly Hook[]): boolean => place.hooks.every((hook) => hooks.includes(hook));
const states = (random: Random): string => random.some(['new', 'established', 'related', 'invalid', 'untracked'], 3).join(',');

const MATCHES: readonly Make[] = [
  (random, place) => (within(place, ['prerouting', 'input', 'forward']) ? `iifname ${not(random)}${device(random)}` : null),
  (random, place) => (within(place, ['forward', 'output', 'postrouting']) ? `oifname ${not(random)}${device(random)}` : null),
  (random, place) =>
    within(place, ['prerouting', 'input', 'forward']) ? `iifname ${not(random)}${set(['"eth0"', device(random).replace('*', '0')])}` : null,
  (random, { family }) => `${ip(family)} saddr ${not(random)}${prefix(random, family)}`,
  (random, { family }) => `${ip(family)} daddr ${not(random)}${prefix(random, family)}`,
  (random, { family }) =>
    `${ip(family)} ${random.of(['saddr', 'daddr'])} ${not(random)}${set([address(random, family), address(random, family)])}`,
  (random, { family }) => `${ip(family)} ${random.of(['saddr', 'daddr'])} ${not(random)}@peers`,
  (random, { family }) =>
    `${ip(family)} ${random.of(['saddr', 'daddr'])} ${not(random)}${family === 4 ? '10.20.0.2-10.30.0.11' : 'fd14::2-fd1e::b'}`,
  (random) => `tcp ${random.of(['dport', 'dport', 'sport'])} ${not(random)}${ports(random)}`,
  (random) => `udp dport ${not(random)}${ports(random)}`,
  (random) => `th dport ${not(random)}${ports(random)}`,
  (random) => `meta l4proto ${not(random)}${random.of(['tcp', 'udp', '{ tcp, udp }', 'icmp', 'ipv6-icmp', '{ icmp, ipv6-icmp }'])}`,
  (random) =>
    random.of([
      'tcp flags syn',
      'tcp flags & (syn | ack) == syn',
      'tcp flags & (fin | syn | rst | ack) == syn',
      'tcp flags & (ack | rst) != 0x0',
      'tcp flags == 0x2',
    ]),
  (random, { family }) =>
    family === 4
      ? `icmp type ${not(random)}${random.of(['echo-request', 'echo-reply', '{ echo-request, destination-unreachable }'])}`
      : `icmpv6 type ${not(random)}${random.of(['echo-request', 'echo-reply', '{ echo-request, destination-unreachable }'])}`,
  (random) => `ct state ${states(random)}`,
  (random) => `ct state != ${random.of(['invalid', 'new', 'established'])}`,
  (random) => `ct state ${set(['established', random.of(['related', 'new'])])}`,
  (random) => `ct status ${random.of(['dnat', 'snat', 'dnat,snat', 'confirmed', 'seen-reply', 'assured'])}`,
  (random) => `ct direction ${random.of(['original', 'reply'])}`,
  (random) => `ct mark ${not(random)}${random.of(['0x1', '0x0', '0x7'])}`,
  (random, { family }) => `ct original ${ip(family)} ${random.of(['saddr', 'daddr'])} ${not(random)}${prefix(random, family)}`,
  (random) => `meta mark ${not(random)}${random.of(['0x1', '0x0', '{ 0x1, 0x7 }', '0x0-0xf'])}`,
  (random) => `meta mark & 0xf0 ${random.of(['==', '!='])} ${random.of(['0x10', '0x0'])}`,
  (random) =>
    `fib ${random.of(['saddr', 'daddr'])} type ${not(random)}${random.of(['local', 'unicast', '{ local, broadcast }', 'multicast'])}`,
  (random, place) => (within(place, ['prerouting']) ? `fib saddr . iif oif ${random.of(['missing', 'exists'])}` : null),
  (random, place) =>
    within(place, ['prerouting', 'input']) ? `fib daddr . iif type ${random.of(['local', 'unicast', 'broadcast'])}` : null,
  (random, place) =>
    within(place, ['prerouting', 'input', 'forward'])
      ? `meta pkttype ${not(random)}${random.of(['host', 'unicast', 'broadcast', 'multicast'])}`
      : null,
  (random, { family }) =>
    family === 4 ? `ip ttl ${random.of(['64', '< 64', '> 10', '!= 63'])}` : `ip6 hoplimit ${random.of(['64', '< 64', '> 10', '!= 63'])}`,
  (random, { family }) => `${ip(family)} dscp ${not(random)}${random.of(['cs0', 'ef', '0x04'])}`,
  (random) => `meta length ${random.of(['< 60', '> 60', '28-100', '!= 44'])}`,
  (random, { table, family }) =>
    table === 'inet'
      ? `meta nfproto ${random.of(['ipv4', 'ipv6'])}`
      : family === 4
        ? `ip protocol ${random.of(['tcp', 'udp', 'icmp'])}`
        : `ip6 nexthdr ${random.of(['tcp', 'udp'])}`,
  (random, { family }) =>
    `${ip(family)} daddr . tcp dport ${not(random)}${set([`${address(random, family)} . ${port(random)}`, `${address(random, family)} . 80`, `${address(random, family)} . 443`])}`,
  (random, place) =>
    within(place, ['prerouting', 'input', 'forward'])
      ? `ether saddr ${not(random)}${random.of(PORTS.flatMap(({ peers }) => peers.map(({ mac }) => mac)))}`
      : null,
];

/** What a rule's words ask of the transport header or the family; two that differ make a rule that nft refuses. */
const layersOf = (words: string): readonly string[] => [
  ...(/(^|\. )tcp |\btcp$/.test(words) && !words.includes('{ tcp, udp }') ? ['l4 tcp'] : []),
  ...(/^udp |(l4proto|protocol|nexthdr) (!= )?udp/.test(words) ? ['l4 udp'] : []),
  ...(/(l4proto|protocol|nexthdr) (!= )?tcp/.test(words) ? ['l4 tcp'] : []),
  ...(/icmp/.test(words) ? [`l4 ${words}`] : []),
  ...(/^th /.test(words) ? ['l4 th'] : []),
  ...(/l4proto (!= )?\{/.test(words) ? [`l4 ${words}`] : []),
  ...(/nfproto/.test(words) ? [`l3 ${words}`] : []),
  ...(/\bip6 /.test(words) ? ['l3 ip6'] : /\bip /.test(words) ? ['l3 ip'] : []),
];

const fitsWith = (words: string, others: readonly string[]): boolean => {
  const mine = layersOf(words);
  return others.flatMap(layersOf).every((layer) => mine.every((own) => own === layer || own.slice(0, 2) !== layer.slice(0, 2)));
};

const matchesOf = (random: Random, place: Place): readonly string[] => {
  const found: string[] = [];
  const wanted = random.of([0, 1, 1, 1, 2, 2, 3]);
  for (let tries = 0; found.length < wanted && tries < 10; tries++) {
    const words = random.of(MATCHES)(random, place);
    if (words !== null && fitsWith(words, found) && !found.some((each) => each.split(' ')[0] === words.split(' ')[0])) found.push(words);
  }
  return found;
};

const needsPort = (matches: readonly string[]): boolean => matches.some((words) => /^(tcp|udp) /.test(words));

const statementOf = (random: Random, place: Place, matches: readonly string[], calls: readonly string[]): string => {
  const { family, type, table, hooks } = place;
  const side = table === 'inet' ? ` ${ip(family)}` : '';
  const call = (): string => `${random.of(['jump', 'jump', 'jump', 'goto'])} ${random.of(calls)}`;
  if (calls.length > 0 && random.chance(0.2)) return call();
  if (calls.length > 0 && type !== 'nat' && random.chance(0.12)) {
    const verdicts = (): string => random.of([`jump ${random.of(calls)}`, `goto ${random.of(calls)}`, 'accept', 'continue', 'return']);
    const key = random.of([
      `tcp dport vmap { 22 : ${verdicts()}, 80 : ${verdicts()}, 1000-5000 : ${verdicts()} }`,
      `udp dport vmap { 53 : ${verdicts()}, 443 : ${verdicts()} }`,
      `meta l4proto vmap { tcp : ${verdicts()}, udp : ${verdicts()}, icmp : ${verdicts()} }`,
      `ct state vmap { new : ${verdicts()}, established : ${verdicts()}, invalid : ${verdicts()} }`,
      `${ip(family)} saddr vmap { ${prefix(random, family)} : ${verdicts()} }`,
    ]);
    return key;
  }
  if (random.chance(0.08)) return 'counter';
  if (random.chance(0.1)) return 'return';
  if (random.chance(0.05)) return random.of(['log prefix "seen "', 'log group 9', 'continue']);
  if (type === 'nat') {
    const target = random.of(PORTS.flatMap(({ peers }) => peers.map(({ four, six }) => (family === 4 ? four : six))));
    const withPort = (text: string): string =>
      needsPort(matches) && random.chance(0.6) ? (family === 4 ? `${text}:${port(random)}` : `[${text}]:${port(random)}`) : text;
    if (within(place, ['prerouting', 'output']))
      return random.of([
        `dnat${side} to ${withPort(target)}`,
        `dnat${side} to ${withPort(target)}`,
        needsPort(matches) ? `redirect to :${port(random)}` : 'redirect',
        'accept',
      ]);
    if (within(place, ['postrouting']))
      return random.of([
        'masquerade',
        `snat${side} to ${family === 4 ? random.of(['203.0.113.1', '198.51.100.7']) : random.of(['fd00::1', 'fd77::7'])}`,
        'accept',
      ]);
    return 'accept';
  }
  if (random.chance(0.3)) {
    return random.of([
      `meta mark set ${random.of(['0x1', '0x7', 'meta mark | 0x10', 'meta mark & 0xf0', 'ct mark'])}`,
      `ct mark set ${random.of(['0x1', 'meta mark', '0x7'])}`,
      `meta mark set tcp dport map { 80 : 0x1, 443 : 0x7 }`,
      family === 4 ? 'ip dscp set ef' : 'ip6 dscp set ef',
      family === 4 ? 'ip ttl set 33' : 'ip6 hoplimit set 33',
    ]);
  }
  if (within(place, ['input', 'forward', 'output']) && random.chance(0.12)) {
    if (matches.some((words) => words.startsWith('tcp ')) && random.chance(0.5)) return 'reject with tcp reset';
    return random.of([
      'reject',
      table === 'inet'
        ? 'reject with icmpx admin-prohibited'
        : family === 4
          ? 'reject with icmp host-unreachable'
          : 'reject with icmpv6 addr-unreachable',
    ]);
  }
  return random.chance(hooks.some((hook) => hook === 'prerouting' || hook === 'output') ? 0.15 : 0.3) ? 'drop' : 'accept';
};

const PRIORITIES: Readonly<Record<Hook, readonly number[]>> = {
  prerouting: [-310, -250, -150, -50, 0, 10],
  input: [-150, 0, 10, 150],
  forward: [-150, -10, 0, 5, 50],
  output: [-310, -150, 0, 10],
  postrouting: [-150, 0, 90, 150],
};

const tableOf = (random: Random, family: 4 | 6, at: number): readonly string[] => {
  const table = random.of([ip(family), 'inet', 'inet'] as const) as Place['table'];
  const name = `${table} t${at}`;
  const peers = random.some(
    PORTS.flatMap((each) => each.peers.map(({ four, six }) => (family === 4 ? four : six))),
    3,
  );
  const lines = [
    `add table ${name}`,
    `add set ${name} peers { type ${family === 4 ? 'ipv4_addr' : 'ipv6_addr'}; elements = { ${peers.join(', ')} }; }`,
  ];
  const rules: string[] = [];
  const users = Array.from({ length: random.of([0, 1, 2, 3]) }, (_, n) => ({
    name: `u${n}`,
    hooks: random.of([
      ['forward'],
      ['input', 'forward'],
      ['prerouting'],
      ['prerouting', 'input', 'forward', 'output', 'postrouting'],
    ] as const) as readonly Hook[],
  }));
  const callable = (hooks: readonly Hook[], after: number): readonly string[] =>
    users.filter((user, n) => n > after && hooks.every((hook) => user.hooks.includes(hook))).map((user) => user.name);
  const fill = (chain: string, place: Place, after: number, most: number): void => {
    for (let n = random.below(most + 1); n > 0; n--) {
      const matches = matchesOf(random, place);
      const early = place.hooks.some((hook) => hook === 'prerouting' || hook === 'output') && chain.includes('-310') && random.chance(0.2);
      let statement = early ? 'notrack' : statementOf(random, place, matches, callable(place.hooks, after));
      for (let tries = 0; tries < 8 && !fitsWith(statement.replace('meta mark set ', ''), matches); tries++) {
        statement = statementOf(random, place, matches, callable(place.hooks, after));
      }
      rules.push(
        `add rule ${name} ${chain} ${[...matches, random.chance(0.2) && statement !== 'counter' ? 'counter' : '', statement].filter((words) => words !== '').join(' ')}`,
      );
    }
  };
  for (const user of users) lines.push(`add chain ${name} ${user.name}`);
  users.forEach((user, n) => {
    fill(user.name, { family, table, type: 'filter', hooks: user.hooks }, n, 4);
  });
  const used = new Set<string>();
  for (let n = random.between(2, 6); n > 0; n--) {
    const hook = random.of(['prerouting', 'input', 'forward', 'forward', 'output', 'postrouting'] as const);
    const isNat = random.chance(0.25) && hook !== 'forward';
    const priority = isNat ? (hook === 'prerouting' || hook === 'output' ? -100 : 100) : random.of(PRIORITIES[hook]);
    // Chains of one hook and priority in two tables run in an order that no snapshot shows.
    const place = priority + at;
    const chain = `${hook}${place < 0 ? place : `-${place}`}${isNat ? 'n' : ''}`;
    if (used.has(chain)) continue;
    used.add(chain);
    const policy = !isNat && random.chance(0.1) ? 'drop' : 'accept';
    lines.push(`add chain ${name} ${chain} { type ${isNat ? 'nat' : 'filter'} hook ${hook} priority ${place}; policy ${policy}; }`);
    fill(chain, { family, table, type: isNat ? 'nat' : 'filter', hooks: [hook] }, isNat ? users.length : -1, 6);
  }
  return [...lines, ...rules];
};

export const randomNative = (random: Random, family: 4 | 6): readonly string[] =>
  Array.from({ length: random.between(1, 2) }, (_, at) => tableOf(random, family, at)).flat();
