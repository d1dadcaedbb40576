import { conformance, skb, udp } from '../support.ts';

conformance('udp_mt in xt_tcpudp.c; iptables-extensions(8), udp', [
  ['-p udp -m udp --dport 80', udp(), true],
  ['-p udp -m udp ! --sport 53 --dport 80', udp(), true],
  ['-p udp -m udp --dport 80', skb(), false],
  ['-p udp -m udp ! --dport 80', skb(), false],
  ['-p udp -m udp --sport 0:1023', udp(), false],
  // iptables-nft 1.8.9 stores the two as one comparison: its answer is sure only where both of the ports are those, or none is.
  ['-p udp -m udp ! --sport 1 ! --dport 80', udp({ srcPort: 2 }), 'unknown'],
  ['-p udp -m udp ! --sport 1 ! --dport 80', udp({ srcPort: 1 }), false],
  ['-p udp -m udp ! --sport 1 ! --dport 81', udp({ srcPort: 2 }), true],
  ['-p udp -m udp ! --sport 1:2 ! --dport 80', udp({ srcPort: 3 }), false],
  ['-p udp --dport 80', udp(), true],
  ['-p udp -m udp --dport 80', udp({ dstPort: null }), 'unknown'],
]);
