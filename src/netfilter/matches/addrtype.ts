/** -m addrtype: what kind of address this is to the host's routing. xt_addrtype.c; iptables-extensions(8). */
import { type IpAddress, isUnspecified } from '../../base/ip-address.ts';
import type { AddressType, MatchEnv } from '../evaluation.ts';
import type { MatchSpec, RuleOption } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { type Answer, type Ask, badValue, type MatchModule, optionCondition, optionMatch } from './condition.ts';

const TYPES: readonly string[] = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
];

const typeUnknown = (what: string): string => `what the ${what} is to this host's routes is not known`;

/** match_type: the address has one type, which must be in the list. */
const matchType4 = (type: AddressType, wanted: ReadonlySet<string>): boolean => wanted.has(type);

const isMulticast6 = (ip: IpAddress): boolean => ip.a >>> 24 === 0xff;

/** match_type6: the address's own class is checked first, and the routes only for LOCAL, ANYCAST and UNREACHABLE. */
const matchType6 = (ip: IpAddress, wanted: ReadonlySet<string>, lookUp: () => AddressType | null): boolean | null => {
  if (wanted.has('MULTICAST') && !isMulticast6(ip)) return false;
  if (wanted.has('UNICAST') && (isMulticast6(ip) || isUnspecified(ip))) return false;
  if (wanted.has('UNSPEC') && !isUnspecified(ip)) return false;
  if (!wanted.has('LOCAL') && !wanted.has('ANYCAST') && !wanted.has('UNREACHABLE')) return true;
  const type = lookUp();
  return type === null ? null : (type === 'LOCAL' || type === 'ANYCAST' || type === 'UNREACHABLE') && wanted.has(type);
};

const typeAsk = (option: RuleOption, spec: MatchSpec, pick: (skb: Skb) => IpAddress, what: string): Ask | string => {
  const names = (option.values[0] ?? '').split(',');
  if (names.some((name) => !TYPES.includes(name))) return badValue(option);
  const wanted = new Set(names);
  const limit = spec.options.find((other) => other.name === '--limit-iface-in' || other.name === '--limit-iface-out')?.name;
  const unknown = typeUnknown(what);
  const device = (skb: Skb): string | null => (limit === undefined ? null : limit === '--limit-iface-in' ? skb.inDev : skb.outDev);
  return (skb: Skb, env: MatchEnv): Answer => {
    const ip = pick(skb);
    if (skb.family === 6) return matchType6(ip, wanted, () => env.addressType(ip, device(skb))) ?? unknown;
    const type = env.addressType(ip, device(skb));
    return type === null ? unknown : matchType4(type, wanted);
  };
};

const types = optionMatch('addrtype', {
  '--src-type': (option, _context, spec) => typeAsk(option, spec, (skb) => skb.src, 'source address'),
  '--dst-type': (option, _context, spec) => typeAsk(option, spec, (skb) => skb.dst, 'destination address'),
});

const isLimit = (option: RuleOption): boolean => option.name === '--limit-iface-in' || option.name === '--limit-iface-out';

/** The --limit options only say by which interface the others look. */
export const addrtype: MatchModule = {
  name: 'addrtype',
  compile: (spec, context) => {
    const limits = spec.options.filter(isLimit);
    const asked = spec.options.filter((option) => !isLimit(option));
    const conditions = asked.flatMap((option) => types.compile({ name: spec.name, options: [option, ...limits] }, context).slice(0, 1));
    return limits.length > 1
      ? [...conditions, ...limits.map((option) => optionCondition('addrtype', option, () => badValue(option)))]
      : conditions;
  },
};
