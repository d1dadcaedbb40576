/**
 * A mapping of byte strings that keeps beginnings: two strings that agree in their first n bits agree in exactly n bits afterwards. The
 * idea is Crypto-PAn's (Xu, Fan, Ammar, Moon, "Prefix-preserving IP address anonymization", 2002): each bit is turned or not, by a keyed
 * function of the bits before it. Here a byte is mapped at once, by a table that belongs to the bytes before it.
 */
import type { Keyed, Purpose } from './keyed.ts';

/** A place in the tree under one byte's table: 1 for its first bit, `2 * node + bit` for the next. */
export type TreeNode = number;

export interface ByteTreeOptions {
  /** Places whose bit is never turned, beside those that are frozen later. */
  readonly isFixed?: (before: string, node: TreeNode) => boolean;
  /** Tables that are made in another way; null for none. */
  readonly other?: (before: string) => Uint8Array | null;
}

/** Tables are made anew once there are so many: a scan of random addresses must not fill the memory. */
const MAX_TABLES = 40_000;

export class ByteTree {
  readonly #keyed: Keyed;
  readonly #purpose: Purpose;
  readonly #options: ByteTreeOptions;
  readonly #tables = new Map<string, Uint8Array>();
  readonly #frozen = new Map<string, Set<TreeNode>>();

  constructor(keyed: Keyed, purpose: Purpose, options: ByteTreeOptions = {}) {
    this.#keyed = keyed;
    this.#purpose = purpose;
    this.#options = options;
  }

  /** The byte that stands for `byte` behind the (original) bytes `before`, a character each. */
  map(before: string, byte: number): number {
    return this.table(before)[byte] as number;
  }

  table(before: string): Uint8Array {
    const known = this.#tables.get(before);
    if (known !== undefined) return known;
    if (this.#tables.size >= MAX_TABLES) this.#tables.clear();
    const made = this.#options.other?.(before) ?? this.#make(before);
    this.#tables.set(before, made);
    return made;
  }

  /** From bit `from` on the way to `bytes` no bit is turned: zeros there stay zeros, ones stay ones, and order is kept beside it. */
  freeze(bytes: readonly number[], from: number): void {
    let before = '';
    bytes.forEach((byte, index) => {
      let node = 1;
      for (let bit = 0; bit < 8; bit++) {
        if (index * 8 + bit >= from) this.#freezeNode(before, node);
        node = node * 2 + ((byte >>> (7 - bit)) & 1);
      }
      before += String.fromCharCode(byte);
    });
    this.#tables.clear();
  }

  forgetTables(): void {
    this.#tables.clear();
  }

  #freezeNode(before: string, node: TreeNode): void {
    const nodes = this.#frozen.get(before);
    if (nodes === undefined) this.#frozen.set(before, new Set([node]));
    else nodes.add(node);
  }

  #make(before: string): Uint8Array {
    const turned = this.#keyed.bits256(this.#purpose, before);
    const frozen = this.#frozen.get(before);
    const isFixed = this.#options.isFixed;
    for (let node = 1; node < 256; node++) {
      if (frozen?.has(node) === true || isFixed?.(before, node) === true)
        turned[node >>> 5] = (turned[node >>> 5] as number) & ~(1 << (node & 31));
    }
    const table = new Uint8Array(256);
    for (let byte = 0; byte < 256; byte++) {
      let node = 1;
      let mapped = 0;
      for (let bit = 7; bit >= 0; bit--) {
        const own = (byte >>> bit) & 1;
        mapped = mapped * 2 + (own ^ (((turned[node >>> 5] as number) >>> (node & 31)) & 1));
        node = node * 2 + own;
      }
      table[byte] = mapped;
    }
    return table;
  }
}

/** True on the way to a byte of zeros. */
export const isZeroWay = (node: TreeNode): boolean => (node & (node - 1)) === 0;

/** True on the way to a byte of ones. */
export const isOnesWay = (node: TreeNode): boolean => (node & (node + 1)) === 0;

/** How many bits of the byte lie before the place. */
export const depthOf = (node: TreeNode): number => 31 - Math.clz32(node);

/** True for the first `bits` places on the way to `byte`. */
export const isOnWay = (node: TreeNode, byte: number, bits = 8): boolean => {
  const depth = depthOf(node);
  return depth < bits && node === ((1 << depth) | (byte >>> (8 - depth)));
};
