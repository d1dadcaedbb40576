/**
 * What makes two packets one flow, as 32-bit words: no strings, and one record that is filled again for every packet. Symmetric
 * protocols put the lower endpoint first, so that both directions give the same words. Questions and answers (echo, ARP,
 * neighbour discovery) put the asker first: two ends that ask each other with the same id are two flows.
 */
import { u32be } from '../base/bytes.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, L3_ARP, L3_IPV4, L3_IPV6, type Packet } from '../packet/packet.ts';
import type { PlainHeaders } from '../packet/plain.ts';
import type { FlowKind } from './flow.ts';

const KIND_TCP = 0;
const KIND_UDP = 1;
const KIND_ECHO = 2;
const KIND_ICMP = 3;
const KIND_ARP = 4;
const KIND_OTHER = 5;
export const FLOW_KINDS: readonly FlowKind[] = ['tcp', 'udp', 'icmp-echo', 'icmp', 'arp', 'other'];

const ICMP_ECHOREPLY = 0;
const ICMP_ECHO = 8;
const ICMPV6_ECHO_REQUEST = 128;
const ICMPV6_ECHO_REPLY = 129;
export const ND_NEIGHBOR_SOLICIT = 135;
export const ND_NEIGHBOR_ADVERT = 136;
/** RFC 826. */
const ARPOP_REQUEST = 1;
export const ARPOP_REPLY = 2;

export const KEY_WORDS = 14;
/** How many of them differ from zero for IPv4. */
const SHORT_KEY_WORDS = 8;

/** Those that tell the place, behind the first. */
const PLACE_WORDS = 4;

const LONG = 1 << 4;
const HAS_PORTS = 1 << 5;

const IS_FRAME = 1 << 6;
const IS_FRAGMENT = 1 << 7;

/** The lowest bit of the first octet: IEEE 802, 9.2. */
export const isGroupMac = (mac: number): boolean => mac >= 0 && (Math.floor(mac / 0x100_0000_0000) & 1) === 1;

export class FlowKey {
  readonly words = new Int32Array(KEY_WORDS);
  /** How many words count; the rest is zero. */
  length = SHORT_KEY_WORDS;
  hash = 0;
  /** 1 where the packet's sender is the key's second endpoint, else 0. */
  fromSecond: 0 | 1 = 0;
  kind: FlowKind = 'other';
  /** 1 for an answer, 0 for a question, -1 where the protocol has neither. */
  answer: 0 | 1 | -1 = -1;
  readonly #seed: number;
  /** Hash of the words that tell the place, which is the same for many packets in turn. */
  #placeHash = 0;

  constructor(seed: number) {
    this.#seed = seed | 0;
    this.setPlace(0, -1, -1, -1, -1);
  }

  /** Where the packet was seen: flows of different places never mix. `vni` is that of the tunnel it came in, -1 for none. */
  setPlace(interfaceId: number, ifindex: number, vlanOuter: number, vlanInner: number, vni: number): void {
    const { words } = this;
    const vlans = ((vlanOuter & 0xffff) << 16) | (vlanInner & 0xffff);
    if (words[1] === interfaceId && words[2] === ifindex + 1 && words[3] === vlans && words[4] === vni + 1) return;
    words[1] = interfaceId;
    words[2] = ifindex + 1;
    words[3] = vlans;
    words[4] = vni + 1;
    let hash = this.#seed;
    for (let i = 1; i <= PLACE_WORDS; i++) hash = mixed(hash, words[i] as number);
    this.#placeHash = hash;
  }

  /** `setPlace` and `setPacket` in one for a plain packet, without `kind` and `answer`. */
  setPlain(headers: PlainHeaders, interfaceId: number): void {
    this.setPlace(interfaceId, -1, -1, -1, -1);
    const { words } = this;
    const { protocol, src, dst, srcPort, dstPort } = headers;
    const swap = src === dst ? srcPort > dstPort : src >>> 0 > dst >>> 0;
    this.fromSecond = swap ? 1 : 0;
    this.length = SHORT_KEY_WORDS;
    words[0] = (protocol === IPPROTO_TCP ? KIND_TCP : KIND_UDP) | HAS_PORTS | (protocol << 8);
    words[5] = swap ? (dstPort << 16) | srcPort : (srcPort << 16) | dstPort;
    words[6] = swap ? dst : src;
    words[7] = swap ? src : dst;
    this.#finish();
  }

  /** Fills in what the packet itself says, and the hash. */
  setPacket(packet: Packet): void {
    this.answer = -1;
    if (packet.l3 === L3_IPV4 || packet.l3 === L3_IPV6) this.#setIp(packet);
    else if (packet.l3 === L3_ARP && packet.arpSenderMac >= 0) this.#setArp(packet);
    else this.#setFrame(packet);
    this.#finish();
  }

  /** What all fragments of one datagram share: RFC 791 section 2.3, RFC 8200 section 4.5. */
  setFragment(packet: Packet): void {
    this.answer = -1;
    this.#setClass(KIND_OTHER, IS_FRAGMENT | ((packet.protocol & 0xff) << 8), packet.l3 === L3_IPV6);
    this.#setDirected(packet, packet.ipId, false);
    this.#finish();
  }

  #setIp(packet: Packet): void {
    const { protocol, srcPort } = packet;
    if (srcPort >= 0) {
      const kind = protocol === IPPROTO_TCP ? KIND_TCP : protocol === IPPROTO_UDP ? KIND_UDP : KIND_OTHER;
      this.#setClass(kind, HAS_PORTS | ((protocol & 0xff) << 8), packet.l3 === L3_IPV6);
      this.#setSymmetric(packet, srcPort, packet.dstPort);
      return;
    }
    if (packet.icmpType >= 0 && (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6)) this.#setIcmp(packet);
    else {
      this.#setClass(KIND_OTHER, (protocol & 0xff) << 8, packet.l3 === L3_IPV6);
      this.#setSymmetric(packet, 0, 0);
    }
  }

  #setIcmp(packet: Packet): void {
    const { icmpType: type, icmpCode: code, protocol } = packet;
    const long = packet.l3 === L3_IPV6;
    const question = long ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
    const isAnswer = type === (long ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY);
    if (packet.icmpId >= 0 && (type === question || isAnswer)) {
      this.#setClass(KIND_ECHO, protocol << 8, long);
      this.#setDirected(packet, packet.icmpId, isAnswer);
      return;
    }
    if (long && (type === ND_NEIGHBOR_SOLICIT || type === ND_NEIGHBOR_ADVERT) && this.#setNeighbour(packet)) return;
    // RFC 792: time stamp, information and address mask questions are even-odd neighbours of their answers.
    const asks = !long && type >= 13 && type <= 18;
    const answers = asks && type % 2 === 0;
    const named = answers ? type - 1 : type;
    this.#setClass(KIND_ICMP, (protocol << 8) | (named << 16) | (code << 24), long);
    this.#setDirected(packet, 0, answers);
    if (!asks) this.answer = -1;
  }

  /** The asked address is the target inside the message: a solicitation is sent to a group. RFC 4861 sections 4.3 and 4.4. */
  #setNeighbour(packet: Packet): boolean {
    const { bytes, l4Offset } = packet;
    const at = l4Offset + 8;
    if (l4Offset < 0 || at + 16 > packet.end) return false;
    const { words } = this;
    const isAnswer = packet.icmpType === ND_NEIGHBOR_ADVERT;
    this.#setClass(KIND_ICMP, (IPPROTO_ICMPV6 << 8) | (ND_NEIGHBOR_SOLICIT << 16), true);
    words[5] = 0;
    // Duplicate address detection asks from :: and is answered to all nodes; an announcement goes there too.
    const toGroup = isAnswer && packet.dstA >>> 24 === 0xff;
    words[6] = toGroup ? 0 : isAnswer ? packet.dstA : packet.srcA;
    words[8] = toGroup ? 0 : isAnswer ? packet.dstB : packet.srcB;
    words[9] = toGroup ? 0 : isAnswer ? packet.dstC : packet.srcC;
    words[10] = toGroup ? 0 : isAnswer ? packet.dstD : packet.srcD;
    words[7] = u32be(bytes, at);
    words[11] = u32be(bytes, at + 4);
    words[12] = u32be(bytes, at + 8);
    words[13] = u32be(bytes, at + 12);
    this.answer = isAnswer ? 1 : 0;
    this.fromSecond = this.answer;
    return true;
  }

  #setArp(packet: Packet): void {
    const isAnswer = packet.arpOp === ARPOP_REPLY;
    const known = isAnswer || packet.arpOp === ARPOP_REQUEST;
    const isAnnouncement = packet.srcA === packet.dstA;
    // Reverse ARP and the like: kept apart by their operation.
    this.#setClass(KIND_ARP, (known ? ARPOP_REQUEST : packet.arpOp & 0xff) << 16, false);
    this.#setDirected(packet, 0, isAnswer && !isAnnouncement);
    if (!known || isAnnouncement) this.answer = -1;
  }

  /** No IP: the MAC addresses and the EtherType. */
  #setFrame(packet: Packet): void {
    const { words } = this;
    const { srcMac, dstMac } = packet;
    const swap = dstMac < srcMac && !isGroupMac(dstMac);
    const first = swap ? dstMac : srcMac;
    const second = swap ? srcMac : dstMac;
    this.#setClass(KIND_OTHER, IS_FRAME, true);
    words[5] = packet.etherType;
    words[6] = first;
    words[7] = second;
    words[8] = Math.floor(first / 0x1_0000_0000);
    words[9] = 0;
    words[10] = 0;
    words[11] = Math.floor(second / 0x1_0000_0000);
    words[12] = packet.l3;
    words[13] = packet.linkType;
    this.fromSecond = swap ? 1 : 0;
  }

  #setClass(kind: number, rest: number, long: boolean): void {
    this.kind = FLOW_KINDS[kind] as FlowKind;
    this.length = long ? KEY_WORDS : SHORT_KEY_WORDS;
    this.words[0] = kind | rest | (long ? LONG : 0);
  }

  #setSymmetric(packet: Packet, srcPort: number, dstPort: number): void {
    const order = compareEndpoints(packet) || srcPort - dstPort;
    const swap = order > 0;
    this.fromSecond = swap ? 1 : 0;
    this.words[5] = swap ? (dstPort << 16) | srcPort : (srcPort << 16) | dstPort;
    this.#setAddresses(packet, swap);
  }

  #setDirected(packet: Packet, id: number, isAnswer: boolean): void {
    this.answer = isAnswer ? 1 : 0;
    this.fromSecond = this.answer;
    this.words[5] = id;
    this.#setAddresses(packet, isAnswer);
  }

  #setAddresses(packet: Packet, swap: boolean): void {
    const { words } = this;
    words[6] = swap ? packet.dstA : packet.srcA;
    words[7] = swap ? packet.srcA : packet.dstA;
    if (this.length === SHORT_KEY_WORDS) return;
    words[8] = swap ? packet.dstB : packet.srcB;
    words[9] = swap ? packet.dstC : packet.srcC;
    words[10] = swap ? packet.dstD : packet.srcD;
    words[11] = swap ? packet.srcB : packet.dstB;
    words[12] = swap ? packet.srcC : packet.dstC;
    words[13] = swap ? packet.srcD : packet.dstD;
  }

  /** The multiply-and-shift steps of MurmurHash2; the seed keeps senders from choosing which flows collide. */
  #finish(): void {
    const { words, length } = this;
    let hash = mixed(this.#placeHash, words[0] as number);
    for (let i = PLACE_WORDS + 1; i < length; i++) hash = mixed(hash, words[i] as number);
    hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995);
    this.hash = hash ^ (hash >>> 15);
  }
}

const mixed = (hash: number, value: number): number => {
  const word = Math.imul(value, 0x5bd1e995);
  return Math.imul(hash, 0x5bd1e995) ^ Math.imul(word ^ (word >>> 24), 0x5bd1e995);
};

const compareEndpoints = (packet: Packet): number => {
  if (packet.srcA !== packet.dstA) return packet.srcA < packet.dstA ? -1 : 1;
  if (packet.srcB !== packet.dstB) return packet.srcB < packet.dstB ? -1 : 1;
  if (packet.srcC !== packet.dstC) return packet.srcC < packet.dstC ? -1 : 1;
  if (packet.srcD !== packet.dstD) return packet.srcD < packet.dstD ? -1 : 1;
  return 0;
};
