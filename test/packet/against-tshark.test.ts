/** Every field that is decoded, of every recorded packet and of the packets inside it, against what tshark reads in the same bytes. */
import { describe, expect, it } from 'vitest';
import { u16be } from '../../src/base/bytes.ts';
import { formatIp, formatMac } from '../../src/base/ip-address.ts';
import { dstIp, srcIp } from '../../src/packet/addresses.ts';
import { dnsOf } from '../../src/packet/dns-view.ts';
import { hex } from '../../src/packet/layer-view.ts';
import { INNER_QUOTED, L3_ARP, L3_IPV4, L3_IPV6, LINKTYPE_ETHERNET, type Packet } from '../../src/packet/packet.ts';
import { captureNames, chain, decode, readCapture, readFields } from './fixtures.ts';

type Reading = (packet: Packet, quoted: boolean) => string | number | null;

const when = (is: boolean, value: string | number): string | number | null => (is ? value : null);
const known = (value: number): number | null => (value < 0 ? null : value);
const ip4 = (p: Packet): boolean => p.l3 === L3_IPV4;
const ip6 = (p: Packet): boolean => p.l3 === L3_IPV6;
const arp = (p: Packet): boolean => p.l3 === L3_ARP;
const tcp = (p: Packet): boolean => p.tcpFlags >= 0;
const over = (protocol: number, p: Packet): boolean => p.protocol === protocol && p.srcPort >= 0;
const bit = (value: boolean): number => (value ? 1 : 0);
const mac = (value: number): string | null => (value < 0 ? null : formatMac(value));
const src = (p: Packet): string => formatIp(srcIp(p) ?? { version: 4, a: 0, b: 0, c: 0, d: 0 });
const dst = (p: Packet): string => formatIp(dstIp(p) ?? { version: 4, a: 0, b: 0, c: 0, d: 0 });
/** tshark names the tag behind type 0x88a8 differently. */
const tagsOf = (p: Packet, provider: boolean): string | null => {
  const ids = [p.vlanOuter, p.vlanInner].slice(0, p.vlanCount);
  const first = p.vlanCount > 0 && u16be(p.bytes, p.start + 12) === 0x88a8;
  const wanted = provider ? (first ? ids.slice(0, 1) : []) : first ? ids.slice(1) : ids;
  return wanted.length === 0 ? null : wanted.join(',');
};
const fragment6 = (p: Packet): boolean => ip6(p) && p.isFragment;
const dnsAnswers = (p: Packet, type: number): string | null => {
  const data =
    dnsOf(p)
      ?.answers.filter((answer) => answer.type === type)
      .map((answer) => answer.data) ?? [];
  return data.length === 0 ? null : data.map((text) => text.replace(/\.$/, '')).join(',');
};

const READINGS: Readonly<Record<string, Reading>> = {
  'frame.len': (p) => when(p.start === 0, p.originalLength),
  'eth.src': (p) => when(p.linkType === LINKTYPE_ETHERNET, mac(p.srcMac) ?? ''),
  'eth.dst': (p) => mac(p.dstMac),
  'vlan.id': (p) => tagsOf(p, false),
  'ieee8021ad.id': (p) => tagsOf(p, true),
  'sll.pkttype': (p) => known(p.cookedType),
  'arp.opcode': (p) => known(p.arpOp),
  'arp.src.hw_mac': (p) => mac(p.arpSenderMac),
  'arp.dst.hw_mac': (p) => mac(p.arpTargetMac),
  'arp.src.proto_ipv4': (p) => when(arp(p), src(p)),
  'arp.dst.proto_ipv4': (p) => when(arp(p), dst(p)),
  'ip.src': (p) => when(ip4(p), src(p)),
  'ip.dst': (p) => when(ip4(p), dst(p)),
  'ip.len': (p) => when(ip4(p), p.ipLength),
  'ip.dsfield': (p) => when(ip4(p), hex(p.tos, 2)),
  'ip.ttl': (p) => when(ip4(p), p.ttl),
  'ip.id': (p) => when(ip4(p), hex(p.ipId, 4)),
  'ip.flags.df': (p) => when(ip4(p), bit(p.dontFragment)),
  'ip.flags.mf': (p) => when(ip4(p), bit(p.moreFragments)),
  'ip.frag_offset': (p) => when(ip4(p), p.fragmentOffset / 8),
  'ip.proto': (p) => when(ip4(p), p.protocol),
  'ipv6.src': (p) => when(ip6(p), src(p)),
  'ipv6.dst': (p) => when(ip6(p), dst(p)),
  'ipv6.plen': (p) => when(ip6(p), p.ipLength - 40),
  'ipv6.hlim': (p) => when(ip6(p), p.ttl),
  'ipv6.tclass': (p) => when(ip6(p), `0x${p.tos.toString(16).padStart(8, '0')}`),
  'ipv6.fraghdr.offset': (p) => when(fragment6(p), p.fragmentOffset / 8),
  'ipv6.fraghdr.more': (p) => when(fragment6(p), bit(p.moreFragments)),
  'ipv6.fraghdr.ident': (p) => when(fragment6(p), hex(p.ipId, 8)),
  'tcp.srcport': (p) => when(over(6, p), p.srcPort),
  'tcp.dstport': (p) => when(over(6, p), p.dstPort),
  'tcp.flags': (p) => when(tcp(p), hex(p.tcpFlags, 4)),
  // Of a quoted segment tshark keeps to itself its length, and in IPv4 its sequence number.
  'tcp.seq_raw': (p, quoted) => when(over(6, p) && !(quoted && ip4(p)), p.tcpSeq),
  'tcp.ack_raw': (p) => when(tcp(p), p.tcpAck),
  'tcp.window_size_value': (p) => known(p.tcpWindow),
  'tcp.options.mss_val': (p) => known(p.tcpMss),
  'tcp.options.wscale.shift': (p) => known(p.tcpWindowScale),
  'tcp.options.sack_perm': (p) => when(p.tcpSackPermitted, '0402'),
  'tcp.options.timestamp.tsval': (p) => known(p.tcpTsVal),
  'tcp.options.timestamp.tsecr': (p) => known(p.tcpTsEcr),
  'tcp.len': (p, quoted) => when(tcp(p) && !quoted, p.payloadLength),
  'udp.srcport': (p) => when(over(17, p), p.srcPort),
  'udp.dstport': (p) => when(over(17, p), p.dstPort),
  'sctp.srcport': (p) => when(over(132, p), p.srcPort),
  'sctp.dstport': (p) => when(over(132, p), p.dstPort),
  'icmp.type': (p) => when(ip4(p) && p.icmpType >= 0, p.icmpType),
  'icmp.code': (p) => when(ip4(p) && p.icmpType >= 0, p.icmpCode),
  'icmp.ident': (p) => when(ip4(p) && p.icmpId >= 0, p.icmpId),
  'icmp.seq': (p) => when(ip4(p) && p.icmpId >= 0, p.icmpSeq),
  'icmpv6.type': (p) => when(ip6(p) && p.icmpType >= 0, p.icmpType),
  'icmpv6.code': (p) => when(ip6(p) && p.icmpType >= 0, p.icmpCode),
  'icmpv6.echo.identifier': (p) => when(ip6(p) && p.icmpId >= 0, hex(p.icmpId, 4)),
  'icmpv6.echo.sequence_number': (p) => when(ip6(p) && p.icmpId >= 0, p.icmpSeq),
  'vxlan.vni': (p) => known(p.vni),
  'dns.id': (p) => hexOrNull(dnsOf(p)?.id),
  'dns.qry.name': (p) => dnsOf(p)?.questions[0]?.name.replace(/\.$/, '') ?? null,
  'dns.qry.type': (p) => dnsOf(p)?.questions[0]?.type ?? null,
  'dns.flags.rcode': (p) => (dnsOf(p)?.response === true ? (dnsOf(p)?.rcode ?? null) : null),
  'dns.count.answers': (p) => dnsOf(p)?.counts.answers ?? null,
  'dns.a': (p) => dnsAnswers(p, 1),
  'dns.aaaa': (p) => dnsAnswers(p, 28),
  'dns.cname': (p) => dnsAnswers(p, 5),
};

const hexOrNull = (value: number | undefined): string | null => (value === undefined ? null : hex(value, 4));

describe.each(captureNames)('%s.pcap', (name) => {
  const { linkType, frames } = readCapture(name);
  const rows = readFields(name);

  it('has a row of tshark for every packet', () => {
    expect(rows.length).toBe(frames.length);
    expect(frames.length).toBeGreaterThan(0);
  });

  it('is read as tshark reads it, field by field', () => {
    const differences = frames.flatMap((frame, index) => {
      const packets = chain(decode(frame, linkType));
      return Object.entries(READINGS).flatMap(([field, reading]) => {
        const values = packets
          .map((packet, depth) => reading(packet, packets[depth - 1]?.innerKind === INNER_QUOTED))
          .filter((value) => value !== null);
        const ours = values.join(',');
        const theirs = rows[index]?.[field];
        return ours === theirs ? [] : [`packet ${index + 1}: ${field} is ${ours}, tshark says ${theirs}`];
      });
    });
    expect(differences).toEqual([]);
  });
});
