import { conformance, icmp, skb, udp } from '../support.ts';

conformance('multiport_mt in xt_multiport.c; iptables-extensions(8), multiport', [
  ['-p tcp -m multiport --dports 22,80', skb(), true],
  ['-p tcp -m multiport --dports 22,70:79', skb(), false],
  ['-p tcp -m multiport --dports 70:90', skb(), true],
  ['-p tcp -m multiport ! --dports 22,80', skb(), false],
  ['-p udp -m multiport --sports 40000', udp(), true],
  ['-p tcp -m multiport --ports 40000', skb(), true],
  ['-p tcp -m multiport --ports 80,1', skb(), true],
  ['-p tcp -m multiport --destination-ports 80', skb(), true],
  ['-m multiport --dports 80', icmp(8), false],
  ['-m multiport ! --dports 80', icmp(8), false],
  ['-p tcp -m multiport --dports 80', skb({ dstPort: null }), 'unknown'],
  ['-p tcp -m multiport --ports 40000', skb({ dstPort: null }), true],
  ['-p tcp -m multiport --dports http', skb(), 'unknown'],
]);
