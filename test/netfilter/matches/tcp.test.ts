import { conformance, skb, udp } from '../support.ts';

/** Version 4, 20 bytes of header, then TCP with the options NOP and MSS 1460. */
const withMss = new Uint8Array([
  0x45, 0, 0, 48, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x70, 2, 0, 0, 0, 0, 0, 0,
  1, 1, 1, 1, 2, 4, 5, 0xb4,
]);

conformance('tcp_mt in xt_tcpudp.c; iptables-extensions(8), tcp', [
  ['-p tcp -m tcp', skb(), true],
  ['-p tcp -m tcp --dport 80', skb(), true],
  ['-p tcp -m tcp ! --dport 80', skb(), false],
  ['-p tcp -m tcp --dport 80 --sport 40000', skb(), true],
  ['-p tcp -m tcp --dport 79:81', skb(), true],
  ['-p tcp -m tcp --dport 81:90', skb(), false],
  ['-p tcp -m tcp --dport :80', skb(), true],
  ['-p tcp -m tcp --sport 1024:', skb(), true],
  ['-p tcp --dport 80', skb(), true],
  ['-p tcp -m comment --comment "x -j y" -m tcp --dport 80', skb(), true],
  ['-p tcp --dport ! 80', skb(), false],
  ['-p tcp -m tcp --dport 80', udp(), false],
  ['-p tcp -m tcp --dport 80', skb({ dstPort: null }), 'unknown'],
  ['-p tcp -m tcp --dport http', skb(), 'unknown'],
  ['-p tcp --syn', skb(), true],
  ['-p tcp --syn', skb({ tcpFlags: 0x12 }), false],
  ['-p tcp ! --syn', skb({ tcpFlags: 0x10 }), true],
  ['-p tcp -m tcp --tcp-flags SYN,RST SYN', skb({ tcpFlags: 0x12 }), true],
  ['-p tcp -m tcp --tcp-flags ALL NONE', skb({ tcpFlags: 0 }), true],
  ['-p tcp -m tcp --tcp-flags ALL FIN,PSH,URG', skb({ tcpFlags: 0x29 }), true],
  ['-p tcp -m tcp --tcp-flags SYN SYN', skb({ tcpFlags: null }), 'unknown'],
  ['-p tcp -m tcp --tcp-option 2', skb({ bytes: withMss }), true],
  ['-p tcp -m tcp --tcp-option 8', skb({ bytes: withMss }), false],
  ['-p tcp -m tcp ! --tcp-option 8', skb({ bytes: withMss }), true],
  ['-p tcp -m tcp --tcp-option 2', skb(), 'unknown'],
]);

conformance('tcpmss_mt in xt_tcpmss.c', [
  ['-p tcp -m tcpmss --mss 1400:1500', skb({ bytes: withMss }), true],
  ['-p tcp -m tcpmss --mss 0:500', skb({ bytes: withMss }), false],
  ['-p tcp -m tcpmss ! --mss 0:500', skb({ bytes: withMss }), true],
  ['-p tcp -m tcpmss --mss 0:500', skb(), 'unknown'],
]);
