/** The question put to the path and its answer: the packet and the verdict, as docs/formats.md has them in JSON. */
import type { Backend, Counters, Hook, RuleFamily } from '../netfilter/ruleset.ts';
import type { CtState, CtView } from '../netfilter/skb.ts';

/** A packet to be judged. `in: null` is a packet made on the host itself. Absent fields are unknown. */
export interface PacketSpec {
  readonly in: string | null;
  /** The bridge port that it came in by. */
  readonly port?: string;
  /** For `in: null` and an address that means a link: the device at which it was seen to leave; never in JSON. */
  readonly link?: string;
  /** The container that is yet to send it, in whose namespace it sets out; `in` is then where the host gets it. Never in JSON. */
  readonly sender?: string;
  readonly src: string;
  readonly dst: string;
  readonly proto: string | number;
  readonly sport?: number;
  readonly dport?: number;
  /** TCP flags: `SYN`, `SYN,ACK`. Default for a new TCP packet: SYN. */
  readonly flags?: string;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  /** Identifier of an echo message, by which conntrack tells one ping from another. */
  readonly icmpId?: number;
  readonly length?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly srcMac?: string;
  readonly dstMac?: string;
  readonly state?: CtState;
  readonly mark?: number;
  /** `true` for a fragment behind the first. */
  readonly fragment?: boolean;
  /** The connection that the packet belongs to, where it follows from another verdict; never in JSON. */
  readonly connection?: KnownConnection;
  /** For an ICMP error: the packet that it quotes, as the sender of the error saw it. */
  readonly about?: QuotedPacket;
  /** The packet itself from its network header on, as far as it was captured; never in JSON. */
  readonly bytes?: Uint8Array;
  /** The DF bit; matters only for packets longer than the way's MTU. */
  readonly dontFragment?: boolean;
}

export interface QuotedPacket {
  readonly src: string;
  readonly dst: string;
  readonly proto: string | number;
  readonly sport?: number;
  readonly dport?: number;
  readonly icmpId?: number;
}

/** A connection with the rules that gave it its translations. */
export interface KnownConnection {
  readonly ct: CtView;
  readonly nat: NatOrigin;
}

export interface NatOrigin {
  readonly dst: VerdictNat | null;
  readonly src: VerdictNat | null;
}

export type VerdictOutcome = 'accept' | 'drop' | 'reject' | 'undetermined';

export type Evidence = 'predicted' | 'counted' | 'traced';

/** What decided. For `undetermined`: the rule or fact on which the answer depends. */
export interface DecidedBy {
  readonly kind: 'rule' | 'policy' | 'route' | 'sysctl' | 'bridge' | 'neighbour' | 'default';
  readonly backend?: Backend;
  readonly family?: RuleFamily;
  readonly table?: string;
  readonly chain?: string;
  readonly rule?: number;
  /** The rule as iptables-save prints it, or the route, the sysctl with its value, the port's state. */
  readonly text: string;
  readonly counters?: Counters;
  /** Why, where no rule and no policy decided: what programs go by, where people read `text`. */
  readonly reason?: DecisionReason;
  readonly about?: DecisionSubject;
  /** The container, or the overlay network, in whose own namespace it was decided; absent for the host's own. */
  readonly namespace?: string;
  /** What was decided is the packet of a tunnel that carries this one. */
  readonly tunnel?: TunnelPacket;
}

/** The packet around a frame: VXLAN (RFC 7348), or the ESP (RFC 4303) that an encrypted network wraps it in. */
export interface TunnelPacket {
  readonly src: string;
  readonly dst: string;
  readonly vni: number;
  readonly proto: 'udp' | 'esp';
  /** UDP's destination port. */
  readonly dport?: number;
}

/** What can decide beside rules, each named after the check that the kernel makes. */
export type DecisionReason =
  | 'no-route'
  | 'refusing-route'
  | 'link-down'
  | 'container-no-network'
  | 'container-no-route'
  | 'container-no-address'
  | 'container-itself'
  | 'martian-source'
  | 'martian-destination'
  | 'source-scope'
  | 'group-not-joined'
  | 'rp-filter'
  | 'route-localnet'
  | 'forwarding-off'
  | 'ipv6-disabled'
  | 'ttl-expired'
  | 'too-big'
  | 'not-unicast-frame'
  | 'other-host'
  | 'port-down'
  | 'port-locked'
  | 'port-isolated'
  | 'port-flood-off'
  | 'hairpin'
  | 'unplugged'
  | 'fdb-elsewhere'
  | 'vlan'
  | 'neighbour-wrong'
  | 'neighbour-failed'
  | 'parent-and-child'
  | 'private-children'
  | 'reflecting-switch'
  | 'passthru-parent'
  | 'beside-host-rules'
  | 'conntrack-full'
  | 'echo-ignored'
  | 'conntrack-entry'
  | 'answer-not-translated'
  | 'answer-untracked'
  | 'answer-unrecognised'
  | 'way-back-unknown'
  | 'answer-unasked'
  | 'answer-astray'
  | 'vtep-missing'
  | 'vtep-wrong'
  | 'vtep-neighbour'
  | 'vni-unknown'
  | 'tunnel-down'
  | 'ipsec-mark'
  | 'ipsec-policy'
  | 'ipsec-state';

/** What the reason is about; each only where it applies. */
export interface DecisionSubject {
  /** An interface, or a port of a bridge. */
  readonly device?: string;
  readonly sysctl?: string;
  readonly container?: string;
  readonly address?: string;
  /** The largest packet that the way takes. */
  readonly mtu?: number;
  /** The hardware address on the frame. */
  readonly mac?: string;
}

export interface VerdictNat {
  readonly kind: 'dnat' | 'snat' | 'masquerade' | 'redirect';
  /** `address:port`; without a port where the protocol has none; `[v6]:port`. */
  readonly from: string;
  readonly to: string;
  readonly by: { readonly table: string; readonly chain: string; readonly rule: number; readonly text: string };
  /** As in a step. */
  readonly namespace?: string;
}

export interface VerdictStep {
  readonly hook: Hook | 'routing' | 'bridge';
  readonly table: string | null;
  readonly chain: string | null;
  readonly rule: number | null;
  readonly text: string;
  readonly action: string;
  readonly backend?: Backend;
  readonly family?: RuleFamily;
  readonly note?: string;
  readonly uncertain?: true;
  /** The container, or the overlay network, in whose own namespace the step is taken; absent for the host's own. */
  readonly namespace?: string;
  /** For routing decisions: the device that it leaves by. Never in JSON, where `text` has it. */
  readonly device?: string;
  /** For the delivery to the host: whether a socket takes it. Never in JSON. */
  readonly socket?: 'open' | 'closed';
}

export interface VerdictNearMiss {
  readonly hook: string;
  readonly table: string;
  readonly chain: string;
  readonly rule: number;
  readonly text: string;
  readonly failed: string;
  /** What the packet has instead: `dport 80`. Absent where the condition is not about one value of the packet. */
  readonly has?: string;
  /** As in a step. */
  readonly namespace?: string;
}

/**
 * One thing on the way that had a say, in the kernel's order: also a table that let the packet pass without a match, and a check
 * that it stood. Firewall engineers know the list from packet tracers.
 */
export interface VerdictPhase {
  readonly kind: 'container' | 'bridge' | 'conntrack' | 'rules' | 'nat' | 'route' | 'check' | 'delivery';
  /** As in a step. */
  readonly namespace?: string;
  readonly hook: VerdictStep['hook'];
  readonly backend?: Backend;
  readonly family?: RuleFamily;
  readonly table: string | null;
  /** The base chain. */
  readonly chain: string | null;
  readonly result: PhaseResult;
  /** What answered: the rule, the policy, the route, the sysctl. */
  readonly text: string;
  readonly note?: string;
  /** How many rules were asked, and how many of them matched; absent where no rules are asked. */
  readonly asked?: number;
  readonly matched?: number;
  /** Its part of `steps` and of `nearMisses`: from the first index up to, not including, the second. */
  readonly steps: readonly [number, number];
  readonly nearMisses: readonly [number, number];
  /** The packet as the phase finds it. */
  readonly packet: PhaseTuple;
  /** The packet as it was sent, where a translation has changed it since. */
  readonly sent?: PhaseTuple;
}

export type PhaseResult = 'allow' | 'drop' | 'reject' | 'nat' | 'route' | 'local' | 'skip' | 'unknown';

/** `address:port`; the address alone where there is no port. */
export interface PhaseTuple {
  readonly src: string;
  readonly dst: string;
}

/** A device that the packet passes: a capture there would show it with these addresses and ports. */
export interface WayPoint {
  /** Inode of the network namespace; null for the host's own. */
  readonly netns: string | null;
  /** For people: the container, or the overlay network, whose namespace it is; null for the host. */
  readonly owner: string | null;
  readonly device: string;
  /** `in`: it enters the namespace's stack there (or the bridge whose port it is); `out`: it leaves by it. */
  readonly direction: 'in' | 'out';
  readonly src: string;
  readonly dst: string;
  readonly sport: number | null;
  readonly dport: number | null;
  /** The packet travels inside VXLAN here: the addresses of the tunnel's ends. */
  readonly outer?: { readonly src: string; readonly dst: string; readonly vni: number };
}

export interface Verdict {
  readonly outcome: VerdictOutcome;
  readonly decidedBy: DecidedBy;
  readonly rejectWith?: string;
  readonly nat: readonly VerdictNat[];
  /** The device it leaves by, `local` for the host itself, null where it never leaves. */
  readonly out: string | null;
  readonly deliveredTo?: { readonly container: string; readonly network: string };
  readonly steps: readonly VerdictStep[];
  /** What could not be known, and what was assumed; empty in the best case. */
  readonly unknowns: readonly string[];
  readonly evidence: Evidence;
  /** Only where asked for: rules on the way that did not match. */
  readonly nearMisses?: readonly VerdictNearMiss[];
  /** Only where asked for: all that had a say on the way. */
  readonly phases?: readonly VerdictPhase[];
  /**
   * The devices in the order of the packet's way, over all namespaces, up to where it ends. Absent where the way was not followed
   * through the namespaces. Never in JSON as such: docs/formats.md.
   */
  readonly way?: readonly WayPoint[];
  /** docker-proxy takes the connection over and dials the container as a second connection. */
  readonly proxiedTo?: ProxiedConnection;
}

/** The second connection of docker-proxy. Where it could not be asked about, it has no verdict, and `unknowns` of the first say why. */
export interface ProxiedConnection {
  readonly container: string | null;
  /** `address:port` that it dials. */
  readonly address: string;
  /** The host's address that the container sees as its client. */
  readonly from: string | null;
  /** Of the second connection, there and back. */
  readonly outcome: VerdictOutcome;
  /**
   * What becomes of the client's connection, which docker-proxy has accepted by then: it is `carried`, `closed` at once (a reset or an
   * empty answer), or left `silent`.
   */
  readonly client: 'carried' | 'closed' | 'silent' | 'unknown';
  readonly verdict: Verdict | null;
  readonly reply: Verdict | null;
}
