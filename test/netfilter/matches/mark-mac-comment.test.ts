import { conformance, skb } from '../support.ts';

conformance('mark_mt in xt_mark.c', [
  ['-m mark --mark 0x0', skb(), true],
  ['-m mark --mark 0x4000/0x4000', skb({ mark: 0xc000 }), true],
  ['-m mark ! --mark 0x4000/0x4000', skb({ mark: 0x8000 }), true],
  ['-m mark --mark 5', skb({ mark: 5 }), true],
  ['-m mark --mark 0xffffffff', skb({ mark: 0xffff_ffff }), true],
  ['-m mark --mark 0x80000000/0x80000000', skb({ mark: 0x8000_0001 }), true],
  ['-m mark --mark 0x1', skb({ markUnknown: 'why' }), 'unknown'],
]);

conformance('xt_mac.c; needs an Ethernet header', [
  ['-m mac --mac-source 02:42:ac:11:00:02', skb(), true],
  ['-m mac ! --mac-source 02:42:AC:11:00:02', skb(), false],
  ['-m mac --mac-source 02:42:ac:11:00:03', skb(), false],
  ['-m mac --mac-source 02:42:ac:11:00:02', skb({ hasMac: false }), false],
  ['-m mac ! --mac-source 02:42:ac:11:00:03', skb({ hasMac: false }), false],
  ['-m mac --mac-source 02:42:ac:11:00:02', skb({ srcMac: null }), 'unknown'],
]);

conformance('xt_comment.c: always true', [
  ['-m comment --comment x -m comment --comment "y; -j DROP"', skb(), true],
  ['-m comment --comment -j', skb(), true],
]);
