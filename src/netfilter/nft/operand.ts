/**
 * What stands on the left of a match, is the key of a map or is written into a packet: an expression that gives a value of a datatype.
 * Where the kernel's expression ends the rule (NFT_BREAK), nothing matches, not even `!=`. net/netfilter/nft_*.c.
 */
import type { MatchEnv } from '../evaluation.ts';
import { type Condition, makeCondition } from '../matches/condition.ts';
import type { Hook } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import type { Datatype, Value } from './datatypes.ts';
import type { NftFamily, NftTable } from './ruleset.ts';
import type { SetIndex } from './set-index.ts';

export interface Unknown {
  readonly unknown: string;
}

export const BREAK = Symbol('NFT_BREAK');

export type Answered = Value | typeof BREAK | Unknown;

export type AskValue = (skb: Skb, env: MatchEnv, hook: Hook) => Answered;

export const isUnknown = (answer: Answered): answer is Unknown => typeof answer === 'object';

export interface Operand {
  readonly type: Datatype;
  readonly text: string;
  readonly ask: AskValue;
  /** What nft asks first although the rule does not show it: `meta l4proto tcp` before `tcp dport`. */
  readonly needs: readonly Condition[];
  /** Each asking may be answered anew: dice, counters, clocks. */
  readonly chance?: true;
  /** It asks for the packet's connection. */
  readonly asksConntrack?: true;
  /** The parts of a concatenation. */
  readonly parts?: readonly Operand[];
  /** Where only the values offset to offset + mod - 1 can come out. */
  readonly modulus?: { readonly mod: number; readonly offset: number };
}

/** The expression is not understood: nothing is known of what it gives. */
export interface NotUnderstood {
  readonly problem: string;
}

export interface NftContext {
  readonly family: NftFamily;
  readonly table: NftTable;
  readonly sets: ReadonlyMap<string, NamedSet>;
}

/** A named set or map with its index, made at its first use. */
export interface NamedSet {
  readonly name: string;
  readonly keyTypes: readonly Datatype[];
  readonly dataTypes: readonly Datatype[];
  readonly index: () => SetIndex;
  /** Why an answer of `not in the set` or `in the set` may be out of date: rules add to it or delete from it. */
  readonly added: boolean;
  readonly deleted: boolean;
  /** What there is to say about its elements' age; null where they stay. */
  readonly ageing: string | null;
}

/** The parts of a concatenation, or the operand itself. */
export const partsOf = (operand: Operand): readonly Operand[] => operand.parts ?? [operand];

/** A condition that is implied: it has the text that nft would print had it been written. */
export const need = (text: string, holds: (skb: Skb) => boolean, has: (skb: Skb) => string | null = () => null): Condition => ({
  ...makeCondition(text, false, text, (skb) => holds(skb)),
  has,
});

/** Asks all parts; the first break or unknown is the answer. */
export const askParts = (parts: readonly Operand[], skb: Skb, env: MatchEnv, hook: Hook): readonly Value[] | typeof BREAK | Unknown => {
  const values: Value[] = [];
  let unknown: Unknown | null = null;
  for (const part of parts) {
    const answer = part.ask(skb, env, hook);
    if (answer === BREAK) return BREAK;
    if (isUnknown(answer)) unknown = answer;
    else values.push(answer);
  }
  return unknown ?? values;
};
