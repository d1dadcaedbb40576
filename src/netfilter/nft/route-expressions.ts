/** fib, rt, socket, osf, ipsec and the numbers that nft makes up itself. nft_fib*.c, nft_rt.c, nft_socket.c, nft_numgen.c, nft_hash.c in net/netfilter. */
import type { FibQuestion, MatchEnv } from '../evaluation.ts';
import type { Skb } from '../skb.ts';
import { FIB_TYPES, known } from './datatypes.ts';
import { isObject, numberOf, textOf, textsOf } from './json.ts';
import type { NftContext } from './operand.ts';
import { type Answered, BREAK, type NotUnderstood, type Operand, type Unknown } from './operand.ts';
import { networkNeed } from './payload.ts';

const NO_ROUTE: Unknown = { unknown: 'the route to the address is not known' };

export const fibOperand = (body: unknown): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a fib expression without a result' };
  const result = textOf(body['result']);
  const flags = textsOf(body['flags']);
  const address = flags.includes('saddr') ? 'src' : 'dst';
  const text = `fib ${flags.join(' . ')} ${textOf(body['printed']) ?? result ?? ''}`;
  const pickDevice = (skb: Skb): string | null => (flags.includes('iif') ? skb.inDev : flags.includes('oif') ? skb.outDev : null);
  if (result === 'type') {
    return {
      type: known('fib_addrtype'),
      text,
      needs: [],
      ask: (skb, env) => {
        const type = env.addressType(skb[address], pickDevice(skb));
        return type === null ? NO_ROUTE : FIB_TYPES[type.toLowerCase() as keyof typeof FIB_TYPES];
      },
    };
  }
  if (result !== 'oif' && result !== 'oifname' && result !== 'present') return { problem: `${text} is not understood` };
  const question: Omit<FibQuestion, 'hook'> = {
    address: address === 'src' ? 'saddr' : 'daddr',
    mark: flags.includes('mark'),
    dev: flags.includes('iif') ? 'iif' : flags.includes('oif') ? 'oif' : null,
  };
  return {
    type: known(result === 'present' ? 'boolean' : result === 'oif' ? 'iface_index' : 'ifname'),
    text,
    needs: [],
    ask: (skb, env, hook) => {
      const found = env.fibDevice?.(skb, { ...question, hook }) ?? null;
      if (found === null) return NO_ROUTE;
      return result === 'present' ? (found.dev === null ? 0 : 1) : (found.dev ?? '');
    },
  };
};

/** Packets that have been routed have a route attached; before, the expression ends the rule. */
const routed = (reason: string): Operand['ask'] => {
  const unknown: Unknown = { unknown: reason };
  return (_skb, _env, hook) => (hook === 'prerouting' || hook === 'ingress' ? BREAK : unknown);
};

export const rtOperand = (body: unknown, context: NftContext): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a rt expression without a key' };
  const key = textOf(body['key']);
  const family = textOf(body['family']);
  const text = `rt ${family === null ? '' : `${family} `}${key ?? ''}`;
  const version = family === 'ip6' || (family === null && context.family === 'ip6') ? 6 : 4;
  switch (key) {
    case 'nexthop':
      return {
        type: known(version === 4 ? 'ipv4_addr' : 'ipv6_addr'),
        text,
        needs: networkNeed(context, version),
        ask: routed('the next hop of the route is not known'),
      };
    case 'classid':
      return { type: known('realm'), text, needs: [], ask: routed("the route's realm is not known") };
    case 'mtu':
      return { type: known('integer'), text, needs: [], ask: routed("the route's MTU is not known") };
    case 'ipsec':
      return { type: known('boolean'), text, needs: [], ask: (skb, env, hook) => transformed(skb, env, hook) };
    default:
      return { problem: `${text} is not understood` };
  }
};

const transformed = (skb: Skb, env: MatchEnv, hook: string): Answered => {
  if (hook === 'prerouting' || hook === 'ingress') return BREAK;
  const will = env.ipsec === undefined ? false : env.ipsec(skb, 'out');
  return will === null ? { unknown: 'whether IPsec will carry the packet is not known' } : will ? 1 : 0;
};

export const socketOperand = (body: unknown): Operand | NotUnderstood => {
  const key = isObject(body) ? textOf(body['key']) : null;
  if (key === null) return { problem: 'a socket expression without a key' };
  const type = key === 'mark' ? 'mark' : key === 'cgroupv2' ? 'cgroupsv2' : 'integer';
  return {
    type: known(type),
    text: `socket ${key}`,
    needs: [],
    ask: () => ({ unknown: 'whether a socket waits for the packet is not known' }),
  };
};

export const osfOperand = (body: unknown): Operand => {
  const key = (isObject(body) ? textOf(body['key']) : null) ?? 'name';
  const ttl = isObject(body) ? textOf(body['ttl']) : null;
  return {
    type: known('string'),
    text: `osf ${ttl === null ? '' : `ttl ${ttl} `}${key}`,
    needs: [],
    ask: () => ({ unknown: "the sender's operating system is not known" }),
  };
};

export const ipsecOperand = (body: unknown): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: 'an ipsec expression without a key' };
  const key = textOf(body['key']) ?? '';
  const family = textOf(body['family']);
  const direction = body['dir'] === 'out' ? 'out' : 'in';
  const place = numberOf(body['spnum']) ?? 0;
  const type = key === 'saddr' || key === 'daddr' ? (family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr') : 'integer';
  const text = `ipsec ${direction} ${place === 0 ? '' : `spnum ${place} `}${family === null ? '' : `${family} `}${key}`;
  return {
    type: known(type),
    text,
    needs: [],
    ask: (skb, env) => {
      const through = env.ipsec === undefined ? false : env.ipsec(skb, direction);
      return through === false ? BREAK : { unknown: 'which IPsec policy applies is not known' };
    },
  };
};

const spread = (mod: number | null, offset: number): Partial<Operand> => (mod === null ? {} : { modulus: { mod, offset } });

export const numgenOperand = (body: unknown): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a numgen expression without a mode' };
  const mode = textOf(body['mode']) ?? '';
  const mod = numberOf(body['mod']);
  const offset = numberOf(body['offset']) ?? 0;
  const reason = mode === 'random' ? 'it is a matter of chance' : 'it depends on how many packets came before';
  return {
    type: known('integer'),
    text: `numgen ${mode} mod ${mod ?? '?'}${offset === 0 ? '' : ` offset ${offset}`}`,
    needs: [],
    chance: true,
    ...spread(mod, offset),
    ask: () => ({ unknown: reason }),
  };
};

/** `jhash EXPRESSION mod N` and `symhash mod N`: a hash that the kernel computes with a seed of its own. */
export const hashOperand = (name: 'jhash' | 'symhash', body: unknown, inner: Operand | null): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: `a ${name} expression without a modulus` };
  const mod = numberOf(body['mod']);
  const seed = numberOf(body['seed']);
  const offset = numberOf(body['offset']) ?? 0;
  const over = inner === null ? '' : `${inner.text} `;
  return {
    type: known('integer'),
    text: `${name} ${over}mod ${mod ?? '?'}${seed === null ? '' : ` seed 0x${seed.toString(16)}`}${offset === 0 ? '' : ` offset ${offset}`}`,
    needs: inner?.needs ?? [],
    ...spread(mod, offset),
    ask: () => ({ unknown: 'what the hash of the packet is, is not known' }),
  };
};
