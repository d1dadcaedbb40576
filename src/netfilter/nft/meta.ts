/** meta expressions. nft_meta_get_eval in net/netfilter/nft_meta.c, net/bridge/netfilter/nft_meta_bridge.c; nft(8) "META EXPRESSIONS". */
import type { MatchEnv } from '../evaluation.ts';
import { notKnown } from '../matches/condition.ts';
import { packetTypeOf } from '../matches/pkttype.ts';
import type { Hook } from '../ruleset.ts';
import { deviceUnknown, isUnknownDevice, type Skb, UNKNOWN_PORT } from '../skb.ts';
import { ARPHRD_ETHER, ARPHRD_LOOPBACK, ETH_P_IP, ETH_P_IPV6, known } from './datatypes.ts';
import { type Answered, BREAK, type NftContext, type NotUnderstood, type Operand, type Unknown } from './operand.ts';

type Ask = (skb: Skb, env: MatchEnv, hook: Hook, context: NftContext) => Answered;

interface MetaKey {
  readonly type: string;
  /** `meta mark`, but `iifname` alone. */
  readonly short?: true;
  readonly chance?: true;
  readonly ask: Ask;
}

const unknown = (reason: string): Ask => {
  const answer: Unknown = { unknown: reason };
  return () => answer;
};

const LENGTH: Unknown = { unknown: notKnown('length') };
const PACKET_TYPE: Unknown = { unknown: notKnown('link-layer type (unicast, broadcast or multicast)') };

const PORT_UNKNOWN: Unknown = { unknown: 'which bridge port the frame passes is not known' };

/** Without a device the kernel stores an empty name, or ends the rule where it asks more of the device than that. */
const device =
  (pick: (skb: Skb) => string | null): Ask =>
  (skb) => {
    const name = pick(skb);
    if (name === UNKNOWN_PORT) return PORT_UNKNOWN;
    return name !== null && isUnknownDevice(name) ? { unknown: deviceUnknown(name) } : (name ?? '');
  };

const ofDevice =
  (pick: (skb: Skb) => string | null, what: string, ask: (facts: DeviceFacts) => Answered | null): Ask =>
  (skb, env) => {
    const name = pick(skb);
    if (name === null) return BREAK;
    if (name === UNKNOWN_PORT) return PORT_UNKNOWN;
    if (isUnknownDevice(name)) return { unknown: deviceUnknown(name) };
    const facts = env.device?.(name) ?? null;
    return (facts === null ? null : ask(facts)) ?? { unknown: `the ${what} of ${name} is not known` };
  };

type DeviceFacts = NonNullable<ReturnType<NonNullable<MatchEnv['device']>>>;

const kindOf = (facts: DeviceFacts): Answered => facts.kind ?? '';

const linkType = ({ linkType: type }: DeviceFacts): Answered | null =>
  type === 'ether' ? ARPHRD_ETHER : type === 'loopback' ? ARPHRD_LOOPBACK : null;

const inDev = (skb: Skb): string | null => skb.inDev;
const outDev = (skb: Skb): string | null => skb.outDev;

/** A packet that no socket of this host sent ends the rule. */
const ofSocket =
  (reason: string): Ask =>
  (skb) =>
    skb.local ? { unknown: reason } : BREAK;

const PACKET_TYPES: Readonly<Record<string, number>> = { unicast: 0, broadcast: 1, multicast: 2, otherhost: 3 };

/** NFPROTO_* */
const NFPROTO: Readonly<Record<string, number>> = { bridge: 7, netdev: 5, arp: 3 };

const KEYS: Readonly<Record<string, MetaKey>> = {
  iif: { type: 'iface_index', short: true, ask: device(inDev) },
  oif: { type: 'iface_index', short: true, ask: device(outDev) },
  iifname: { type: 'ifname', short: true, ask: device(inDev) },
  oifname: { type: 'ifname', short: true, ask: device(outDev) },
  iiftype: { type: 'iface_type', ask: ofDevice(inDev, 'type', linkType) },
  oiftype: { type: 'iface_type', ask: ofDevice(outDev, 'type', linkType) },
  iifkind: { type: 'string', ask: ofDevice(inDev, 'kind', kindOf) },
  oifkind: { type: 'string', ask: ofDevice(outDev, 'kind', kindOf) },
  iifgroup: { type: 'devgroup', short: true, ask: ofDevice(inDev, 'group', ({ group }) => group) },
  oifgroup: { type: 'devgroup', short: true, ask: ofDevice(outDev, 'group', ({ group }) => group) },
  ibrname: { type: 'ifname', ask: ofDevice(inDev, 'bridge', ({ bridge }) => bridge ?? BREAK) },
  obrname: { type: 'ifname', ask: ofDevice(outDev, 'bridge', ({ bridge }) => bridge ?? BREAK) },
  ibrpvid: { type: 'integer', ask: unknown('the VLAN of the bridge port is not known') },
  ibrvproto: { type: 'ether_type', ask: unknown('the VLAN protocol of the bridge is not known') },
  l4proto: { type: 'inet_proto', ask: (skb) => skb.protocol },
  nfproto: { type: 'nf_proto', ask: (skb, _env, _hook, { family }) => NFPROTO[family] ?? (skb.family === 4 ? 2 : 10) },
  protocol: { type: 'ether_type', ask: (skb) => (skb.family === 4 ? ETH_P_IP : ETH_P_IPV6) },
  mark: { type: 'mark', ask: (skb) => (skb.markUnknown === undefined ? skb.mark : { unknown: skb.markUnknown }) },
  length: { type: 'integer', ask: (skb) => skb.length ?? LENGTH },
  pkttype: {
    type: 'pkt_type',
    ask: (skb) => {
      const type = packetTypeOf(skb);
      return type === null ? PACKET_TYPE : (PACKET_TYPES[type] ?? PACKET_TYPE);
    },
  },
  skuid: { type: 'uid', ask: ofSocket('whose socket the packet comes from is not known') },
  skgid: { type: 'gid', ask: ofSocket('whose socket the packet comes from is not known') },
  cgroup: { type: 'integer', ask: ofSocket("the sender's control group is not known") },
  cpu: { type: 'integer', chance: true, ask: unknown('which processor handles the packet is not known') },
  random: { type: 'integer', chance: true, ask: unknown('it is a matter of chance') },
  priority: { type: 'classid', ask: unknown("the packet's queueing priority is not known") },
  rtclassid: { type: 'realm', ask: unknown("the route's realm is not known") },
  nftrace: { type: 'integer', ask: unknown('whether the packet is traced is not known') },
  secmark: { type: 'integer', ask: unknown("the packet's security mark is not known") },
  time: { type: 'date', ask: unknown('it depends on the time') },
  hour: { type: 'hour', ask: unknown('it depends on the time of day') },
  day: { type: 'day', ask: unknown('it depends on the day') },
  sdif: { type: 'iface_index', ask: unknown('the slave device of a VRF is not known') },
  sdifname: { type: 'ifname', ask: unknown('the slave device of a VRF is not known') },
  ipsec: { type: 'boolean', ask: (skb, env) => ipsecAnswer(skb, env) },
  secpath: { type: 'boolean', ask: (skb, env) => ipsecAnswer(skb, env) },
};

/** A host that says nothing about IPsec has none. */
const ipsecAnswer = (skb: Skb, env: MatchEnv): Answered => {
  const through = env.ipsec === undefined ? false : env.ipsec(skb, 'in');
  return through === null ? { unknown: 'whether IPsec brought the packet is not known' } : through ? 1 : 0;
};

export const metaOperand = (key: string | null, context: NftContext): Operand | NotUnderstood => {
  const found = key === null || !Object.hasOwn(KEYS, key) ? undefined : KEYS[key];
  if (found === undefined || key === null) return { problem: `meta ${key ?? ''} is not understood` };
  return {
    type: known(found.type),
    text: found.short === true ? key : `meta ${key}`,
    needs: [],
    ask: (skb, env, hook) => found.ask(skb, env, hook, context),
    ...(found.chance === true ? { chance: true } : {}),
  };
};
