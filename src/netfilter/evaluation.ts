/**
 * What evaluating a chain gives, and what it may ask of the host. A match answers one of four: match, no match, hotdrop
 * (the match itself condemns the packet) or unknown with its reason. Unknown is followed on both branches, so one
 * evaluation can end in several outcomes; each says what it assumed.
 */
import type { IpAddress } from '../base/ip-address.ts';
import type { IpSet } from './ipset.ts';
import type { NumberRange } from './matches/values.ts';
import type { Backend, Hook, RuleFamily, RuleRef } from './ruleset.ts';
import type { Skb } from './skb.ts';

export type MatchResult =
  | { readonly kind: 'match' }
  | { readonly kind: 'noMatch' /** The condition that failed, for near misses: `-i docker0`. */; readonly failed: string }
  | { readonly kind: 'hotdrop'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export type AddressType =
  | 'UNSPEC'
  | 'UNICAST'
  | 'LOCAL'
  | 'BROADCAST'
  | 'ANYCAST'
  | 'MULTICAST'
  | 'BLACKHOLE'
  | 'UNREACHABLE'
  | 'PROHIBIT'
  | 'THROW';

/** What matches and targets may ask. Every answer may be null: not known. */
export interface MatchEnv {
  /** The type of the route to `ip` (xt_addrtype, fib): with `dev`, as seen by that interface only. */
  addressType(ip: IpAddress, dev: string | null): AddressType | null;
  ipset(name: string): IpSet | null;
  /** The address that MASQUERADE takes for `dev` and next hop (inet_select_addr). */
  masqueradeAddress(dev: string, dst: IpAddress): IpAddress | null;
  /** The address that REDIRECT takes: the primary address of the input device, or loopback for local packets. */
  redirectAddress(skb: Skb): IpAddress | null;
  /** xt_rpfilter: does the route back to the source leave by the input device (loose: exist at all)? */
  reversePath(skb: Skb, options: { readonly loose: boolean; readonly validMark: boolean; readonly acceptLocal: boolean }): boolean | null;
  /** xt_policy: did the packet come out of (in), or will it go into (out), an IPsec policy? A host without IPsec need not answer. */
  ipsec?(skb: Skb, direction: 'in' | 'out'): boolean | null;
  /** The device by which the route to an address leaves (nft's fib); its `dev` is null where there is none. */
  fibDevice?(skb: Skb, question: FibQuestion): { readonly dev: string | null } | null;
  /** What nft's meta expressions ask of a device. */
  device?(name: string): DeviceFacts | null;
}

/** nft's `fib saddr . mark . iif oif`. */
export interface FibQuestion {
  readonly address: 'saddr' | 'daddr';
  readonly mark: boolean;
  /** The device that the route must use. */
  readonly dev: 'iif' | 'oif' | null;
  readonly hook: Hook;
}

export interface DeviceFacts {
  readonly kind: string | null;
  /** Null where not known. */
  readonly linkType: 'ether' | 'loopback' | null;
  readonly group: number | null;
  /** The bridge that it is a port of. */
  readonly bridge: string | null;
}

export type StepAction =
  | 'jump'
  | 'goto'
  | 'return'
  | 'accept'
  | 'drop'
  | 'reject'
  | 'continue'
  | 'policy'
  | 'dnat'
  | 'snat'
  | 'masquerade'
  | 'redirect'
  | 'mark'
  | 'log'
  | 'notrack'
  | 'queue';

/** A rule that matched (or a policy that was reached), in the kernel's order. */
export interface ChainStep {
  readonly ref: RuleRef;
  readonly action: StepAction;
  /** What happened, where the rule's text does not say it: `mark 0x0 -> 0x4000`, `203.0.113.2:8080 -> 172.17.0.2:80`. */
  readonly note?: string;
  /** True where the rule matched only under an assumption (see HookOutcome.assumptions). */
  readonly uncertain?: true;
}

/** A rule that was asked and did not match, and which of its conditions failed first. */
export interface NearMiss {
  readonly ref: RuleRef;
  readonly failed: string;
  /** What the packet has in place of what the condition wants, in words. */
  readonly has?: string;
}

export interface NatAction {
  readonly kind: 'dnat' | 'snat' | 'masquerade' | 'redirect';
  /** New address and port; null where the rule leaves a choice that cannot be foreseen (a range): then `note` says so. */
  readonly address: IpAddress | null;
  readonly port: number | null;
  /** What the rule says of the port, for the search of a free one. */
  readonly choice: PortChoice;
  readonly by: RuleRef;
  readonly note?: string;
}

/** NF_NAT_RANGE_PROTO_*: a range of ports, the port that it is counted from, and whether chance picks. */
export interface PortChoice {
  readonly ports: NumberRange | null;
  readonly basePort: number | null;
  readonly random: boolean;
}

/** How one base chain can end. `decided` is the rule or policy that ended it. */
export interface HookOutcome {
  readonly verdict: 'accept' | 'drop' | 'reject' | 'unknown';
  readonly decided: RuleRef;
  /** --reject-with, for rejects. */
  readonly rejectWith: string | null;
  /** The packet as it leaves the chain (marks set, notrack done); NAT is not applied yet, see `nat`. */
  readonly skb: Skb;
  readonly nat: NatAction | null;
  readonly steps: readonly ChainStep[];
  readonly nearMisses: readonly NearMiss[];
  /** What had to be assumed to end here; empty where nothing was unknown. For verdict `unknown`, also why. */
  readonly assumptions: readonly string[];
}

/** A chain that is hooked into the packet path. Lower priority runs first; of equal ones, the last registered. */
export interface BaseChain {
  readonly backend: Backend;
  readonly family: RuleFamily;
  readonly table: string;
  readonly name: string;
  readonly hook: Hook;
  readonly priority: number;
  /** `nat` chains are consulted for new connections only; `route` re-routes when the mark changed (mangle OUTPUT). */
  readonly type: 'filter' | 'nat' | 'route';
  /** Of ingress and egress chains: the devices that they belong to. */
  readonly devices?: readonly string[];
  /** At least one outcome; more than one only where something unknown was asked. `explain` asks for near misses too. */
  evaluate(skb: Skb, env: MatchEnv, explain: boolean): readonly HookOutcome[];
}
