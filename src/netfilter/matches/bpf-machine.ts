/**
 * The classic BPF machine: accumulator A, index X, sixteen words of memory. Offsets count from the network header.
 * Documentation/networking/filter.rst; linux/filter.h; bpf_check_classic and __skb_get_poff in the kernel.
 */
import { u8, u16be, u32be } from '../../base/bytes.ts';
import { transportOffset } from '../header.ts';
import { IPPROTO_DCCP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from '../protocols.ts';
import type { Skb } from '../skb.ts';

export interface Instruction {
  readonly op: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** What a program can look at. For a capture filter the bytes begin at the link header. */
export type BpfPacket = Pick<Skb, 'bytes' | 'length' | 'family' | 'mark' | 'markUnknown' | 'protocol'>;

/** Not a result: what the program asked for is not to be seen here. */
export const BPF_UNKNOWN = -1;

const BPF_MEMWORDS = 16;
const SKF_AD_OFF = -0x1000;
const SKF_AD_PROTOCOL = 0;
const SKF_AD_MARK = 20;
const SKF_AD_ALU_XOR_X = 40;
const SKF_AD_PAY_OFFSET = 52;
const SKF_NET_OFF = -0x100000;

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, ret: 6, misc: 7 } as const;

/** A load beyond the packet's end makes the program return 0, as the kernel does. */
const OUT_OF_BOUNDS = -2;

/** What the program returns; BPF_UNKNOWN where that rests on something that is not at hand. */
export const runBpf = (program: readonly Instruction[], skb: BpfPacket): number => {
  const memory = new Uint32Array(BPF_MEMWORDS);
  let a = 0;
  let x = 0;
  // Jumps only go forward, so the program ends after as many steps as it has instructions.
  for (let pc = 0; pc < program.length; pc++) {
    const { op, jt, jf, k } = program[pc] as Instruction;
    switch (op & 7) {
      case CLASS.ld: {
        const value = load(op, k, x, memory, skb, a);
        if (value === OUT_OF_BOUNDS) return 0;
        if (value === BPF_UNKNOWN) return BPF_UNKNOWN;
        a = value;
        break;
      }
      case CLASS.ldx: {
        if ((op & 0xe0) === 0xa0) {
          const value = bytesAt(skb, k, 1);
          if (value === OUT_OF_BOUNDS) return 0;
          if (value === BPF_UNKNOWN) return BPF_UNKNOWN;
          x = (value & 15) * 4;
          break;
        }
        const value = load(op, k, x, memory, skb, a);
        if (value < 0) return value === OUT_OF_BOUNDS ? 0 : BPF_UNKNOWN;
        x = value;
        break;
      }
      case CLASS.st:
        memory[k & (BPF_MEMWORDS - 1)] = a;
        break;
      case CLASS.stx:
        memory[k & (BPF_MEMWORDS - 1)] = x;
        break;
      case CLASS.alu: {
        const operand = op & 8 ? x : k;
        if (operand === 0 && ((op & 0xf0) === 0x30 || (op & 0xf0) === 0x90)) return 0;
        a = compute(op & 0xf0, a, operand);
        break;
      }
      case CLASS.jmp:
        pc += (op & 0xf0) === 0 ? k : jumps(op & 0xf0, a, op & 8 ? x : k) ? jt : jf;
        break;
      case CLASS.ret:
        return (op & 0x18) === 0x10 ? a : k >>> 0;
      case CLASS.misc:
        if (op & 0x80) a = x;
        else x = a;
        break;
    }
  }
  return 0;
};

const compute = (operation: number, a: number, operand: number): number => {
  switch (operation) {
    case 0x00:
      return (a + operand) >>> 0;
    case 0x10:
      return (a - operand) >>> 0;
    case 0x20:
      return Math.imul(a, operand) >>> 0;
    case 0x30:
      return Math.trunc(a / operand) >>> 0;
    case 0x40:
      return (a | operand) >>> 0;
    case 0x50:
      return (a & operand) >>> 0;
    case 0x60:
      return operand > 31 ? 0 : (a << operand) >>> 0;
    case 0x70:
      return operand > 31 ? 0 : a >>> operand;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return (a % operand) >>> 0;
    case 0xa0:
      return (a ^ operand) >>> 0;
    default:
      return a;
  }
};

const jumps = (operation: number, a: number, operand: number): boolean => {
  switch (operation) {
    case 0x10:
      return a === operand;
    case 0x20:
      return a > operand;
    case 0x30:
      return a >= operand;
    default:
      return (a & operand) !== 0;
  }
};

const load = (op: number, k: number, x: number, memory: Uint32Array, skb: BpfPacket, a: number): number => {
  const width = (op & 0x18) === 0 ? 4 : (op & 0x18) === 8 ? 2 : 1;
  switch (op & 0xe0) {
    case 0x00:
      return k >>> 0;
    case 0x20:
      return absolute(skb, k | 0, width, a, x);
    case 0x40:
      return bytesAt(skb, x + (k | 0), width);
    case 0x60:
      return memory[k & (BPF_MEMWORDS - 1)] as number;
    case 0x80:
      return skb.length ?? BPF_UNKNOWN;
    default:
      return BPF_UNKNOWN;
  }
};

/** Offsets below nought mean the network header again, or what the kernel keeps beside the packet. */
const absolute = (skb: BpfPacket, offset: number, width: number, a: number, x: number): number => {
  if (offset >= 0) return bytesAt(skb, offset, width);
  if (offset < SKF_AD_OFF) return offset >= SKF_NET_OFF ? bytesAt(skb, offset - SKF_NET_OFF, width) : BPF_UNKNOWN;
  switch (offset - SKF_AD_OFF) {
    case SKF_AD_PROTOCOL:
      return skb.family === 4 ? ETH_P_IP : ETH_P_IPV6;
    case SKF_AD_MARK:
      return skb.markUnknown === undefined ? skb.mark : BPF_UNKNOWN;
    case SKF_AD_ALU_XOR_X:
      return (a ^ x) >>> 0;
    case SKF_AD_PAY_OFFSET:
      return payloadOffset(skb);
    default:
      return BPF_UNKNOWN;
  }
};

const bytesAt = (skb: BpfPacket, at: number, width: number): number => {
  const bytes = skb.bytes;
  if (bytes === null) return BPF_UNKNOWN;
  if (at < 0) return BPF_UNKNOWN;
  if (at + width > bytes.length) return at + width > (skb.length ?? bytes.length) ? OUT_OF_BOUNDS : BPF_UNKNOWN;
  return width === 4 ? u32be(bytes, at) : width === 2 ? u16be(bytes, at) : u8(bytes, at);
};

const HEADER_BYTES: Readonly<Record<number, number>> = {
  [IPPROTO_ICMP]: 8,
  [IPPROTO_UDP]: 8,
  [IPPROTO_DCCP]: 12,
  [IPPROTO_ICMPV6]: 8,
  [IPPROTO_SCTP]: 12,
  [IPPROTO_UDPLITE]: 8,
};

const payloadOffset = (skb: BpfPacket): number => {
  if (skb.bytes === null) return BPF_UNKNOWN;
  const start = transportOffset(skb.bytes, skb.protocol);
  if (start === null) return BPF_UNKNOWN;
  if (skb.protocol !== IPPROTO_TCP) return start + (HEADER_BYTES[skb.protocol] ?? 0);
  return start + 13 > skb.bytes.length ? BPF_UNKNOWN : start + Math.max(20, (u8(skb.bytes, start + 12) >> 4) * 4);
};
