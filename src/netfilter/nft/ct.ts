/** ct expressions: what connection tracking knows of the packet. nft_ct_get_eval in net/netfilter/nft_ct.c; nft(8) "CONNTRACK EXPRESSIONS". */
import { hasConnection } from '../conntrack.ts';
import type { CtView, Skb } from '../skb.ts';
import type { Tuple } from '../tuple.ts';
import { addressValue, CT_STATE_BITS, CT_STATUS_BITS, known } from './datatypes.ts';
import { isObject, textOf } from './json.ts';
import { type Answered, BREAK, type NftContext, type NotUnderstood, type Operand, type Unknown } from './operand.ts';

/** Status bits that a packet's connection tells; the others are the kernel's own business. */
export const KNOWN_CT_STATUS = 63;

interface CtKey {
  readonly type: string;
  readonly ask: (ct: CtView, tuple: Tuple) => Answered;
}

const unknown = (reason: string): CtKey['ask'] => {
  const answer: Unknown = { unknown: reason };
  return () => answer;
};

const MARK: Unknown = { unknown: "the connection's mark is not known" };
const PORT: Unknown = { unknown: "the connection's port is not known" };

/** The connection keeps addresses of its own family only. */
const address =
  (pick: (tuple: Tuple) => Tuple['src'], version: 4 | 6 | null): CtKey['ask'] =>
  (_ct, tuple) => {
    const ip = pick(tuple);
    return version !== null && ip.version !== version ? BREAK : addressValue(ip);
  };

const KEYS: Readonly<Record<string, CtKey>> = {
  direction: { type: 'ct_dir', ask: (ct) => (ct.direction === 'original' ? 0 : 1) },
  status: { type: 'ct_status', ask: (ct) => statusOf(ct) },
  mark: { type: 'mark', ask: (ct) => ct.mark ?? MARK },
  zone: { type: 'integer', ask: (ct) => ct.zone },
  l3proto: { type: 'nf_proto', ask: (ct) => (ct.original.src.version === 4 ? 2 : 10) },
  protocol: { type: 'inet_proto', ask: (ct) => ct.protocol },
  'ip saddr': { type: 'ipv4_addr', ask: address((tuple) => tuple.src, 4) },
  'ip daddr': { type: 'ipv4_addr', ask: address((tuple) => tuple.dst, 4) },
  'ip6 saddr': { type: 'ipv6_addr', ask: address((tuple) => tuple.src, 6) },
  'ip6 daddr': { type: 'ipv6_addr', ask: address((tuple) => tuple.dst, 6) },
  saddr: { type: 'address', ask: address((tuple) => tuple.src, null) },
  daddr: { type: 'address', ask: address((tuple) => tuple.dst, null) },
  'proto-src': { type: 'inet_service', ask: (_ct, tuple) => tuple.srcPort ?? PORT },
  'proto-dst': { type: 'inet_service', ask: (_ct, tuple) => tuple.dstPort ?? PORT },
  helper: { type: 'string', ask: unknown("the connection's helper is not known") },
  expiration: { type: 'time', ask: unknown("how long the connection's entry still lives is not known") },
  bytes: { type: 'integer', ask: unknown('how much the connection has carried is not known') },
  packets: { type: 'integer', ask: unknown('how much the connection has carried is not known') },
  avgpkt: { type: 'integer', ask: unknown('how much the connection has carried is not known') },
  label: { type: 'ct_label', ask: unknown("the connection's labels are not known") },
  id: { type: 'integer', ask: unknown("the connection's number is not known") },
  secmark: { type: 'integer', ask: unknown("the connection's security mark is not known") },
};

const statusOf = (ct: CtView): number =>
  (ct.expected ? CT_STATUS_BITS.expected : 0) |
  (ct.seenReply ? CT_STATUS_BITS['seen-reply'] : 0) |
  (ct.assured ? CT_STATUS_BITS.assured : 0) |
  (ct.confirmed ? CT_STATUS_BITS.confirmed : 0) |
  (ct.snat ? CT_STATUS_BITS.snat : 0) |
  (ct.dnat ? CT_STATUS_BITS.dnat : 0);

const STATES: Readonly<Record<CtView['state'], number>> = {
  NEW: CT_STATE_BITS.new,
  ESTABLISHED: CT_STATE_BITS.established,
  RELATED: CT_STATE_BITS.related,
  INVALID: CT_STATE_BITS.invalid,
  UNTRACKED: CT_STATE_BITS.untracked,
};

const BRIDGED: Unknown = { unknown: 'what connection tracking makes of frames at the bridge is not known' };

export const ctOperand = (body: unknown, context: NftContext): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a ct expression without a key' };
  const key = textOf(body['key']);
  const direction = textOf(body['dir']);
  const family = (key === 'saddr' || key === 'daddr') && (context.family === 'ip' || context.family === 'ip6') ? `${context.family} ` : '';
  const text = `ct ${direction === null ? '' : `${direction} `}${family}${key ?? ''}`;
  const ask = (inner: (skb: Skb) => Answered) => (context.family === 'bridge' || context.family === 'netdev' ? () => BRIDGED : inner);
  if (key === 'state') return { type: known('ct_state'), text, needs: [], asksConntrack: true, ask: ask((skb) => STATES[skb.ct.state]) };
  const found = key === null || !Object.hasOwn(KEYS, key) ? undefined : KEYS[key];
  if (found === undefined) return { problem: `${text} is not understood` };
  const type = found.type === 'address' ? (context.family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr') : found.type;
  return {
    type: known(type),
    text,
    needs: [],
    asksConntrack: true,
    ask: ask(({ ct }) => (hasConnection(ct) ? found.ask(ct, direction === 'reply' ? ct.reply : ct.original) : BREAK)),
  };
};
