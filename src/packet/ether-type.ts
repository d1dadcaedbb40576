/** From the EtherType to the network layer: 802.1Q tags (IEEE 802.1Q, 802.1ad), 802.3 length fields with LLC/SNAP (RFC 1042), the rest by number. */
import { u8, u16be, u32be } from '../base/bytes.ts';
import { decodeArp } from './arp.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import { L3_OTHER, type Packet } from './packet.ts';

export const ETHERTYPE_IP = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_8021Q = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_8021AD = 0x88a8;
/** The pre-standard QinQ type that some switches still send. */
export const ETHERTYPE_QINQ = 0x9100;

/** Smaller values are an 802.3 length. */
export const ETHERTYPE_MIN = 0x0600;

const TAG_LENGTH = 4;
const SNAP_LENGTH = 8;

export const isVlanType = (etherType: number): boolean =>
  etherType === ETHERTYPE_8021Q || etherType === ETHERTYPE_8021AD || etherType === ETHERTYPE_QINQ;

/** `at` is the first byte behind the type field. */
export const decodeEtherType = (packet: Packet, typeOrLength: number, at: number, limit: number): void => {
  let etherType = typeOrLength;
  let offset = at;
  while (isVlanType(etherType)) {
    packet.etherType = etherType;
    if (!hasBytes(packet, offset, TAG_LENGTH, limit, 'vlan', '802.1Q tag cut short')) return;
    const vlan = u16be(packet.bytes, offset) & 0x0fff;
    if (packet.vlanCount === 0) packet.vlanOuter = vlan;
    else if (packet.vlanCount === 1) packet.vlanInner = vlan;
    packet.vlanCount++;
    etherType = u16be(packet.bytes, offset + 2);
    offset += TAG_LENGTH;
  }
  if (etherType < ETHERTYPE_MIN) decodeLlc(packet, offset, Math.min(limit, offset + etherType));
  else decodeNetwork(packet, etherType, offset, limit);
};

export const decodeNetwork = (packet: Packet, etherType: number, at: number, limit: number): void => {
  packet.etherType = etherType;
  switch (etherType) {
    case ETHERTYPE_IP:
      decodeIpv4(packet, at, limit);
      return;
    case ETHERTYPE_IPV6:
      decodeIpv6(packet, at, limit);
      return;
    case ETHERTYPE_ARP:
      decodeArp(packet, at, limit);
      return;
    default:
      packet.l3 = L3_OTHER;
      packet.l3Offset = at;
      setPayload(packet, at, limit);
  }
};

/** An 802.2 frame: SNAP leads to an EtherType again, all else (spanning tree, for one) stays as it is, with no EtherType. */
export const decodeLlc = (packet: Packet, at: number, limit: number): void => {
  packet.etherType = -1;
  const { bytes } = packet;
  if (at + SNAP_LENGTH <= Math.min(limit, packet.end) && u32be(bytes, at) === 0xaaaa0300 && u16be(bytes, at + 4) === 0) {
    const etherType = u16be(bytes, at + 6);
    if (etherType >= ETHERTYPE_MIN) {
      decodeNetwork(packet, etherType, at + SNAP_LENGTH, limit);
      return;
    }
  }
  packet.l3 = L3_OTHER;
  packet.l3Offset = at;
  setPayload(packet, at, limit);
};

/** What an undecoded frame is called, from its EtherType or its LLC service access point. */
export const otherName = (packet: Packet): string => {
  if (packet.etherType >= 0) return etherTypeName(packet.etherType);
  if (packet.payloadCaptured < 2) return 'LLC';
  const dsap = u8(packet.bytes, packet.payloadOffset);
  return dsap === 0x42 ? 'STP' : `LLC sap 0x${dsap.toString(16).padStart(2, '0')}`;
};

export const etherTypeName = (etherType: number): string => {
  switch (etherType) {
    case ETHERTYPE_IP:
      return 'IPv4';
    case ETHERTYPE_ARP:
      return 'ARP';
    case ETHERTYPE_IPV6:
      return 'IPv6';
    case ETHERTYPE_8021Q:
      return '802.1Q';
    case ETHERTYPE_8021AD:
      return '802.1ad';
    case ETHERTYPE_QINQ:
      return 'QinQ';
    case 0x8035:
      return 'RARP';
    case 0x8809:
      return 'slow protocols';
    case 0x8847:
      return 'MPLS';
    case 0x8863:
    case 0x8864:
      return 'PPPoE';
    case 0x888e:
      return 'EAPOL';
    case 0x88cc:
      return 'LLDP';
    case 0x88e5:
      return 'MACsec';
    default:
      return `ethertype 0x${etherType.toString(16).padStart(4, '0')}`;
  }
};
