/** A new flow from its key and first packet. All records have one shape, whatever their kind. */
import { type IpAddress, ipv4, ipv6 } from '../base/ip-address.ts';
import { L3_IPV4, L3_IPV6, type Packet, TH_ACK, TH_SYN } from '../packet/packet.ts';
import type { Flow } from './flow.ts';
import { type FlowKey, isGroupMac } from './key.ts';

const CACHED_ADDRESSES = 1024;

/** Flows that name the same address share one object: few addresses have many flows. */
export class AddressCache {
  readonly #addresses: (IpAddress | undefined)[] = new Array<IpAddress | undefined>(CACHED_ADDRESSES);

  get(version: 4 | 6, a: number, b: number, c: number, d: number): IpAddress {
    const mixed = Math.imul(a ^ Math.imul(b, 31) ^ Math.imul(c, 1013) ^ Math.imul(d, 65_599), 0x9e3779b1);
    const place = (mixed >>> 16) & (CACHED_ADDRESSES - 1);
    const found = this.#addresses[place];
    if (found !== undefined && found.version === version && found.a === a && found.b === b && found.c === c && found.d === d) return found;
    const made = version === 4 ? ipv4(a) : ipv6(a, b, c, d);
    this.#addresses[place] = made;
    return made;
  }
}

/** True where the sender of a flow's first packet is its second end: it answers something that was not seen. */
export const startsWithAnswer = (key: FlowKey, packet: Packet): boolean => {
  if (key.answer >= 0) return key.answer === 1;
  return key.kind === 'tcp' && packet.tcpFlags >= 0 && (packet.tcpFlags & (TH_SYN | TH_ACK)) === (TH_SYN | TH_ACK);
};

/** `fromB`: the packet's sender becomes b. `aIsSecond`: a is the second endpoint of the key. */
export const newFlow = (
  id: number,
  key: FlowKey,
  packet: Packet,
  fromB: boolean,
  aIsSecond: boolean,
  addresses: AddressCache,
  timeSec: number,
  timeNsec: number,
): Flow => {
  const { words } = key;
  const isFrame = key.kind === 'other' && packet.l3 !== L3_IPV4 && packet.l3 !== L3_IPV6;
  const version = packet.l3 === L3_IPV6 ? 6 : 4;
  const word = (at: number): number => (isFrame ? 0 : (words[at] as number) >>> 0);
  const first = addresses.get(version, word(6), version === 6 ? word(8) : 0, version === 6 ? word(9) : 0, version === 6 ? word(10) : 0);
  const second = addresses.get(version, word(7), version === 6 ? word(11) : 0, version === 6 ? word(12) : 0, version === 6 ? word(13) : 0);
  const hasPorts = packet.srcPort >= 0;
  const dstMac = isGroupMac(packet.dstMac) ? -1 : packet.dstMac;
  return {
    id,
    interfaceId: words[1] as number,
    kind: key.kind,
    version,
    protocol: packet.protocol,
    a: aIsSecond ? second : first,
    b: aIsSecond ? first : second,
    aPort: !hasPorts ? -1 : fromB ? packet.dstPort : packet.srcPort,
    bPort: !hasPorts ? -1 : fromB ? packet.srcPort : packet.dstPort,
    aMac: fromB ? dstMac : packet.srcMac,
    bMac: fromB ? packet.srcMac : dstMac,
    vlan: packet.vlanOuter,
    icmpType: packet.icmpType,
    icmpCode: packet.icmpCode,
    packets: [0, 0],
    bytes: [0, 0],
    firstBytes: packet.originalLength,
    askedPackets: -1,
    askedBytes: 0,
    firstSec: timeSec,
    firstNsec: timeNsec,
    lastSec: timeSec,
    lastNsec: timeNsec,
    rttNs: null,
    minRttNs: null,
    tcp: null,
    echo: null,
    arp: null,
    error: null,
    errorPackets: null,
    tunnel: null,
    carries: null,
    ended: false,
    revision: 0,
    ndp: null,
    quoted: null,
    etherType: isFrame ? packet.etherType : -1,
    ifindex: (words[2] as number) - 1,
  };
};
