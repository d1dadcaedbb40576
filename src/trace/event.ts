/**
 * What the kernel's trace says of a packet, whichever way it was read: `nft monitor trace` (nf_tables_trace.c) for nftables and
 * iptables-nft, the records of `-j TRACE` (trace_packet in ip_tables.c) for iptables-legacy.
 */
import type { IpAddress } from '../base/ip-address.ts';
import type { Hook } from '../netfilter/ruleset.ts';

export type TraceSource = 'nft' | 'legacy';

export type TraceFamily = 'ip' | 'ip6' | 'inet' | 'bridge' | 'arp' | 'netdev';

export type TraceVerdict = 'accept' | 'drop' | 'continue' | 'return' | 'jump' | 'goto' | 'queue' | 'stolen';

/** The fields by which a packet is known again at the next hook. Null: not shown, or not there. */
export interface TracePacket {
  readonly inDev: string | null;
  readonly outDev: string | null;
  readonly physIn: string | null;
  readonly physOut: string | null;
  readonly src: IpAddress | null;
  readonly dst: IpAddress | null;
  readonly protocol: number | null;
  readonly srcPort: number | null;
  readonly dstPort: number | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  /** Identifier and sequence number of an echo message. */
  readonly icmpId: number | null;
  readonly icmpSequence: number | null;
  /** Identification of an IPv4 header; IPv6 has the flow label in its place. */
  readonly ipId: number | null;
  readonly flowLabel: number | null;
  /** Of the whole IP packet. */
  readonly lengthBytes: number | null;
  readonly ttl: number | null;
}

export interface TraceEvent {
  readonly source: TraceSource;
  /** nft's trace id; legacy records have none. Ids repeat: one alone does not tell a packet from another. */
  readonly id: string | null;
  readonly family: TraceFamily;
  readonly table: string;
  readonly chain: string;
  /**
   * `packet`: the packet as it enters a base chain. `rule`: a rule that matched. `policy`: the end of a base chain.
   * `return`: the end of a user chain, where the kernel says so.
   */
  readonly kind: 'packet' | 'rule' | 'policy' | 'return';
  /** nft's handle of the rule. */
  readonly handle: number | null;
  /** Legacy's number of the rule; for `policy` and `return` that of the place behind the last rule, or of a rule that reads the same. */
  readonly rule: number | null;
  readonly verdict: TraceVerdict | null;
  /** The chain of a jump or goto. */
  readonly target: string | null;
  /** The rule as nft printed it; null where it is not told, or not known (`unknown rule handle`). */
  readonly text: string | null;
  readonly mark: number | null;
  /** The hook, where the record tells. */
  readonly hook: Hook | null;
  readonly packet: TracePacket | null;
}

export const NO_PACKET: TracePacket = {
  inDev: null,
  outDev: null,
  physIn: null,
  physOut: null,
  src: null,
  dst: null,
  protocol: null,
  srcPort: null,
  dstPort: null,
  icmpType: null,
  icmpCode: null,
  icmpId: null,
  icmpSequence: null,
  ipId: null,
  flowLabel: null,
  lengthBytes: null,
  ttl: null,
};
