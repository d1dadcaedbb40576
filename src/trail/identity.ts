/**
 * What stays the same in a packet from one place to the next, as two 32-bit words: everything but addresses, ports, hop limit, TOS and
 * checksums, which NAT, routing and mangling change. The identification of RFC 791 section 3.1, sequence numbers of RFC 9293, those of
 * echo messages (RFC 792; their identifier is a port to conntrack), and the first bytes of the payload.
 */
import {
  INNER_QUOTED,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  L3_ARP,
  L3_IPV4,
  L3_IPV6,
  type Packet,
  TH_ACK,
  TH_FIN,
  TH_PUSH,
  TH_RST,
  TH_SYN,
  TH_URG,
} from '../packet/packet.ts';

/** So much of the payload is looked at; the first bytes of a flow's packet that are kept beside it hold as much behind any header. */
const HASHED_BYTES = 32;
/** ECN bits may be changed on the way; these are not. */
const KEPT_FLAGS = TH_FIN | TH_SYN | TH_RST | TH_PUSH | TH_ACK | TH_URG;
/** An echo request of this length carries the time at which it was sent, as ping(8) puts it there. */
const ECHO_WITH_TIME_BYTES = 8;

const SEED_LOW = 0x2c1b3c6d;
const SEED_HIGH = 0x297a2d39;

/** How much two equal identities prove. */
export const WEAK = 0;
/** Sixteen bits that count up, beside the payload: equal by chance once in 65,536. */
export const BY_IP_ID = 1;
/** Sequence numbers or a time of sending. */
export const STRONG = 2;
export type Strength = typeof WEAK | typeof BY_IP_ID | typeof STRONG;

/** One record that is filled again for every packet. */
export class PacketIdentity {
  low = 0;
  high = 0;
  strength: Strength = WEAK;
  /** Addresses and ports, or the echo identifier: what NAT changes. Equal at two places of one untranslated packet. */
  tuple = 0;
  /** The same of one end alone. */
  source = 0;
  target = 0;

  /** False for frames that are not recognised: no IP and no ARP. */
  fill(packet: Packet): boolean {
    this.low = SEED_LOW;
    this.high = SEED_HIGH;
    this.strength = WEAK;
    if (packet.l3 === L3_IPV4 || packet.l3 === L3_IPV6) this.#ip(packet);
    else if (packet.l3 === L3_ARP && packet.arpSenderMac >= 0) this.#arp(packet);
    else return false;
    this.low = finish(this.low);
    this.high = finish(this.high);
    return true;
  }

  #ip(packet: Packet): void {
    const { protocol, ipId } = packet;
    this.#mix((packet.l3 << 24) | ((protocol & 0xff) << 16) | (ipId & 0xffff));
    if (ipId > 0) this.strength = BY_IP_ID;
    if (packet.fragmentOffset > 0) this.#mix(packet.fragmentOffset);
    if (packet.innerKind === INNER_QUOTED && packet.inner !== null) this.#quoted(packet, packet.inner);
    else if (protocol === IPPROTO_TCP && packet.tcpFlags >= 0) this.#tcp(packet);
    else if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) this.#icmp(packet);
    else this.#payload(packet);
    this.#ends(packet);
  }

  #tcp(packet: Packet): void {
    this.#mix(packet.tcpSeq);
    this.#mix(packet.tcpAck);
    this.#mix(packet.tcpFlags & KEPT_FLAGS);
    this.#mix(packet.tcpTsVal);
    this.#payload(packet);
    this.strength = STRONG;
  }

  #icmp(packet: Packet): void {
    this.#mix((packet.icmpType << 24) | ((packet.icmpCode & 0xff) << 16) | (packet.icmpSeq & 0xffff));
    this.#payload(packet);
    if (packet.icmpId >= 0 && packet.ipId > 0 && packet.payloadCaptured >= ECHO_WITH_TIME_BYTES) this.strength = STRONG;
  }

  /** An error is told by the packet that it quotes, whose addresses are translated with its own. */
  #quoted(packet: Packet, inner: Packet): void {
    this.#mix((packet.icmpType << 24) | ((packet.icmpCode & 0xff) << 16) | (inner.ipId & 0xffff));
    this.#mix(inner.protocol);
    this.#mix(inner.protocol === IPPROTO_TCP ? inner.tcpSeq : inner.icmpSeq);
    this.#mix(inner.ipLength);
  }

  #arp(packet: Packet): void {
    this.#mix((L3_ARP << 24) | (packet.arpOp & 0xffff));
    this.#mixMac(packet.arpSenderMac);
    this.#mixMac(packet.arpTargetMac);
    this.#mix(packet.srcA);
    this.#mix(packet.dstA);
    this.source = mixed(SEED_LOW, packet.srcA);
    this.target = mixed(SEED_LOW, packet.dstA);
    this.tuple = mixed(this.source, this.target);
  }

  #payload(packet: Packet): void {
    const { bytes } = packet;
    const from = packet.payloadOffset >= 0 ? packet.payloadOffset : packet.l4Offset;
    if (from < 0) return;
    const captured = packet.payloadOffset >= 0 ? packet.payloadCaptured : Math.max(0, packet.end - from);
    const to = from + Math.min(captured, HASHED_BYTES);
    this.#mix(packet.payloadOffset >= 0 ? packet.payloadLength : packet.ipLength);
    let at = from;
    for (; at + 4 <= to; at += 4) {
      this.#mix(
        ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number),
      );
    }
    let rest = 0;
    for (; at < to; at++) rest = (rest << 8) | (bytes[at] as number);
    this.#mix(rest);
  }

  #ends(packet: Packet): void {
    const isLong = packet.l3 === L3_IPV6;
    let source = mixed(SEED_LOW, packet.srcA);
    let target = mixed(SEED_LOW, packet.dstA);
    if (isLong) {
      source = mixed(mixed(mixed(source, packet.srcB), packet.srcC), packet.srcD);
      target = mixed(mixed(mixed(target, packet.dstB), packet.dstC), packet.dstD);
    }
    this.source = source;
    this.target = target;
    const ports = packet.srcPort >= 0 ? (packet.srcPort << 16) | packet.dstPort : packet.icmpId;
    this.tuple = mixed(mixed(source, target), ports);
  }

  #mixMac(mac: number): void {
    this.#mix(Math.floor(mac / 0x1_0000_0000));
    this.#mix(mac | 0);
  }

  #mix(word: number): void {
    this.low = mixed(this.low, word);
    this.high = (Math.imul(this.high ^ word, 0x01000193) + (this.high >>> 15)) | 0;
  }
}

/** One step of MurmurHash2. */
const mixed = (hash: number, value: number): number => {
  let word = Math.imul(value, 0x5bd1e995);
  word ^= word >>> 24;
  return Math.imul(hash, 0x5bd1e995) ^ Math.imul(word, 0x5bd1e995);
};

const finish = (value: number): number => {
  const hash = Math.imul(value ^ (value >>> 13), 0x5bd1e995);
  return hash ^ (hash >>> 15);
};
