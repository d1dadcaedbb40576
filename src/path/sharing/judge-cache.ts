/**
 * Remembers answers: packets that differ in nothing but addresses and ports which the host cannot tell apart get one answer, with their
 * own in its words. Valid for one model; throw it away with that. docs/decisions/0006-shared-verdicts.md.
 */
import { type IpAddress, ipv4, ipv6, sameIp } from '../../base/ip-address.ts';
import type { ConntrackEntry, NamespaceFacts } from '../../host/facts.ts';
import { INNER_NONE, L3_IPV4, L3_IPV6, type Packet } from '../../packet/packet.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { HostModel } from '../model.ts';
import type { Verdict } from '../verdict.ts';
import { ADDRESS_WORDS4, ADDRESS_WORDS6, AddressClasses, PortClasses } from './classes.ts';
import { constantsOf } from './constants.ts';
import { type Ends, FREE_DPORT, FREE_DST, FREE_SPORT, FREE_SRC, Mover } from './moved.ts';
import { type RuleLooks, ruleLooks } from './rule-looks.ts';

/** What a question about a packet gives. Plain data throughout: it is told of other packets with their addresses and ports in its texts. */
export interface Answer {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
  /** Of the question, before the path is asked. */
  readonly assumptions: readonly string[];
  /** What is known of the connection already: later packets have the same answer. */
  readonly stays: boolean;
  /** A look at the kernel's connections may settle what was assumed. */
  readonly wantsConnections: boolean;
}

/** An answer with the packet that it is told of. Thousands share one. */
export class SharedAnswer {
  readonly shared: Shared;
  /** Null for the packet that it was given for. */
  readonly #ends: Ends | null;

  constructor(shared: Shared, ends: Ends | null) {
    this.shared = shared;
    this.#ends = ends;
  }

  get verdict(): Verdict {
    return this.#moved(this.shared.answer.verdict);
  }

  get reply(): Verdict | null {
    return this.#moved(this.shared.answer.reply);
  }

  get assumptions(): readonly string[] {
    return this.#moved(this.shared.answer.assumptions);
  }

  /** Words that were made of the shared answer's verdict, as they are for this packet's. */
  words(text: string): string {
    const ends = this.#ends;
    return ends === null ? text : this.shared.mover.text(text, ends);
  }

  #moved<Value>(value: Value): Value {
    const ends = this.#ends;
    return ends === null ? value : this.shared.mover.value(value, ends);
  }
}

export class Shared {
  readonly answer: Answer;
  readonly #ends: Ends;
  readonly #free: number;
  #mover: Mover | null = null;

  constructor(answer: Answer, ends: Ends, free: number) {
    this.answer = answer;
    this.#ends = ends;
    this.#free = free;
  }

  get mover(): Mover {
    this.#mover ??= new Mover(this.#ends, this.#free);
    return this.#mover;
  }
}

/** An answer for one packet and no other. */
export const unshared = (answer: Answer): SharedAnswer => new SharedAnswer(new Shared(answer, NO_ENDS, 0), null);

const NO_ENDS: Ends = { src: ipv4(0), dst: ipv4(0), sport: -1, dport: -1 };

const FREE_ID = 16;

/** A flow, as far as it is asked for here. */
export interface FlowEnds {
  readonly a: IpAddress;
  readonly b: IpAddress;
}

interface Entry {
  readonly key: Int32Array;
  readonly shared: Shared;
  readonly ends: Ends;
  readonly id: number;
  /** Ends that have been others already, and the answer was the same when it was asked for: as FREE_ bits. */
  proven: number;
  /** False where another packet of the class got another answer. */
  holds: boolean;
  readonly next: Entry | undefined;
}

/** Enough for many clients and services; beyond, everything is forgotten and learnt again. */
const MAX_ENTRIES = 4096;
/** A packet is routed a few times at most: with more hops left than this its hop limit does not matter to rules that do not ask for it. */
const MANY_HOPS = 32;
/** What tunnels and IPsec add to a packet at most. */
const MAX_OVERHEAD = 256;
/** No link has a smaller MTU where one is not told (IPV6_MIN_MTU, less overhead). */
const SHORT_LENGTH = 1024;

const SPORT_AT = 11;
const DPORT_AT = 12;
const ADDRESSES_AT = 13;
/** No class of addresses has so many bits. */
const EXACT = 1000;
const KEY_WORDS4 = ADDRESSES_AT + 2 * ADDRESS_WORDS4;
const KEY_WORDS6 = ADDRESSES_AT + 2 * ADDRESS_WORDS6;

/** What is made of the facts when the first packet is asked about. */
interface Classes {
  readonly addresses: AddressClasses;
  readonly ports: PortClasses;
  readonly knowsTtl: boolean;
  readonly knowsLength: boolean;
  readonly shortLength: number;
  /** Namespaces beside the host's whose rules tell any two packets apart. */
  readonly opaque: ReadonlySet<string>;
}

export class JudgeCache {
  readonly #models: readonly HostModel[];
  /** How often the path was asked; all other answers were shared. */
  asked = 0;
  /** Undefined before the first packet; null where any two packets may have different answers. */
  #classes: Classes | null | undefined = undefined;
  readonly #entries = new Map<number, Entry>();
  #size = 0;
  readonly #places = new Map<CapturePoint, number>();
  readonly #key4 = new Int32Array(KEY_WORDS4);
  readonly #key6 = new Int32Array(KEY_WORDS6);
  /** The one that was written last. */
  #key = this.#key4;
  #free = 0;

  /** `asked`: the host by which questions about captured packets are formed, where that is another one. */
  constructor(model: HostModel, asked: HostModel = model) {
    this.#models = asked === model ? [model] : [model, asked];
  }

  /**
   * The answer about a packet seen at a point; `ask` gives it where none is known. `kind` tells questions apart that may be asked about
   * equal packets. `flow` has the packet's addresses, one way or the other: they are kept instead of copies.
   */
  answer(packet: Packet, flow: FlowEnds, point: CapturePoint, kind: number, ask: () => Answer): SharedAnswer {
    if (this.#classes === undefined) this.#classes = classesOf(this.#models);
    const classes = this.#classes;
    if (classes === null || !isPlain(packet) || !this.#writeKey(classes, packet, point, kind)) return unshared(this.#ask(ask));
    const told = this.#tell(classes, packet, flow, ask);
    if (told !== null) return told;
    this.#writeExactly(packet);
    return this.#tell(classes, packet, flow, ask) ?? unshared(this.#ask(ask));
  }

  /** By the key that has been written; null where packets of one key are known to have different answers. */
  #tell(classes: Classes, packet: Packet, flow: FlowEnds, ask: () => Answer): SharedAnswer | null {
    const hash = hashOf(this.#key);
    let entry = this.#entries.get(hash);
    while (entry !== undefined && !isSameKey(entry.key, this.#key)) entry = entry.next;
    if (entry === undefined) return this.#learn(classes, hash, packet, endsOf(packet, flow), this.#ask(ask));
    if (!entry.holds) return null;
    const other = differences(entry, packet);
    if (other === 0) return new SharedAnswer(entry.shared, null);
    const told = new SharedAnswer(entry.shared, endsOf(packet, flow));
    if ((other & ~entry.proven) === 0) return told;
    const asked = this.#ask(ask);
    if (isSameAnswer(told, asked)) {
      entry.proven |= other;
      return told;
    }
    entry.holds = false;
    return unshared(asked);
  }

  #ask(ask: () => Answer): Answer {
    this.asked++;
    return ask();
  }

  #learn(classes: Classes, hash: number, packet: Packet, ends: Ends, answer: Answer): SharedAnswer {
    const shared = new Shared(answer, ends, this.#free);
    if (this.#size >= MAX_ENTRIES) {
      this.#entries.clear();
      this.#size = 0;
    }
    this.#size++;
    const holds = classes.opaque.size === 0 || !(meets(classes.opaque, answer.verdict) || meets(classes.opaque, answer.reply));
    const next = this.#entries.get(hash);
    this.#entries.set(hash, { key: this.#key.slice(), shared, ends, id: packet.icmpId, proven: 0, holds, next });
    return new SharedAnswer(shared, null);
  }

  /** False where the answer may hang on this very connection. */
  #writeKey(classes: Classes, packet: Packet, point: CapturePoint, kind: number): boolean {
    const { addresses, ports, knowsTtl, knowsLength, shortLength } = classes;
    const { protocol, srcPort, dstPort, icmpId, ttl, ipLength, srcMac, dstMac } = packet;
    // Another connection has the port, or the id, already: the kernel may know this one, or give it another.
    if (ports.isKnown(protocol, srcPort >= 0 ? srcPort : icmpId)) return false;
    const isV4 = packet.l3 === L3_IPV4;
    const key = isV4 ? this.#key4 : this.#key6;
    const isKnownTarget = dstPort >= 0 && ports.isKnown(protocol, dstPort);
    this.#key = key;
    key[0] = kind | (this.#placeOf(point) << 3);
    key[1] = protocol | (packet.linkType << 8);
    // Absent fields are -1.
    key[2] = (packet.tcpFlags + 1) | ((packet.icmpType + 1) << 9) | ((packet.icmpCode + 1) << 18);
    key[3] = (packet.tos + 1) | ((knowsTtl || ttl < MANY_HOPS ? ttl : MANY_HOPS) << 10) | (packet.dontFragment ? 0x10_0000 : 0);
    key[4] = knowsLength || ipLength > shortLength || ipLength < 0 ? ipLength : 0;
    key[5] = srcMac < 0 ? -1 : Math.floor(srcMac / 0x1000_0000);
    key[6] = srcMac < 0 ? -1 : srcMac % 0x1000_0000;
    key[7] = dstMac < 0 ? -1 : Math.floor(dstMac / 0x1000_0000);
    key[8] = dstMac < 0 ? -1 : dstMac % 0x1000_0000;
    key[9] = (packet.vlanCount << 26) | ((packet.vlanOuter & 0x1fff) << 13) | (packet.vlanInner & 0x1fff);
    key[10] = (packet.cookedType << 24) ^ packet.cookedIfindex;
    key[SPORT_AT] = ports.classOf(srcPort);
    key[DPORT_AT] = isKnownTarget ? -2 - dstPort : ports.classOf(dstPort);
    let free = icmpId >= 0 ? FREE_ID : 0;
    if (ports.isShared(srcPort)) free |= FREE_SPORT;
    if (!isKnownTarget && ports.isShared(dstPort)) free |= FREE_DPORT;
    // Equal ends stay equal, and unequal ones unequal, so that a text cannot mean the one by the other.
    if (srcPort >= 0 && srcPort === dstPort) key[3] |= 0x20_0000;
    if (isV4) {
      if (addresses.write4(key, ADDRESSES_AT, packet.srcA >>> 0)) free |= FREE_SRC;
      if (addresses.write4(key, ADDRESSES_AT + ADDRESS_WORDS4, packet.dstA >>> 0)) free |= FREE_DST;
      if (packet.srcA === packet.dstA) key[3] |= 0x40_0000;
    } else {
      const src = srcOf(packet);
      const dst = dstOf(packet);
      if (addresses.write6(key, ADDRESSES_AT, src)) free |= FREE_SRC;
      if (addresses.write6(key, ADDRESSES_AT + ADDRESS_WORDS6, dst)) free |= FREE_DST;
      if (sameIp(src, dst)) key[3] |= 0x40_0000;
    }
    this.#free = free;
    return true;
  }

  /** Where addresses or the target's port make a difference after all, only what tells one connection from the next is left open. */
  #writeExactly(packet: Packet): void {
    const key = this.#key;
    const { srcA, srcB, srcC, srcD, dstA, dstB, dstC, dstD, dstPort } = packet;
    const words = packet.l3 === L3_IPV4 ? [EXACT, srcA, EXACT, dstA] : [EXACT, srcA, srcB, srcC, srcD, EXACT, dstA, dstB, dstC, dstD];
    key.set(words, ADDRESSES_AT);
    key[DPORT_AT] = -2 - dstPort;
    this.#free &= FREE_SPORT | FREE_ID;
  }

  #placeOf(point: CapturePoint): number {
    const known = this.#places.get(point);
    if (known !== undefined) return known;
    if (this.#places.size >= MAX_ENTRIES) {
      this.#places.clear();
      this.#entries.clear();
      this.#size = 0;
    }
    this.#places.set(point, this.#places.size);
    return this.#places.size - 1;
  }
}

const classesOf = (models: readonly HostModel[]): Classes | null => {
  const machines = models.flatMap((model) => [model.facts, ...model.peers.map((peer) => peer.facts)]);
  const looks = models.map((model) => looksOf(model));
  const all = looks.flatMap(({ followed }) => followed);
  const constants = constantsOf(machines);
  if (constants.hasOddMasks || all.some(({ atAll }) => atAll)) return null;
  const connections = machines.flatMap(({ self, namespaces }) => [self, ...namespaces.map(({ facts }) => facts)].flatMap(connectionsOf));
  return {
    addresses: new AddressClasses(constants, connections),
    ports: new PortClasses(constants, connections),
    knowsTtl: all.some(({ atTtl }) => atTtl),
    knowsLength: all.some(({ atLength }) => atLength),
    shortLength: Math.min(SHORT_LENGTH, constants.leastMtu - MAX_OVERHEAD),
    opaque: new Set(looks.flatMap(({ opaque }) => opaque)),
  };
};

/** Of a host, of its peers, and of the namespaces beside it; those of the last that tell any two packets apart only by their ids. */
const looksOf = (model: HostModel): { readonly followed: readonly RuleLooks[]; readonly opaque: readonly string[] } => {
  const foreign = model.peers.flatMap((peer) => [peer.self, ...peer.facts.namespaces.map(({ facts }) => facts)]);
  const beside = model.facts.namespaces.map(({ id, facts }) => ({ id, looks: ruleLooks(facts) }));
  return {
    followed: [ruleLooks(model.self), ...foreign.map(ruleLooks), ...beside.map(({ looks }) => looks).filter(({ atAll }) => !atAll)],
    opaque: beside.filter(({ looks }) => looks.atAll).map(({ id }) => id),
  };
};

const connectionsOf = ({ conntrack }: NamespaceFacts): readonly ConntrackEntry[] => conntrack ?? [];

/** A whole packet of one layer, without options: what its question holds is in its fields. */
const isPlain = (packet: Packet): boolean =>
  packet.innerKind === INNER_NONE &&
  !packet.isFragment &&
  packet.fragmentOffset === 0 &&
  packet.malformed === '' &&
  packet.l4Offset >= 0 &&
  ((packet.l3 === L3_IPV4 && packet.l4Offset - packet.l3Offset === 20) ||
    (packet.l3 === L3_IPV6 && packet.l4Offset - packet.l3Offset === 40));

const srcOf = ({ l3, srcA, srcB, srcC, srcD }: Packet): IpAddress => (l3 === L3_IPV4 ? ipv4(srcA) : ipv6(srcA, srcB, srcC, srcD));
const dstOf = ({ l3, dstA, dstB, dstC, dstD }: Packet): IpAddress => (l3 === L3_IPV4 ? ipv4(dstA) : ipv6(dstA, dstB, dstC, dstD));

const endsOf = (packet: Packet, { a, b }: FlowEnds): Ends => ({
  src: isSource(packet, a) ? a : isSource(packet, b) ? b : srcOf(packet),
  dst: isTarget(packet, b) ? b : isTarget(packet, a) ? a : dstOf(packet),
  sport: packet.srcPort,
  dport: packet.dstPort,
});

/** IPv4 has one word only. */
const isSource = ({ l3, srcA, srcB, srcC, srcD }: Packet, { version, a, b, c, d }: IpAddress): boolean =>
  version === 4
    ? l3 === L3_IPV4 && a === srcA >>> 0
    : l3 === L3_IPV6 && a === srcA >>> 0 && b === srcB >>> 0 && c === srcC >>> 0 && d === srcD >>> 0;

const isTarget = ({ l3, dstA, dstB, dstC, dstD }: Packet, { version, a, b, c, d }: IpAddress): boolean =>
  version === 4
    ? l3 === L3_IPV4 && a === dstA >>> 0
    : l3 === L3_IPV6 && a === dstA >>> 0 && b === dstB >>> 0 && c === dstC >>> 0 && d === dstD >>> 0;

/** Which ends are others than those that the entry's answer was given for. */
const differences = ({ ends: { src, dst, sport, dport }, id }: Entry, packet: Packet): number =>
  (isSource(packet, src) ? 0 : FREE_SRC) |
  (isTarget(packet, dst) ? 0 : FREE_DST) |
  (sport === packet.srcPort ? 0 : FREE_SPORT) |
  (dport === packet.dstPort ? 0 : FREE_DPORT) |
  (id === packet.icmpId ? 0 : FREE_ID);

/** Where the way is not told, it may lead anywhere. */
const meets = (opaque: ReadonlySet<string>, verdict: Verdict | null): boolean =>
  verdict !== null && (verdict.way === undefined || verdict.way.some(({ netns }) => netns !== null && opaque.has(netns)));

const isSameAnswer = (told: SharedAnswer, asked: Answer): boolean =>
  told.shared.answer.stays === asked.stays &&
  told.shared.answer.wantsConnections === asked.wantsConnections &&
  JSON.stringify([told.verdict, told.reply, told.assumptions]) === JSON.stringify([asked.verdict, asked.reply, asked.assumptions]);

const hashOf = (key: Int32Array): number => {
  let hash = 0x811c_9dc5 | 0;
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ (key[at] as number), 0x85eb_ca6b);
    hash ^= hash >>> 15;
  }
  return hash;
};

const isSameKey = (x: Int32Array, y: Int32Array): boolean => {
  if (x.length !== y.length) return false;
  for (let at = 0; at < x.length; at++) if (x[at] !== y[at]) return false;
  return true;
};
