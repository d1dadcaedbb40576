/**
 * The headers of a plain packet, read straight from its bytes without a Packet: Ethernet without tags, IPv4 without options and in one piece,
 * TCP in the middle of a connection or UDP, with nothing cut short. All that is said here of such a packet, decodePacket says too; every other
 * packet is left to it (docs/decisions/0016-plain-packets.md). RFC 791, RFC 9293, RFC 768.
 */
import { ETHERTYPE_IP } from './ether-type.ts';
import { IPPROTO_TCP, IPPROTO_UDP, TH_ACK, TH_FIN, TH_RST, TH_SYN } from './packet.ts';
import { isVxlanPort } from './vxlan.ts';

/** Where the headers begin and what they hold at least, in bytes from the frame's start. */
const IP_AT = 14;
const TRANSPORT_AT = 34;
const UDP_END = 42;
const TCP_END = 54;

/** Version 4, header of five words; both in the header's first byte. */
const VERSION_AND_LENGTH = 0x45;
const IP_MF_AND_OFFSET = 0x3fff;
/** Only an acknowledgement, with or without data. */
const OTHER_FLAGS = TH_SYN | TH_FIN | TH_RST;

/** Addresses and sequence numbers are signed words here: larger numbers would be kept as objects. */
export class PlainHeaders {
  protocol = 0;
  src = 0;
  dst = 0;
  srcPort = 0;
  dstPort = 0;
  tcpSeq = 0;
  tcpAck = 0;
  /** What the headers claim, of TCP only. */
  payloadLength = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** False for any packet that is not plain; what is in here then means nothing. The link type is to be Ethernet. */
  read(bytes: Uint8Array, start: number, end: number, originalLength: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const view = this.#view;
    if (end - start < UDP_END || view.getUint16(start + 12) !== ETHERTYPE_IP) return false;
    const ip = start + IP_AT;
    const totalLength = view.getUint16(ip + 2);
    if (view.getUint8(ip) !== VERSION_AND_LENGTH || (view.getUint16(ip + 6) & IP_MF_AND_OFFSET) !== 0) return false;
    if (totalLength > originalLength - IP_AT || end - start > originalLength) return false;
    const at = start + TRANSPORT_AT;
    const protocol = view.getUint8(ip + 9);
    if (protocol === IPPROTO_TCP) {
      if (end - start < TCP_END) return false;
      const headerLength = (view.getUint8(at + 12) >>> 4) * 4;
      if (headerLength < 20 || at + headerLength > end || totalLength < 20 + headerLength) return false;
      // A closed window is counted.
      if ((view.getUint8(at + 13) & (OTHER_FLAGS | TH_ACK)) !== TH_ACK || view.getUint16(at + 14) === 0) return false;
      this.tcpSeq = view.getInt32(at + 4);
      this.tcpAck = view.getInt32(at + 8);
      this.payloadLength = totalLength - 20 - headerLength;
    } else if (protocol === IPPROTO_UDP) {
      if (totalLength < 28 || view.getUint16(at + 4) < 8 || isVxlanPort(view.getUint16(at + 2))) return false;
    } else return false;
    this.protocol = protocol;
    this.src = view.getInt32(ip + 12);
    this.dst = view.getInt32(ip + 16);
    this.srcPort = view.getUint16(at);
    this.dstPort = view.getUint16(at + 2);
    return true;
  }
}
