import { UNKNOWN_PORT } from '../../../src/netfilter/skb.ts';
import { conformance, skb } from '../support.ts';

const bridged = skb({ inDev: 'br0', outDev: 'br0', physIn: 'veth1', physOut: 'veth2', bridged: true });
const routed = skb({ inDev: 'br0', physIn: 'veth1' });
const plain = skb();

conformance('physdev_mt in xt_physdev.c; iptables-extensions(8), physdev', [
  ['-m physdev --physdev-in veth1', bridged, true],
  ['-m physdev --physdev-in veth+ --physdev-out veth2', bridged, true],
  ['-m physdev --physdev-in veth2', bridged, false],
  ['-m physdev ! --physdev-in veth2', bridged, true],
  ['-m physdev --physdev-is-bridged', bridged, true],
  ['-m physdev --physdev-is-in --physdev-is-out', bridged, true],
  ['-m physdev --physdev-in veth1', routed, true],
  ['-m physdev --physdev-is-bridged', routed, false],
  ['-m physdev --physdev-is-out', routed, false],
  ['-m physdev ! --physdev-is-out', routed, true],
  ['-m physdev ! --physdev-out veth2', routed, false],
  ['-m physdev --physdev-in veth1', plain, false],
  ['-m physdev ! --physdev-in veth1', plain, true],
  ['-m physdev ! --physdev-is-bridged', plain, true],
  ['-m physdev --physdev-is-in', plain, false],
]);

const unnamed = skb({ inDev: 'br0', outDev: 'br0', physIn: UNKNOWN_PORT, physOut: UNKNOWN_PORT, bridged: true });

conformance('physdev of a port whose name is not known', [
  ['-m physdev --physdev-in veth1', unnamed, 'unknown'],
  ['-m physdev ! --physdev-in veth1', unnamed, 'unknown'],
  ['-m physdev --physdev-out veth1', unnamed, 'unknown'],
  ['-m physdev --physdev-is-bridged', unnamed, true],
]);
