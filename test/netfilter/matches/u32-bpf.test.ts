import { conformance, skb, udp } from '../support.ts';

/** IPv4 with 20 bytes of header, UDP to 4789, VXLAN with VNI 0x1002. */
const vxlan = new Uint8Array([
  0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 0x12, 0xb5, 0, 16, 0, 0, 8, 0, 0, 0, 0, 0x10, 2, 0,
]);
const tunnel = udp({ dstPort: 4789, bytes: vxlan, length: 36 });
const cut = udp({ dstPort: 4789, bytes: vxlan.slice(0, 30), length: 36 });

/** What dockerd 20.10 and 23 to 29 write for encrypted overlays. */
const OVERLAY_U32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100200"';
const OVERLAY_BPF = '-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4098,6 0 0 0,6 0 0 4294967295"';

conformance('xt_u32.c; iptables-extensions(8), u32', [
  [OVERLAY_U32, tunnel, true],
  ['-m u32 ! --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100200"', tunnel, false],
  ['-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100300"', tunnel, false],
  ['-m u32 --u32 "6&0xFF=0x11"', tunnel, true],
  ['-m u32 --u32 "0x6&0xff=0x1:0x6,0x11"', tunnel, true],
  ['-m u32 --u32 "0x6&0xff=0x11&&0x8>>0x18=0x3f"', tunnel, false],
  ['-m u32 --u32 "0x100=0x0"', tunnel, false],
  ['-m u32 ! --u32 "0x100=0x0"', tunnel, true],
  [OVERLAY_U32, cut, 'unknown'],
  [OVERLAY_U32, udp(), 'unknown'],
  ['-m u32 --u32 "nonsense"', tunnel, 'unknown'],
]);

conformance('xt_bpf.c; Documentation/networking/filter.rst', [
  [OVERLAY_BPF, tunnel, true],
  ['-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4099,6 0 0 0,6 0 0 4294967295"', tunnel, false],
  ['-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"', tunnel, false],
  ['-m bpf --bytecode "4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0"', tunnel, true],
  // ldxb 4*([0]&0xf); ldh [x+2]; jeq 4789
  ['-m bpf --bytecode "5,177 0 0 0,72 0 0 2,21 0 1 4789,6 0 0 1,6 0 0 0"', tunnel, true],
  // A load behind the end returns nought.
  ['-m bpf --bytecode "2,32 0 0 400,6 0 0 1"', tunnel, false],
  // len; ge 36
  ['-m bpf --bytecode "4,128 0 0 0,53 0 1 36,6 0 0 1,6 0 0 0"', tunnel, true],
  // Memory, addition, and a division by nought, which ends the program.
  ['-m bpf --bytecode "5,0 0 0 5,2 0 0 3,1 0 0 2,12 0 0 0,22 0 0 0"', tunnel, true],
  ['-m bpf --bytecode "3,0 0 0 5,52 0 0 0,6 0 0 1"', tunnel, false],
  [OVERLAY_BPF, cut, 'unknown'],
  [OVERLAY_BPF, skb(), 'unknown'],
  ['-m bpf --bytecode "2,6 0 0 1"', tunnel, 'unknown'],
  ['-m bpf --object-pinned /sys/fs/bpf/x', tunnel, 'unknown'],
]);
