import { conformance, skb } from '../support.ts';

const six = (change: object = {}) => skb({ family: 6, ...change });

conformance('xt_iprange.c; iptables-extensions(8), iprange', [
  ['-m iprange --src-range 10.0.0.1-10.0.0.9', skb(), true],
  ['-m iprange --src-range 10.0.0.2-10.0.0.9', skb(), false],
  ['-m iprange ! --dst-range 10.0.0.2-10.0.0.2', skb(), false],
  ['-m iprange --src-range fd00::1-fd00::9', six(), true],
  ['-m iprange --src-range nonsense', skb(), 'unknown'],
]);

conformance('xt_length.c; iptables-extensions(8), length', [
  ['-m length --length 60', skb(), true],
  ['-m length --length 0:59', skb(), false],
  ['-m length ! --length 0:59', skb(), true],
  ['-m length --length 60:65535', skb(), true],
  ['-m length --length 60', skb({ length: null }), 'unknown'],
]);

conformance('xt_hl.c; iptables-extensions(8), ttl and hl', [
  ['-m ttl --ttl-eq 64', skb(), true],
  ['-m ttl ! --ttl-eq 64', skb(), false],
  ['-m ttl --ttl-lt 64', skb(), false],
  ['-m ttl --ttl-gt 63', skb(), true],
  ['-m hl --hl-eq 64', six(), true],
  ['-m hl --hl-lt 5', six({ ttl: 4 }), true],
  ['-m ttl --ttl-eq 64', skb({ ttl: null }), 'unknown'],
]);

conformance('tos_mt and dscp_mt in xt_dscp.c', [
  ['-m tos --tos 0x10/0x3f', skb({ tos: 0x50 }), true],
  ['-m tos --tos 0x10', skb({ tos: 0x50 }), false],
  ['-m tos ! --tos 0x10/0x3f', skb(), true],
  ['-m dscp --dscp 0x2e', skb({ tos: 0xb9 }), true],
  ['-m dscp ! --dscp 0x2e', skb({ tos: 0xb9 }), false],
  ['-m tos --tos 0x10', skb({ tos: null }), 'unknown'],
  ['-m dscp --dscp 0x2e', skb({ tos: null }), 'unknown'],
]);

conformance('xt_pkttype.c; iptables-extensions(8), pkttype', [
  ['-m pkttype --pkt-type unicast', skb(), true],
  ['-m pkttype ! --pkt-type broadcast', skb(), true],
  ['-m pkttype --pkt-type multicast', skb({ packetType: 'loopback', dst: '224.0.0.1' }), true],
  ['-m pkttype --pkt-type broadcast', skb({ packetType: 'loopback', dst: '10.0.0.255' }), true],
  ['-m pkttype --pkt-type broadcast', skb({ packetType: null }), 'unknown'],
]);

conformance('owner_mt in xt_owner.c: without a socket only negated tests hold', [
  ['-m owner --uid-owner 0', skb(), false],
  ['-m owner ! --uid-owner 0', skb(), true],
  ['-m owner ! --uid-owner 0 --gid-owner 5', skb(), false],
  ['-m owner --socket-exists', skb({ local: true }), 'unknown'],
  ['-m owner --uid-owner 1000-2000', skb({ local: true }), 'unknown'],
]);

conformance('xt_ecn.c; iptables-extensions(8), ecn', [
  ['-p tcp -m ecn --ecn-tcp-cwr', skb({ tcpFlags: 0xc2 }), true],
  ['-p tcp -m ecn ! --ecn-tcp-cwr', skb({ tcpFlags: 0xc2 }), false],
  ['-p tcp -m ecn --ecn-tcp-ece', skb({ tcpFlags: 0x82 }), false],
  ['-m ecn --ecn-ip-ect 2', skb({ tos: 0xba }), true],
  ['-m ecn ! --ecn-ip-ect 2', skb({ tos: 0xba }), false],
  ['-p tcp -m ecn --ecn-tcp-cwr', skb({ tcpFlags: null }), 'unknown'],
  ['-m ecn --ecn-ip-ect 0', skb({ tos: null }), 'unknown'],
]);
