/** A later packet of a connection whose first one was judged: conntrack knows it, its translations are made and the nat tables are not asked. */
import { type IpAddress, parseIp } from '../base/ip-address.ts';
import type { CtView } from '../netfilter/skb.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { IPPROTO_TCP } from '../packet/packet.ts';
import { protocolOf } from './packet-spec.ts';
import { natOriginOf } from './reply.ts';
import type { PacketSpec, Verdict, VerdictNat } from './verdict.ts';

/** Null where that cannot be told: the connection was not begun by it, or to what it was translated is not known. */
export const laterPacket = (spec: PacketSpec, verdict: Verdict): PacketSpec | null => {
  const protocol = protocolOf(spec.proto);
  const src = parseIp(spec.src);
  const dst = parseIp(spec.dst);
  if (protocol === null || src === null || dst === null || spec.state !== undefined || verdict.outcome !== 'accept') return null;
  const nat = verdict.nat.filter(({ namespace }) => namespace === undefined);
  const original: Tuple = { src, dst, srcPort: spec.sport ?? spec.icmpId ?? null, dstPort: spec.dport ?? spec.icmpId ?? null };
  const origin = natOriginOf(nat);
  const to = endAfter(origin.dst, { ip: dst, port: original.dstPort });
  const from = endAfter(origin.src, { ip: src, port: original.srcPort });
  if (to === null || from === null) return null;
  const ct: CtView = {
    state: 'ESTABLISHED',
    direction: 'original',
    original,
    reply: { src: to.ip, dst: from.ip, srcPort: to.port, dstPort: from.port },
    protocol,
    snat: origin.src !== null,
    dnat: origin.dst !== null,
    seenReply: true,
    assured: true,
    confirmed: true,
    expected: false,
    mark: null,
    zone: 0,
  };
  const { flags: _flags, connection: _connection, bytes: _bytes, ...rest } = spec;
  return { ...rest, ...(protocol === IPPROTO_TCP ? { flags: 'ACK' } : {}), state: 'ESTABLISHED', connection: { ct, nat: origin } };
};

interface End {
  readonly ip: IpAddress;
  readonly port: number | null;
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, or an address alone; anything else is not known. */
const endAfter = (nat: VerdictNat | null, before: End): End | null => {
  if (nat === null) return before;
  const whole = parseIp(nat.to);
  if (whole !== null) return { ip: whole, port: before.port };
  const parts = /^\[?([^\]]+?)\]?:(\d+)$/.exec(nat.to);
  const ip = parseIp(parts?.[1] ?? '');
  return parts === null || ip === null ? null : { ip, port: Number(parts[2]) };
};
