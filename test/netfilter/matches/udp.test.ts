import { conformance, skb, udp } from '../support.ts';

conformance('udp_mt in xt_tcpudp.c; iptables-extensions(8), udp', [
  ['-p udp -m udp --dport 80', udp(), true],
  ['-p udp -m udp ! --sport 53 --dport 80', udp(), true],
  ['-p udp -m udp --dport 80', skb(), false],
  ['-p udp -m udp ! --dport 80', skb(), false],
  ['-p udp -m udp --sport 0:1023', udp(), false],
  ['-p udp --dport 80', udp(), true],
  ['-p udp -m udp --dport 80', udp({ dstPort: null }), 'unknown'],
]);
