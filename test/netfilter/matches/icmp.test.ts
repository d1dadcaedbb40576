import { conformance, icmp, skb } from '../support.ts';

const icmp6 = (icmpType: number | null, icmpCode: number | null = 0) =>
  skb({ family: 6, protocol: 58, srcPort: null, dstPort: null, tcpFlags: null, icmpType, icmpCode });

conformance('icmp_match in xt_tcpudp.c; iptables-extensions(8), icmp', [
  ['-p icmp -m icmp --icmp-type any', icmp(13), true],
  ['-p icmp -m icmp --icmp-type 255', icmp(13), true],
  ['-p icmp -m icmp --icmp-type 8', icmp(8), true],
  ['-p icmp -m icmp --icmp-type 8', icmp(0), false],
  ['-p icmp -m icmp ! --icmp-type 8', icmp(0), true],
  ['-p icmp -m icmp --icmp-type 3/4', icmp(3, 4), true],
  ['-p icmp -m icmp --icmp-type 3/4', icmp(3, 3), false],
  ['-p icmp -m icmp --icmp-type 3', icmp(3, 3), true],
  ['-p icmp --icmp-type echo-request', icmp(8), true],
  ['-p icmp -m icmp --icmp-type fragmentation-needed', icmp(3, 4), true],
  ['-p icmp -m icmp --icmp-type 8', skb(), false],
  ['-m icmp ! --icmp-type 8', skb(), false],
  ['-p icmp -m icmp --icmp-type 8', icmp(8, 0, { icmpType: null }), 'unknown'],
  ['-p icmp -m icmp --icmp-type 3/4', icmp(3, 0, { icmpCode: null }), 'unknown'],
  ['-p icmp -m icmp --icmp-type no-such-type', icmp(8), 'unknown'],
]);

conformance('icmp6_match in xt_tcpudp.c; iptables-extensions(8), icmp6', [
  ['-p ipv6-icmp -m icmp6 --icmpv6-type 128', icmp6(128), true],
  ['-p ipv6-icmp -m icmp6 --icmpv6-type 128/0', icmp6(128), true],
  ['-p ipv6-icmp -m icmp6 ! --icmpv6-type 135', icmp6(128), true],
  ['-p icmpv6 --icmpv6-type neighbour-solicitation', icmp6(135), true],
  ['-p ipv6-icmp -m icmp6 --icmpv6-type 128', icmp6(null), 'unknown'],
]);
