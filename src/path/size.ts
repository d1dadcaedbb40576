/**
 * Packets and the size of the next link: ip_exceeds_mtu, ip6_pkt_too_big and ip_finish_output on routed ways; is_skb_forwardable where a
 * bridge or a veth only counts bytes and says nothing (net/core/dev.c).
 */
import { formatIp } from '../base/ip-address.ts';
import type { HostModel } from './model.ts';
import type { DecidedBy, VerdictStep } from './verdict.ts';
import { assume, drop, type Walk } from './walk.ts';

export interface SizeQuestion {
  readonly hook: VerdictStep['hook'];
  /** Null where not known. */
  readonly dontFragment: boolean | null;
  /** A smaller MTU than this is not believed. */
  readonly minimum: number;
}

/** The route's own MTU counts before the device's. */
export const fits = (model: HostModel, walk: Walk, out: string, question: SizeQuestion): readonly Walk[] => {
  const { skb } = walk;
  const given = walk.mtu ?? model.links?.get(out)?.mtu ?? null;
  const mtu = given === null ? null : Math.max(given, question.minimum);
  if (skb.length === null || mtu === null || mtu === 0 || skb.length <= mtu) return [walk];
  const text = `mtu ${mtu} of ${walk.mtu === null ? out : `the route by ${out}`}`;
  const sender = formatIp(skb.src);
  const told = skb.local
    ? 'the sender is told: message too long'
    : `${sender} is told: ${skb.family === 6 ? 'packet too big' : 'fragmentation needed'}, mtu ${mtu}`;
  const by: DecidedBy = { kind: 'route', text: `${skb.length} bytes exceed ${text}`, reason: 'too-big', about: { device: out, mtu } };
  const tooBig = (each: Walk): Walk => drop(each, question.hook, by, told);
  if (skb.family === 6 ? !skb.local : question.dontFragment === true) return [tooBig(walk)];
  if (skb.family === 6 || question.dontFragment === false) return [walk];
  return [
    assume(walk, `the packet exceeds ${text}: taken as one that may be fragmented`, by),
    tooBig(assume(walk, `the packet exceeds ${text}: taken as one with DF set`, by)),
  ];
};

/** VLAN_HLEN: a frame may be that much longer than the MTU says. */
const VLAN_HLEN = 4;

/** What a port, or the cable's other end, does not take; such frames vanish without a word. */
export const tooLongFor = (length: number | null, port: string, mtu: number | null): string | null => {
  if (length === null || mtu === null || length <= mtu + VLAN_HLEN) return null;
  return `${length} bytes exceed mtu ${mtu} of ${port}`;
};
