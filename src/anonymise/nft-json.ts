/**
 * `nft -j list ruleset`: what a string is, its place tells: names of tables, chains and sets by their keys, values by what they are
 * compared with. libnftables-json(5).
 */
import type { Maps } from './maps.ts';

/** What the strings of a value are, part by part where several are compared at once. */
type Kind = 'device' | 'user' | 'own' | 'address';
type Kinds = readonly Kind[];
type Json = Readonly<Record<string, unknown>>;

const NAME_KEYS = new Set(['name', 'table', 'chain', 'target', 'set', 'map', 'flowtable']);
const DEVICE_META = new Set(['iifname', 'oifname', 'iif', 'oif', 'ibrname', 'obrname', 'ibriport', 'obriport', 'sdifname', 'sdif']);
const USER_META = new Set(['skuid', 'skgid', 'cgroup', 'iifgroup', 'oifgroup', 'rtclassid']);
const DEVICE_TYPES = new Set(['ifname', 'iface_index']);
const USER_TYPES = new Set(['uid', 'gid', 'devgroup', 'realm', 'cgroupsv2']);

export const rewriteNftJson = (text: string, maps: Maps): string => {
  const end = /\s*$/.exec(text)?.[0] ?? '';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return '';
  }
  const list = objectOf(parsed)?.['nftables'];
  if (!Array.isArray(list)) return '';
  return JSON.stringify({ nftables: list.map((item) => rewriteItem(item, maps)) }) + end;
};

const rewriteItem = (item: unknown, maps: Maps): unknown => {
  const object = objectOf(item);
  if (object === null) return null;
  return Object.fromEntries(
    Object.entries(object).map(([kind, body]) => [kind, kind === 'metainfo' ? body : rewriteBody(kind, objectOf(body) ?? {}, maps)]),
  );
};

const rewriteBody = (kind: string, body: Json, maps: Maps): Json => {
  const kinds = kind === 'set' || kind === 'map' ? kindsOfType(body['type']) : [];
  const data = kind === 'map' ? kindsOfType(body['map']) : [];
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => {
      if (key === 'expr' && Array.isArray(value)) return [key, value.map((each) => rewriteStatement(each, maps))];
      if (key === 'elem') return [key, rewriteElements(value, kinds, data, maps)];
      if (key === 'dev' || key === 'devices') return [key, eachString(value, (name) => maps.device(name))];
      if (key === 'comment' && typeof value === 'string') return [key, maps.names.words('comment', value)];
      if (NAME_KEYS.has(key) && typeof value === 'string' && !(key === 'map' && kind === 'map')) return [key, maps.rules(value)];
      return [key, key === 'stmt' ? rewriteExpression(value, [], maps) : value];
    }),
  );
};

/** Of a map an element is a pair. */
const rewriteElements = (value: unknown, kinds: Kinds, data: Kinds, maps: Maps): unknown =>
  Array.isArray(value)
    ? value.map((each) =>
        Array.isArray(each) && each.length === 2 && data.length > 0
          ? [rewriteExpression(each[0], kinds, maps), rewriteExpression(each[1], data, maps)]
          : rewriteExpression(each, kinds, maps),
      )
    : value;

const rewriteStatement = (statement: unknown, maps: Maps): unknown => {
  const object = objectOf(statement);
  if (object === null) return statement;
  return Object.fromEntries(Object.entries(object).map(([key, body]) => [key, rewriteStatementBody(key, body, maps)]));
};

const rewriteStatementBody = (key: string, body: unknown, maps: Maps): unknown => {
  const parts = objectOf(body);
  if (key === 'xt' && parts !== null)
    return { ...parts, ...(typeof parts['comment'] === 'string' ? { comment: maps.names.words('comment', parts['comment']) } : {}) };
  if (key === 'match' && parts !== null) {
    const kinds = kindsOf(parts['left']);
    return { ...parts, left: rewriteExpression(parts['left'], [], maps), right: rewriteExpression(parts['right'], kinds, maps) };
  }
  if ((key === 'jump' || key === 'goto') && typeof parts?.['target'] === 'string') return { ...parts, target: maps.rules(parts['target']) };
  if (key === 'vmap' || key === 'map') return rewriteExpression({ [key]: body }, [], maps, true);
  if (key === 'log' && parts !== null && typeof parts['prefix'] === 'string')
    return { ...parts, prefix: maps.names.words('log', parts['prefix']) };
  if (key === 'mangle' && parts !== null)
    return {
      ...parts,
      key: rewriteExpression(parts['key'], [], maps),
      value: rewriteExpression(parts['value'], kindsOf(parts['key']), maps),
    };
  if ((key === 'fwd' || key === 'dup') && parts !== null)
    return Object.fromEntries(
      Object.entries(parts).map(([name, value]) => [name, rewriteExpression(value, name === 'dev' ? ['device'] : ['address'], maps)]),
    );
  // Statements that are a mere string name an object of the table: a helper, a counter, a quota.
  if (typeof body === 'string') return maps.rules(body);
  return rewriteExpression(body, ['own'], maps);
};

/** `inner`: what stands behind a single key is the value of that key. */
const rewriteExpression = (value: unknown, kinds: Kinds, maps: Maps, inner = false): unknown => {
  if (typeof value === 'string') return rewriteString(value, kinds[0], maps);
  if (Array.isArray(value)) return value.map((each) => rewriteExpression(each, kinds, maps));
  const object = objectOf(value);
  if (object === null) return value;
  const rewritten = Object.fromEntries(Object.entries(object).map(([key, body]) => [key, rewriteMember(key, body, kinds, maps)]));
  return inner ? Object.values(rewritten)[0] : rewritten;
};

const rewriteMember = (key: string, body: unknown, kinds: Kinds, maps: Maps): unknown => {
  const parts = objectOf(body);
  switch (key) {
    case 'concat':
      return Array.isArray(body) ? body.map((each, index) => rewriteExpression(each, kinds.slice(index, index + 1), maps)) : body;
    case 'prefix': {
      const { addr, len } = parts ?? {};
      if (typeof addr !== 'string' || typeof len !== 'number') return rewriteExpression(body, kinds, maps);
      return { ...parts, addr: (maps.values.map(`${addr}/${len}`) ?? addr).split('/')[0] };
    }
    case '&':
    case '|':
    case '^': {
      // A mask is no address.
      if (!Array.isArray(body)) return body;
      return body.map((each, index) => (index > 0 && typeof each === 'string' ? each : rewriteExpression(each, kinds, maps)));
    }
    case 'vmap':
    case 'map': {
      if (parts === null) return rewriteExpression(body, kinds, maps);
      const keys = kindsOf(parts['key']);
      return { ...parts, key: rewriteExpression(parts['key'], [], maps), data: rewriteMapData(parts['data'], keys, maps) };
    }
    case 'jump':
    case 'goto':
      return typeof parts?.['target'] === 'string' ? { ...parts, target: maps.rules(parts['target']) } : body;
    case 'elem':
      return parts !== null && 'val' in parts
        ? Object.fromEntries(
            Object.entries(parts).map(([name, each]) => [
              name,
              name === 'comment' && typeof each === 'string' ? maps.names.words('comment', each) : rewriteExpression(each, kinds, maps),
            ]),
          )
        : rewriteExpression(body, kinds, maps);
    case 'payload':
    case 'meta':
    case 'ct':
    case 'fib':
    case 'rt':
    case 'socket':
    case 'numgen':
    case 'tcp option':
    case 'exthdr':
    case 'ip option':
    case 'xt':
      return body;
    case 'table':
    case 'chain':
      return typeof body === 'string' ? maps.rules(body) : body;
    default:
      return rewriteExpression(body, kinds, maps);
  }
};

const rewriteMapData = (data: unknown, keys: Kinds, maps: Maps): unknown => {
  const pairs = objectOf(data)?.['set'];
  if (!Array.isArray(pairs)) return rewriteExpression(data, keys, maps);
  return {
    set: pairs.map((pair) =>
      Array.isArray(pair)
        ? [rewriteExpression(pair[0], keys, maps), rewriteExpression(pair[1], [], maps)]
        : rewriteExpression(pair, keys, maps),
    ),
  };
};

const rewriteString = (text: string, kind: Kind | undefined, maps: Maps): string => {
  if (text.startsWith('@')) return `@${maps.rules(text.slice(1))}`;
  const value = maps.values.map(text);
  if (value !== null) return value;
  if (kind === 'device') return maps.device(text);
  if (kind === 'user') return /^\d*$/.test(text) ? text : maps.name(text);
  return kind === 'own' || /^(0x[0-9a-f]+|[\d.:/-]*)$/.test(text) || OWN_WORDS.test(text) ? text : maps.name(text);
};

/** Words of nft's own that stand where the kind of the value is not told. */
const OWN_WORDS =
  /^(\*|accept|drop|continue|return|random|fully-random|persistent|ip|ip6|inet|arp|bridge|netdev|add|update|delete|==|!=|in|<|>|<=|>=|second|minute|hour|day|week|packets|bytes|kbytes|mbytes|over|until|tcp|udp|icmp|icmpv6|sctp|dccp|esp|ah|udplite|ipv4|ipv6|vlan|8021q|timeout|interval|constant|dynamic|tcp reset|icmpx|port-unreachable|host-unreachable|net-unreachable|prot-unreachable|admin-prohibited|net-prohibited|host-prohibited|no-route|addr-unreachable|policy-fail|reject-route|size|helper|exists|missing)$/;

/** What an expression that is compared gives. */
const kindsOf = (expression: unknown): Kinds => {
  const object = objectOf(expression);
  if (object === null) return [];
  const meta = objectOf(object['meta'])?.['key'];
  if (typeof meta === 'string') return [DEVICE_META.has(meta) ? 'device' : USER_META.has(meta) ? 'user' : 'own'];
  const fib = objectOf(object['fib'])?.['result'];
  if (typeof fib === 'string') return [fib === 'type' ? 'own' : 'device'];
  if (Array.isArray(object['concat'])) return object['concat'].map((each) => kindsOf(each)[0] ?? 'own');
  const masked = object['&'] ?? object['|'] ?? object['^'];
  if (Array.isArray(masked)) return kindsOf(masked[0]);
  return 'payload' in object ||
    'ct' in object ||
    'tcp option' in object ||
    'exthdr' in object ||
    'rt' in object ||
    'socket' in object ||
    'ip option' in object
    ? ['own']
    : [];
};

const kindsOfType = (type: unknown): Kinds => {
  if (Array.isArray(type)) return type.flatMap((each) => kindsOfType(each));
  if (typeof type === 'string')
    return type.split(' . ').map((each) => (DEVICE_TYPES.has(each) ? 'device' : USER_TYPES.has(each) ? 'user' : 'own'));
  const object = objectOf(type);
  if (object === null) return [];
  return 'typeof' in object ? kindsOf(object['typeof']) : kindsOf(object);
};

const eachString = (value: unknown, map: (text: string) => string): unknown =>
  typeof value === 'string' ? map(value) : Array.isArray(value) ? value.map((each) => eachString(each, map)) : value;

const objectOf = (value: unknown): Json | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
