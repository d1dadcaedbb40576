/** Ethernet frames for tests, decoded as the capture would: just enough of IPv4, ICMP, TCP and UDP. */
import { parseIp, parseMac } from '../../src/base/ip-address.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { LINKTYPE_ETHERNET, Packet } from '../../src/packet/packet.ts';

export interface Frame {
  readonly srcMac: string;
  readonly dstMac: string;
  readonly src: string;
  readonly dst: string;
  readonly icmp?: { readonly type: number; readonly id: number };
  readonly tcp?: { readonly sport: number; readonly dport: number; readonly flags: number };
  readonly udp?: { readonly sport: number; readonly dport: number };
  /** With `udp`: the frame that it carries. */
  readonly vxlan?: { readonly vni: number; readonly inner: Packet };
  readonly ttl?: number;
}

const be16 = (value: number): number[] => [value >> 8, value & 255];
const macBytes = (text: string): number[] => {
  const mac = parseMac(text) ?? 0;
  return [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(mac / 2 ** shift) % 256);
};
const ipBytes = (text: string): number[] => {
  const word = parseIp(text)?.a ?? 0;
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
};

const carried = ({ vxlan }: Frame): number[] =>
  vxlan === undefined
    ? []
    : [8, 0, 0, 0, vxlan.vni >> 16, ...be16(vxlan.vni & 0xffff), 0, ...vxlan.inner.bytes.subarray(vxlan.inner.start, vxlan.inner.end)];

export const packetOf = (frame: Frame): Packet => {
  const [protocol, payload] =
    frame.tcp !== undefined
      ? [6, [...be16(frame.tcp.sport), ...be16(frame.tcp.dport), 0, 0, 0, 1, 0, 0, 0, 0, 0x50, frame.tcp.flags, 255, 255, 0, 0, 0, 0]]
      : frame.udp !== undefined
        ? [17, [...be16(frame.udp.sport), ...be16(frame.udp.dport), ...be16(8 + carried(frame).length), 0, 0, ...carried(frame)]]
        : [1, [frame.icmp?.type ?? 8, 0, 0, 0, ...be16(frame.icmp?.id ?? 1), 0, 1]];
  const header = [
    0x45,
    0,
    ...be16(20 + payload.length),
    0,
    1,
    0x40,
    0,
    frame.ttl ?? 64,
    protocol,
    0,
    0,
    ...ipBytes(frame.src),
    ...ipBytes(frame.dst),
  ];
  const bytes = Uint8Array.from([...macBytes(frame.dstMac), ...macBytes(frame.srcMac), 8, 0, ...header, ...payload]);
  const packet = new Packet();
  decodePacket(packet, bytes, 0, bytes.length, bytes.length, LINKTYPE_ETHERNET);
  return packet;
};
