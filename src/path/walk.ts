/**
 * One packet on its way: an immutable value that each phase turns into one or more others. More than one arises only where
 * something unknown was asked; each then says what it assumes, and the verdict is drawn from how all of them end.
 */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import type { ChainStep, NearMiss } from '../netfilter/evaluation.ts';
import type { Hook, RuleRef } from '../netfilter/ruleset.ts';
import { type CtView, type Skb, skbWith } from '../netfilter/skb.ts';
import type {
  DecidedBy,
  KnownConnection,
  NatOrigin,
  TunnelPacket,
  VerdictNat,
  VerdictNearMiss,
  VerdictOutcome,
  VerdictPhase,
  VerdictStep,
  WayPoint,
} from './verdict.ts';

/** Something taken for true on this walk that may be false: the text, and the rule or fact that it hangs on. */
export interface Assumption {
  readonly text: string;
  readonly by: DecidedBy;
}

/** A chain or fact on the way that could still drop an accepted packet and was not evaluated. */
export interface Doubt {
  readonly text: string;
  readonly by: DecidedBy;
  /** True where it may also change the packet, so that even a later drop is not sure. */
  readonly mayChange: boolean;
}

/** Where docker-proxy dials; `address` with its port. */
export interface ProxyTarget {
  readonly container: string | null;
  readonly address: string;
}

export interface End {
  readonly outcome: VerdictOutcome;
  readonly decidedBy: DecidedBy;
  readonly rejectWith?: string;
  readonly out: string | null;
  readonly deliveredTo?: { readonly container: string; readonly network: string };
  readonly proxiedTo?: ProxyTarget;
  /** The bridge port it leaves by, for the reply's way back. */
  readonly outPort?: string | null;
  /** MAC of the receiver, for the reply's way back. */
  readonly receiverMac?: number | null;
  /** Inode of the namespace, not the host's, whose socket takes it. */
  readonly inside?: string;
  /** The device of another namespace that gets the frame itself, past the rules of this one. */
  readonly into?: { readonly netns: string | null; readonly device: string; readonly mac: number | null };
  /** It left in a tunnel for a host whose facts are not at hand. */
  readonly beyond?: Beyond;
  /** Whose hardware address the receiver sees, where it is not the host's. */
  readonly answerMac?: number | null;
  /** True where the receiver is known not to answer. */
  readonly silent?: true;
  /** Why the receiver, who gets it, does not answer. */
  readonly ignored?: DecidedBy;
}

/** By which tunnel a frame left, for its answer's way back. */
export interface Beyond {
  readonly tunnel: TunnelPacket;
  /** Inode of the namespace of the tunnel's device; null for the host's own. */
  readonly netns: string | null;
  readonly device: string;
  /** The addresses on the frame: its sender's, and its receiver's there. */
  readonly srcMac: number | null;
  readonly mac: number;
}

/** A device that the packet has passed, as a capture there would have seen it. What it shows is put into words only where it is asked for. */
export interface Waymark {
  readonly netns: string | null;
  readonly owner: string | null;
  readonly device: string;
  readonly direction: 'in' | 'out';
  /** The packet there. */
  readonly skb: Skb;
  /** The tunnel that it is in there. */
  readonly outer?: NonNullable<WayPoint['outer']>;
}

/** How a base chain let the packet pass; candidates for what decided an accepted packet. */
export interface Pass {
  readonly hook: Hook;
  readonly priority: number;
  readonly ref: RuleRef;
}

export interface Walk {
  readonly skb: Skb;
  readonly plan: CtPlan;
  readonly natOrigin: NatOrigin;
  readonly steps: readonly VerdictStep[];
  readonly nearMisses: readonly VerdictNearMiss[];
  readonly nat: readonly VerdictNat[];
  readonly assumptions: readonly Assumption[];
  readonly notes: readonly string[];
  readonly doubts: readonly Doubt[];
  readonly passes: readonly Pass[];
  /** Where the routing decision sends it. */
  readonly out: string | null;
  readonly nextHop: IpAddress | null;
  readonly mtu: number | null;
  /** Which kinds of translation are settled for the connection (IPS_DST_NAT_DONE, IPS_SRC_NAT_DONE). */
  readonly dstNatDone: boolean;
  readonly srcNatDone: boolean;
  /** True once conntrack has seen the packet; a packet that loops through lo keeps its connection. */
  readonly tracked: boolean;
  readonly end: End | null;
  /** All that had a say so far; null where nobody asked to be told. */
  readonly phases: readonly VerdictPhase[] | null;
  /** The devices so far, over all namespaces. */
  readonly way: readonly Waymark[];
  /** What the packet brings from the namespaces before this one (journey/legs.ts); null on its first. */
  readonly legs: Legs | null;
}

/** What is remembered of the namespaces that a packet has been through. */
export interface Legs {
  /** Namespaces passed so far, each visit counted. */
  readonly count: number;
  /** The namespace that it is in, or ended in. */
  readonly netns: string | null;
  /** Connections that it began or met there. */
  readonly connections: readonly LegConnection[];
  /** How the last way through the host ended; null where it has not been through the host. */
  readonly hostEnd: End | null;
}

export interface LegConnection extends KnownConnection {
  readonly netns: string | null;
}

export type Phase = (walk: Walk) => readonly Walk[];

/** What conntrack will say when it sees the packet. */
export type CtPlan =
  /** The question says so, or a connection of the snapshot is known. */
  | { readonly kind: 'connection'; readonly ct: CtView; readonly source: 'given' | 'snapshot' | 'request'; readonly inZone?: InZone }
  /** Nothing is known: by protocol. */
  | { readonly kind: 'first-sight'; readonly inZone?: InZone };

/** The plan for the packet where CT --zone has put it into another zone, whose connections are others. */
export type InZone = (zone: number, zoneOf?: CtView['zoneOf']) => CtPlan;

/** More worlds than this are not followed: the verdict is then undetermined. */
export const WORLDS_MAX = 128;

export const andThen = (walks: readonly Walk[], phase: Phase): readonly Walk[] => {
  const only = walks[0];
  if (walks.length === 1 && only !== undefined) return only.end === null ? phase(only) : walks;
  const next = walks.flatMap((walk) => (walk.end === null ? phase(walk) : [walk]));
  if (next.length <= WORLDS_MAX) return next;
  const kept = next.slice(0, WORLDS_MAX);
  const text = 'too many unknown conditions on the way to follow them all';
  return [...kept, finish(next[WORLDS_MAX] as Walk, { outcome: 'undetermined', decidedBy: { kind: 'default', text }, out: null })];
};

/** The packet passes a device. */
export const atDevice = (place: Pick<Waymark, 'netns' | 'owner'>, walk: Walk, device: string, direction: 'in' | 'out'): Walk =>
  walkWith(walk, { way: [...walk.way, { netns: place.netns, owner: place.owner, device, direction, skb: walk.skb }] });

/** A changed copy. Field by field, because copies by spread cost twenty times as much in V8, and every phase makes some. */
export const walkWith = (walk: Walk, change: Partial<Walk>): Walk => {
  const copy: Walk = {
    skb: walk.skb,
    plan: walk.plan,
    natOrigin: walk.natOrigin,
    steps: walk.steps,
    nearMisses: walk.nearMisses,
    nat: walk.nat,
    assumptions: walk.assumptions,
    notes: walk.notes,
    doubts: walk.doubts,
    passes: walk.passes,
    out: walk.out,
    nextHop: walk.nextHop,
    mtu: walk.mtu,
    dstNatDone: walk.dstNatDone,
    srcNatDone: walk.srcNatDone,
    tracked: walk.tracked,
    end: walk.end,
    phases: walk.phases,
    way: walk.way,
    legs: walk.legs,
  };
  return Object.assign(copy, change);
};

export const finish = (walk: Walk, end: End): Walk => walkWith(walk, { end });

export const drop = (walk: Walk, hook: VerdictStep['hook'], decidedBy: DecidedBy, note?: string): Walk =>
  finish(stepped(walk, hook, decidedBy.kind === 'sysctl' ? 'check' : phaseKind(hook), decidedBy.text, 'drop', note), {
    outcome: 'drop',
    decidedBy,
    out: null,
  });

export const undetermined = (walk: Walk, decidedBy: DecidedBy, reason: string): Walk =>
  finish(note(record(walk, { kind: 'check', hook: lastHook(walk), result: 'unknown', text: decidedBy.text, note: reason }), reason), {
    outcome: 'undetermined',
    decidedBy,
    out: null,
  });

export const addStep = (walk: Walk, hook: VerdictStep['hook'], text: string, action: string, note?: string, more?: StepFacts): Walk =>
  stepped(walk, hook, phaseKind(hook), text, action, note, more);

/** What programs read of a step that is no rule's. */
export type StepFacts = Pick<VerdictStep, 'device' | 'socket'>;

const stepped = (
  walk: Walk,
  hook: VerdictStep['hook'],
  kind: VerdictPhase['kind'],
  text: string,
  action: string,
  note?: string,
  more?: StepFacts,
): Walk => {
  const bare: VerdictStep = { hook, table: null, chain: null, rule: null, text, action, ...more };
  const next = walkWith(walk, { steps: [...walk.steps, note === undefined ? bare : { ...bare, note }] });
  const told = note === undefined ? {} : { note };
  return walk.phases === null ? next : record(next, { kind, hook, result: phaseResult(kind, action), text, ...told }, walk);
};

/** A check that the packet stood: no step of its way, but part of what had a say. */
export const passed = (walk: Walk, hook: VerdictStep['hook'], text: string, note?: string): Walk =>
  record(walk, { kind: 'check', hook, result: 'allow', text, ...(note === undefined ? {} : { note }) });

/** What must be said of a phase; the rest follows from the walk. */
export type Recorded = Pick<VerdictPhase, 'kind' | 'hook' | 'result' | 'text'> & Partial<VerdictPhase>;

/** Notes what had a say, where somebody asked to be told. `before` is the walk as the phase found it. */
export const record = (walk: Walk, phase: Recorded, before: Walk = walk): Walk => {
  if (walk.phases === null) return walk;
  const whole: VerdictPhase = {
    table: null,
    chain: null,
    steps: [before.steps.length, walk.steps.length],
    nearMisses: [before.nearMisses.length, walk.nearMisses.length],
    ...phase,
    ...tuplesOf(before.skb),
  };
  return walkWith(walk, { phases: [...walk.phases, whole] });
};

/** The packet as it is, and as its sender made it where conntrack knows that a translation lies between. */
const tuplesOf = ({ src, dst, srcPort, dstPort, ct }: Skb): Pick<VerdictPhase, 'packet' | 'sent'> => {
  const packet = { src: addressPort(src, srcPort), dst: addressPort(dst, dstPort) };
  if (ct.state === 'INVALID' || ct.state === 'UNTRACKED' || ct.state === 'RELATED') return { packet };
  const tuple = ct.direction === 'original' ? ct.original : ct.reply;
  // An echo's identifier stands where others have ports.
  const sent = {
    src: addressPort(tuple.src, srcPort === null ? null : tuple.srcPort),
    dst: addressPort(tuple.dst, dstPort === null ? null : tuple.dstPort),
  };
  return sent.src === packet.src && sent.dst === packet.dst ? { packet } : { packet, sent };
};

const phaseKind = (hook: VerdictStep['hook']): VerdictPhase['kind'] => {
  switch (hook) {
    case 'routing':
      return 'route';
    case 'bridge':
      return 'bridge';
    case 'input':
      return 'delivery';
    default:
      return 'check';
  }
};

const phaseResult = (kind: VerdictPhase['kind'], action: string): VerdictPhase['result'] => {
  if (action === 'drop') return 'drop';
  if (kind !== 'route') return 'allow';
  return action === 'local' ? 'local' : 'route';
};

const lastHook = (walk: Walk): VerdictStep['hook'] => walk.phases?.at(-1)?.hook ?? 'routing';

export const assume = (walk: Walk, text: string, by: DecidedBy): Walk =>
  walkWith(walk, { assumptions: [...walk.assumptions, { text, by }] });

export const note = (walk: Walk, text: string): Walk =>
  walk.notes.includes(text) ? walk : walkWith(walk, { notes: [...walk.notes, text] });

export const doubt = (walk: Walk, text: string, by: DecidedBy, mayChange: boolean): Walk =>
  walkWith(walk, { doubts: [...walk.doubts, { text, by, mayChange }] });

export const withSkb = (walk: Walk, skb: Skb): Walk => walkWith(walk, { skb });

/** The packet changed: `seen(walk, { inDev, outDev })` as the next hook shows it. */
export const seen = (walk: Walk, change: Partial<Skb>): Walk => walkWith(walk, { skb: skbWith(walk.skb, change) });

export const decidedByRef = ({ backend, family, table, chain, rule, text, counters }: RuleRef): DecidedBy => {
  if (rule === null) {
    const policy: DecidedBy = { kind: 'policy', backend, family, table, chain, text };
    return counters === null ? policy : { ...policy, counters };
  }
  if (counters === null) return { kind: 'rule', backend, family, table, chain, rule, text };
  return { kind: 'rule', backend, family, table, chain, rule, text, counters };
};

export const stepOf = (hook: Hook, { ref, action, note, uncertain }: ChainStep): VerdictStep => {
  const { table, chain, rule, text, backend, family } = ref;
  const step: VerdictStep = { hook, table, chain, rule, text, action, backend, family };
  if (note === undefined && uncertain === undefined) return step;
  return { ...step, ...(note === undefined ? {} : { note }), ...(uncertain === undefined ? {} : { uncertain }) };
};

export const nearMissOf = (hook: Hook, miss: NearMiss): VerdictNearMiss => ({
  hook,
  table: miss.ref.table,
  chain: miss.ref.chain,
  rule: miss.ref.rule ?? 0,
  text: miss.ref.text,
  failed: miss.failed,
  ...(miss.has === undefined ? {} : { has: miss.has }),
});

/** `203.0.113.1:8080`, `[2001:db8::1]:8080`; the address alone without a port. */
export const addressPort = (ip: IpAddress, port: number | null): string => {
  const text = formatIp(ip);
  if (port === null) return text;
  return ip.version === 6 ? `[${text}]:${port}` : `${text}:${port}`;
};
