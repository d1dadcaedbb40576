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
  retransmissions: [number, number];
  zeroWindows: [number, number];
  outOfOrder: [number, number];
  /** SYN to SYN+ACK to ACK, in nanoseconds; null before. */
  handshakeNs: number | null;
}

export interface EchoFlow {
  id: number;
  sent: number;
  answered: number;
  /** Requests whose answer is overdue (1 s) or that were overtaken by the flow's end. */
  lost: number;
}

export interface ArpFlow {
  questions: number;
  answers: number;
  answeredBy: number | null;
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
  /** The flow of the tunnel that carried it, with its VXLAN network identifier. */
  tunnel: { readonly flowId: number; readonly vni: number } | null;
  ended: boolean;
  /** Changes with every packet; a cheap test for "has it moved". */
  revision: number;
}
