/** Rules as data: what `iptables-save` prints, parsed and kept byte for byte. iptables-save(8), iptables-extensions(8). */

import type { NftRule } from './nft/ruleset.ts';

export type Backend = 'nft' | 'legacy' | 'nftables';
export type RuleFamily = 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev';
/** Where IP packets are filtered. */
export type IpHook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
/** Beside these the two of a device, which only native nftables knows. */
export type Hook = IpHook | 'ingress' | 'egress';

export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

/** One option of a match or target: `! --dport 80` is `{name: '--dport', negated: true, values: ['80']}`. */
export interface RuleOption {
  readonly name: string;
  readonly negated: boolean;
  readonly values: readonly string[];
  /** Which of the values stood in double quotes; absent where none did. */
  readonly quoted?: readonly number[];
}

/** A match module and its options. The generic part of a rule (-s -d -i -o -p -f) is the match with the name ''. */
export interface MatchSpec {
  readonly name: string;
  readonly options: readonly RuleOption[];
}

export interface TargetSpec {
  readonly name: string;
  /** True for -g: a return from the called chain goes to the caller's caller. */
  readonly goto: boolean;
  readonly options: readonly RuleOption[];
}

export interface Rule {
  /** The number that `iptables -L --line-numbers` shows, from 1. */
  readonly number: number;
  /** The line as iptables-save prints it, without counters: `-A FORWARD -j DOCKER-USER`. */
  readonly text: string;
  readonly counters: Counters | null;
  readonly matches: readonly MatchSpec[];
  /** Null for a rule that only counts. */
  readonly target: TargetSpec | null;
  /** Why the line could not be understood; then nothing is known of what it matches and does. */
  readonly problem?: string;
  /** The rule as nft has it, where iptables-nft-save cannot print it: this is what is evaluated then. */
  readonly native?: NftRule;
}

export interface Chain {
  readonly name: string;
  /** ACCEPT or DROP for built-in chains, null for user-defined ones. */
  readonly policy: 'ACCEPT' | 'DROP' | null;
  readonly counters: Counters | null;
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly name: string;
  readonly chains: readonly Chain[];
}

/** All tables of one backend and family. */
export interface Ruleset {
  readonly backend: 'nft' | 'legacy';
  readonly family: 'ip' | 'ip6';
  readonly tables: readonly Table[];
  /** Lines that could not be understood: line number, text and why. They are kept, and what rests on them is unknown. */
  readonly problems: readonly string[];
}

/** Which rule of which chain; what a verdict names as its decider. */
export interface RuleRef {
  readonly backend: Backend;
  readonly family: RuleFamily;
  readonly table: string;
  readonly chain: string;
  /** Null where the chain's policy is meant. */
  readonly rule: number | null;
  readonly text: string;
  readonly counters: Counters | null;
}
