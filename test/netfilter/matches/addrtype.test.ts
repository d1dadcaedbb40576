import type { AddressType } from '../../../src/netfilter/evaluation.ts';
import { conformance, env, skb } from '../support.ts';

const typed = (type: AddressType) => env({ addressType: () => type });
const local = typed('LOCAL');
/** Local as seen by eth0, not as seen by eth1. */
const byDevice = env({ addressType: (_ip, dev) => (dev === null || dev === 'eth0' ? 'LOCAL' : 'UNICAST') });
const six = (dst: string) => skb({ family: 6, dst });

conformance('addrtype_mt in xt_addrtype.c; iptables-extensions(8), addrtype', [
  ['-m addrtype --dst-type LOCAL', skb(), true, local],
  ['-m addrtype ! --dst-type LOCAL', skb(), false, local],
  ['-m addrtype --dst-type LOCAL', skb(), false, typed('UNICAST')],
  ['-m addrtype --src-type UNICAST,MULTICAST', skb(), true, typed('UNICAST')],
  ['-m addrtype --dst-type BLACKHOLE', skb(), true, typed('BLACKHOLE')],
  ['-m addrtype --src-type LOCAL ! --dst-type LOCAL', skb(), false, local],
  ['-m addrtype --dst-type LOCAL --limit-iface-in', skb(), true, byDevice],
  ['-m addrtype --dst-type LOCAL --limit-iface-out', skb(), false, byDevice],
  ['-m addrtype --dst-type LOCAL', skb(), 'unknown'],
  ['-m addrtype --dst-type STRANGE', skb(), 'unknown', local],
]);

conformance('match_type6 in xt_addrtype.c', [
  ['-m addrtype --dst-type LOCAL', six('fd00::2'), true, local],
  ['-m addrtype --dst-type LOCAL', six('fd00::2'), false, typed('UNICAST')],
  ['-m addrtype --dst-type MULTICAST', six('ff02::1'), true],
  ['-m addrtype --dst-type MULTICAST', six('fd00::2'), false],
  ['-m addrtype --dst-type UNICAST', six('ff02::1'), false],
  ['-m addrtype --dst-type UNICAST', six('fd00::2'), true],
  ['-m addrtype --dst-type UNSPEC', six('::'), true],
  ['-m addrtype --dst-type LOCAL', six('fd00::2'), 'unknown'],
]);
