/** A packet as netfilter sees it at one hook: addresses as they are there, devices, marks and its connection. */
import type { IpAddress } from '../base/ip-address.ts';
import type { Tuple } from './tuple.ts';

export type CtState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED';

/** The connection that the packet belongs to (struct nf_conn). INVALID and UNTRACKED packets have none, yet keep `state`. */
export interface CtView {
  readonly state: CtState;
  readonly direction: 'original' | 'reply';
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly protocol: number;
  /** IPS_SRC_NAT, IPS_DST_NAT: the connection has been given such a translation. */
  readonly snat: boolean;
  readonly dnat: boolean;
  readonly seenReply: boolean;
  readonly assured: boolean;
  readonly confirmed: boolean;
  readonly expected: boolean;
  /** Null where unknown. */
  readonly mark: number | null;
  readonly zone: number;
  /** The direction that the zone is for, where it is not for both. */
  readonly zoneOf?: 'original' | 'reply';
}

/** Stands for a bridge port whose name is not known: no interface has an empty name. */
export const UNKNOWN_PORT = '';

/**
 * Stand for devices whose names are not known: no interface has a slash in its name (dev_valid_name in net/core/dev.c). What asks for
 * the name answers `unknown`.
 */
export const UNKNOWN_IN = '/in';
export const UNKNOWN_OUT = '/out';

const SLASH = 47;

export const isUnknownDevice = (name: string): boolean => name.charCodeAt(0) === SLASH;

/** For sentences. */
export const deviceWords = (name: string): string => (isUnknownDevice(name) ? 'a device that is not known' : name);

const IN_UNKNOWN = 'the device by which such packets come in is not known (--in)';
const OUT_UNKNOWN = 'the device by which such packets leave is not known (--out)';

/** Of a device that is not known: why not. In a forwarded packet's answer both change places. */
export const deviceUnknown = (name: string): string => (name === UNKNOWN_IN ? IN_UNKNOWN : OUT_UNKNOWN);

/** Immutable; targets answer with a changed copy. Null means unknown: whoever asks answers `unknown`, except where said otherwise. */
export interface Skb {
  readonly family: 4 | 6;
  /** Input device; null where there is none at this hook (then a name compares as ''). */
  readonly inDev: string | null;
  readonly outDev: string | null;
  /** Bridge ports, where the packet came through br_netfilter; null where it did not, UNKNOWN_PORT where it is not known which. */
  readonly physIn: string | null;
  readonly physOut: string | null;
  /** Switched inside one bridge (as opposed to routed). */
  readonly bridged: boolean;
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly protocol: number;
  /** Null for protocols without ports, or not known. */
  readonly srcPort: number | null;
  readonly dstPort: number | null;
  readonly tcpFlags: number | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  /** In bytes. 0 for whole packets and first fragments. */
  readonly fragmentOffset: number;
  /** Length of the IP packet. */
  readonly length: number | null;
  readonly ttl: number | null;
  readonly tos: number | null;
  readonly srcMac: number | null;
  /** Whether there is an Ethernet header at all: false for packets made on this host. */
  readonly hasMac: boolean;
  /** skb->pkt_type; null where unknown. */
  readonly packetType: 'unicast' | 'broadcast' | 'multicast' | 'otherhost' | 'loopback' | null;
  readonly mark: number;
  /** Why `mark` is not to be relied on: a rule has set it from something unknown. Absent where it is known. */
  readonly markUnknown?: string;
  /** Made on this host (has a local socket or none at all), as opposed to received. */
  readonly local: boolean;
  readonly ct: CtView;
  /** The packet from its network header on, where it is at hand; u32, bpf and string look into it. */
  readonly bytes: Uint8Array | null;
}

/** A changed copy. Field by field, because copies by spread cost twenty times as much in V8, and every hook makes some. */
export const skbWith = (skb: Skb, change: Partial<Skb>): Skb => {
  const copy: Skb = {
    family: skb.family,
    inDev: skb.inDev,
    outDev: skb.outDev,
    physIn: skb.physIn,
    physOut: skb.physOut,
    bridged: skb.bridged,
    src: skb.src,
    dst: skb.dst,
    protocol: skb.protocol,
    srcPort: skb.srcPort,
    dstPort: skb.dstPort,
    tcpFlags: skb.tcpFlags,
    icmpType: skb.icmpType,
    icmpCode: skb.icmpCode,
    fragmentOffset: skb.fragmentOffset,
    length: skb.length,
    ttl: skb.ttl,
    tos: skb.tos,
    srcMac: skb.srcMac,
    hasMac: skb.hasMac,
    packetType: skb.packetType,
    mark: skb.mark,
    local: skb.local,
    ct: skb.ct,
    bytes: skb.bytes,
  };
  if (skb.markUnknown !== undefined) Object.assign(copy, { markUnknown: skb.markUnknown });
  return Object.assign(copy, change);
};

/** A changed copy of a connection. */
export const ctWith = (ct: CtView, change: Partial<CtView>): CtView => {
  const copy: CtView = {
    state: ct.state,
    direction: ct.direction,
    original: ct.original,
    reply: ct.reply,
    protocol: ct.protocol,
    snat: ct.snat,
    dnat: ct.dnat,
    seenReply: ct.seenReply,
    assured: ct.assured,
    confirmed: ct.confirmed,
    expected: ct.expected,
    mark: ct.mark,
    zone: ct.zone,
  };
  if (ct.zoneOf !== undefined) Object.assign(copy, { zoneOf: ct.zoneOf });
  return Object.assign(copy, change);
};
