/** The packets of the battery, in order: later ones meet the connections of earlier ones. */

import { invertTuple } from '../../../src/netfilter/conntrack.ts';
import { ip } from '../../addresses.ts';
import type { SkbChange } from '../support.ts';
import { craft, type PacketPlan } from './craft.ts';

const A = '10.77.0.1';
const B = '10.77.0.2';
const A6 = 'fd77::1';
const B6 = 'fd77::2';

const SYN = 2;
const RST = 4;
const ACK = 16;

const invalid = { state: 'INVALID' } as const satisfies SkbChange['ct'];
const answered = { state: 'ESTABLISHED', seenReply: true, confirmed: true } as const satisfies SkbChange['ct'];
const repeated = { state: 'NEW', confirmed: true } as const satisfies SkbChange['ct'];

const tcp = (name: string, sport: number, rest: Partial<PacketPlan> = {}): PacketPlan => ({
  name,
  src: A,
  dst: B,
  protocol: 6,
  sport,
  dport: 80,
  flags: SYN,
  ...rest,
});
const udp = (name: string, sport: number, dport: number, rest: Partial<PacketPlan> = {}): PacketPlan => ({
  name,
  src: A,
  dst: B,
  protocol: 17,
  sport,
  dport,
  ...rest,
});
const icmp = (name: string, icmpType: number, rest: Partial<PacketPlan> = {}): PacketPlan => ({
  name,
  src: A,
  dst: B,
  protocol: 1,
  icmpType,
  icmpId: 7,
  ...rest,
});

const VXLAN_VNI_4098 = [8, 0, 0, 0, 0, 0x10, 0x02, 0, ...new Array<number>(14).fill(0)];

const dns = { src: ip(A), dst: ip(B), srcPort: 5353, dstPort: 53 };

/** SCTP with one INIT chunk; the checksum is CRC-32c (RFC 9260 appendix A). */
const sctpInit = (sport: number, dport: number): number[] => {
  const chunk = [1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1];
  const bytes = [sport >> 8, sport & 255, dport >> 8, dport & 255, 0, 0, 0, 0, 0, 0, 0, 0, ...chunk];
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  bytes.splice(8, 4, crc & 255, (crc >>> 8) & 255, (crc >>> 16) & 255, crc >>> 24);
  return bytes;
};

export const PACKETS: readonly PacketPlan[] = [
  icmp('echo request', 8),
  icmp('second echo request, answered before', 8, { ct: answered }),
  icmp('echo reply nobody asked for', 0, { icmpId: 9, ct: invalid }),
  icmp('timestamp request', 13, { icmpId: 11 }),
  tcp('SYN to port 80', 40000),
  tcp('SYN to port 81', 40001, { dport: 81 }),
  tcp('SYN to port 8005 with MSS 1460 and timestamps', 40002, { dport: 8005, tcpOptions: [2, 4, 5, 180, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0] }),
  tcp('SYN with MSS 500', 40003, { tcpOptions: [2, 4, 1, 244] }),
  tcp('SYN from port 53', 53),
  tcp('lone ACK', 40004, { flags: ACK }),
  tcp('lone RST', 40005, { flags: RST, ct: invalid }),
  tcp('lone SYN,ACK', 40006, { flags: SYN | ACK, ct: invalid }),
  tcp('no flags at all', 40007, { flags: 0, ct: invalid }),
  tcp('FIN,PSH,URG', 40008, { flags: 41, ct: invalid }),
  tcp('SYN,RST', 40009, { flags: SYN | RST, ct: invalid }),
  udp('UDP to 53', 5353, 53),
  udp('UDP to 53 again, not answered', 5353, 53, { ct: repeated }),
  {
    ...icmp('port unreachable about that UDP', 3, {
      icmpCode: 3,
      ct: { state: 'RELATED', confirmed: true, original: dns, reply: invertTuple(dns), protocol: 17 },
    }),
    icmpId: 0,
    payload: [...craft(udp('inner', 53, 5353, { src: B, dst: A }))],
  },
  {
    ...icmp('fragmentation needed about a connection nobody knows', 3, { icmpCode: 4, ct: invalid }),
    payload: [...craft(udp('inner', 1, 2, { src: B, dst: A }))],
  },
  udp('UDP from 53 to 5500', 53, 5500),
  udp('VXLAN with VNI 4098', 41000, 4789, { payload: VXLAN_VNI_4098 }),
  udp('VXLAN with VNI 1', 41001, 4789, { payload: [8, 0, 0, 0, 0, 0, 1, 0] }),
  udp('UDP, TTL 3', 41002, 9, { ttl: 3 }),
  udp('UDP, TTL 255', 41003, 9, { ttl: 255 }),
  udp('UDP, expedited forwarding', 41004, 9, { tos: 0xb8 }),
  udp('UDP, low delay', 41005, 9, { tos: 0x10 }),
  udp('UDP of 200 bytes', 41006, 9, { payload: new Array<number>(172).fill(0x41) }),
  udp('UDP from a source without a route', 41007, 9, { src: '192.0.2.1' }),
  udp('UDP from 10.1.2.1', 41008, 9, { src: '10.1.2.1' }),
  udp('UDP to the broadcast address', 41009, 9, { dst: '10.77.0.255', frame: 'broadcast' }),
  udp('UDP to all hosts', 41010, 9, { dst: '224.0.0.1', frame: 'multicast', ttl: 1 }),
  { name: 'SCTP INIT', src: A, dst: B, protocol: 132, sport: 5000, dport: 80, payload: sctpInit(5000, 80) },
  { name: 'DCCP request', src: A, dst: B, protocol: 33, sport: 5000, dport: 80 },
  { name: 'GRE', src: A, dst: B, protocol: 47, payload: [0, 0, 8, 0] },
  { name: 'protocol 99', src: A, dst: B, protocol: 99, payload: [1, 2, 3, 4] },
  { name: 'IPv6 echo request', src: A6, dst: B6, protocol: 58, icmpType: 128, icmpId: 3 },
  { name: 'IPv6 echo request again, answered', src: A6, dst: B6, protocol: 58, icmpType: 128, icmpId: 3, ct: answered },
  { name: 'IPv6 echo reply nobody asked for', src: A6, dst: B6, protocol: 58, icmpType: 129, icmpId: 4, ct: invalid },
  { name: 'IPv6 SYN', src: A6, dst: B6, protocol: 6, sport: 40000, dport: 80, tcpOptions: [2, 4, 5, 160] },
  { name: 'IPv6 RST', src: A6, dst: B6, protocol: 6, sport: 40001, dport: 80, flags: RST, ct: invalid },
  { name: 'IPv6 UDP to 53, hop limit 2, EF', src: A6, dst: B6, protocol: 17, sport: 53, dport: 53, ttl: 2, tos: 0xb8 },
  { name: 'IPv6 UDP from elsewhere', src: '2001:db8::9', dst: B6, protocol: 17, sport: 40000, dport: 5500 },
];
