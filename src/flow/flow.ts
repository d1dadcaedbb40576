/** A conversation seen at one capture point: both directions under one key, with what its protocol's state says. */
import type { IpAddress } from '../base/ip-address.ts';

export const ORIGINAL = 0;
export const REPLY = 1;
export type Direction = typeof ORIGINAL | typeof REPLY;

/** What a flow is of. `icmp-echo` pairs requests and replies by id; `arp` is a question with its answer. */
export type FlowKind = 'tcp' | 'udp' | 'icmp-echo' | 'icmp' | 'arp' | 'other';

/** TCP as seen from outside both ends. */
export type TcpPhase = 'syn-sent' | 'syn-received' | 'established' | 'closing' | 'closed' | 'reset' | 'midstream';

export interface TcpFlow {
  phase: TcpPhase;
  /** Which direction sent the reset, -1 for none. */
  resetBy: Direction | -1;
  /** What the reset met: 'syn-sent' makes it a refusal. Null while there is none. */
  resetIn?: TcpPhase | null;
  retransmissions: [number, number];
  zeroWindows: [number, number];
  outOfOrder: [number, number];
  /** SYN to SYN+ACK to ACK, in nanoseconds; null before. */
  handshakeNs: number | null;
  /** Last round trips from the capture point to b and back and to a and back; together they are the flow's. */
  rttToBNs?: number | null;
  rttToANs?: number | null;
}

export interface EchoFlow {
  id: number;
  sent: number;
  answered: number;
  /** Requests whose answer is overdue (1 s) or that were overtaken by the flow's end. */
  lost: number;
  /** Further answers to a request that had one already. */
  duplicates?: number;
  /** Answers whose request was not seen here, or is too long ago to be remembered. */
  unasked?: number;
}

/** A question for a MAC address and its answers: ARP, and neighbour solicitation of IPv6. */
export interface ArpFlow {
  questions: number;
  answers: number;
  /** MAC address of the last answer. */
  answeredBy: number | null;
  /** A different MAC address that answered before: two machines claim the address. */
  alsoAnsweredBy?: number | null;
}

/** An ICMP error that reports on this flow. */
export interface FlowError {
  readonly version: 4 | 6;
  readonly type: number;
  readonly code: number;
  /** Who sent it. */
  readonly from: IpAddress;
  count: number;
}

/** The packet that a lone ICMP error quotes, whose flow was not seen. */
export interface QuotedPacket {
  readonly protocol: number;
  readonly src: IpAddress;
  readonly dst: IpAddress;
  /** -1 where there are none or the quote is too short. */
  readonly srcPort: number;
  readonly dstPort: number;
}

/** VXLAN around a flow (RFC 7348). Each direction is a flow of its own outside: its source port is a hash of what is inside. */
export interface FlowTunnel {
  /** The outer flow that carries the direction a→b; where only the other has been seen, that one. */
  flowId: number;
  /** The outer flow that carries b→a; -1 until it is seen. */
  backFlowId: number;
  readonly vni: number;
  /** The ends of the tunnel, as packets a→b have them. */
  src: IpAddress;
  dst: IpAddress;
}

/** What a tunnel's own flow carries. */
export interface CarriedFlows {
  readonly vni: number;
  /** The first few. */
  readonly flows: Flow[];
  more: number;
}

/** Mutable and owned by its table: readers look, never write. Index 0 is a→b (a sent the first packet or the SYN), 1 is b→a. */
export interface Flow {
  readonly id: number;
  /** Index of the capture point. */
  readonly interfaceId: number;
  readonly kind: FlowKind;
  readonly version: 4 | 6;
  /** IANA number; -1 for ARP. */
  readonly protocol: number;
  a: IpAddress;
  b: IpAddress;
  /** -1 for protocols without ports. ICMP echo keeps its id in `echo`. */
  aPort: number;
  bPort: number;
  aMac: number;
  bMac: number;
  vlan: number;
  readonly icmpType: number;
  readonly icmpCode: number;
  packets: [number, number];
  /** Bytes on the wire, link layer included. */
  bytes: [number, number];
  /** Bytes of the first packet. */
  firstBytes?: number;
  /** What a had sent when b was first heard: 0 where b's packet was the first, -1 while b has not been heard. */
  askedPackets?: number;
  askedBytes?: number;
  firstSec: number;
  firstNsec: number;
  lastSec: number;
  lastNsec: number;
  /** Last measured round-trip time and the smallest, in nanoseconds; null before the first. */
  rttNs: number | null;
  minRttNs: number | null;
  tcp: TcpFlow | null;
  echo: EchoFlow | null;
  arp: ArpFlow | null;
  error: FlowError | null;
  /** How many of `packets` are ICMP errors that report on the flow. */
  errorPackets?: [number, number] | null;
  /** Neighbour solicitation and advertisement (kind 'icmp'). */
  ndp?: ArpFlow | null;
  /** For an ICMP error whose flow is not known (kind 'icmp'). */
  quoted?: QuotedPacket | null;
  /** EtherType of frames that are no IP (kind 'other'), else -1. */
  etherType?: number;
  /** Interface index of Linux cooked capture version 2, else -1. */
  ifindex?: number;
  /** The tunnel that carried it; null for packets that travelled plainly. */
  tunnel: FlowTunnel | null;
  /** The flows inside, for those of tunnels. */
  carries?: CarriedFlows | null;
  ended: boolean;
  /** Changes with every packet; a cheap test for "has it moved". */
  revision: number;
}
