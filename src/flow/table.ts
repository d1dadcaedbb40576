/**
 * All conversations of a capture: each packet is put to its flow, whose protocol's state moves on. A packet of a known flow
 * costs no allocation; memory is bounded by ageing and by a limit on the number of flows.
 */
import { INNER_VXLAN, IPPROTO_TCP, type Packet, TH_SYN } from '../packet/packet.ts';
import type { PlainHeaders } from '../packet/plain.ts';
import { AGE_TCP_OPEN, AGE_UDP_ANSWERED, AGE_UDP_ASKED, AgeLists, copyOf, type TimeoutName } from './age-lists.ts';
import { advertisedMac, newArpFlow, observeAnswer } from './arp.ts';
import { EchoTracker, newEchoFlow } from './echo.ts';
import { type Direction, type Flow, ORIGINAL, REPLY } from './flow.ts';
import { ageOf } from './flow-age.ts';
import { FragmentNotes } from './fragments.ts';
import { opposite, quotedIn, quoteOf, reportError } from './icmp-error.ts';
import { FlowKey, ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_SOLICIT } from './key.ts';
import { KeyIndex } from './key-index.ts';
import { AddressCache, newFlow, startsWithAnswer } from './record.ts';
import { TcpTracker } from './tcp.ts';
import { tie } from './tunnel.ts';

export interface FlowLimits {
  /** Above this the flow that has been idle longest makes room. */
  readonly maxFlows?: number;
  /** In seconds, by name; the others keep their defaults. */
  readonly timeouts?: Partial<Record<TimeoutName, number>>;
  /** A secret number keeps senders from choosing packets whose keys collide. */
  readonly hashSeed?: number;
}

const DEFAULT_MAX_FLOWS = 100_000;
const FIRST_SLOTS = 1024;
/** A clock that falls back by more than this has been set, or another capture begins. */
const CLOCK_STEP_SEC = 60;
/** Ended flows that wait for `takeEnded`, beyond two whole tables. */
const SPARE_ENDED = 10_000;
const NOT_PLAIN = 0;
const PLAIN = 1;
/** Tunnels in tunnels that are followed. */
const MAX_TUNNELS = 4;

export class FlowTable {
  lastDirection: Direction = ORIGINAL;
  lastWasNew = false;
  /** The flow of the last packet that `observePlain` took. */
  lastPlainId = -1;
  /** The flow inside the tunnel that the last packet belonged to (the innermost), null where it was no tunnel. */
  lastInner: Flow | null = null;
  lastInnerDirection: Direction = ORIGINAL;
  lastInnerWasNew = false;
  /** Flows that had to end early because the table was full. They come out of `takeEnded` like all others. */
  evicted = 0;
  /** Ended flows that nobody took in time: the list of them is bounded too. */
  untaken = 0;

  readonly #maxFlows: number;
  readonly #key: FlowKey;
  readonly #addresses = new AddressCache();
  readonly #fragments = new FragmentNotes();
  readonly #index: KeyIndex;
  readonly #ages: AgeLists;
  readonly #tcp: TcpTracker;
  readonly #echo: EchoTracker;
  /** By slot. */
  readonly #flows: (Flow | null)[] = [];
  /** 1 where a is the second endpoint of the key; bit 1: the direction of the last packet. */
  #sides: Uint8Array;
  /** Whether plain packets of the flow need no more than counting. Every packet that comes by `observe` takes that back. */
  #plain: Uint8Array;
  #lastSlot = 0;
  #slots: number;
  readonly #free: number[] = [];
  readonly #byId = new Map<number, Flow>();
  #ended: Flow[] = [];
  #nextId = 1;
  #nowSec = 0;

  constructor(limits: FlowLimits = {}) {
    this.#maxFlows = Math.max(1, limits.maxFlows ?? DEFAULT_MAX_FLOWS);
    this.#slots = Math.min(FIRST_SLOTS, this.#maxFlows);
    this.#key = new FlowKey(limits.hashSeed ?? 0);
    this.#index = new KeyIndex(this.#slots);
    this.#ages = new AgeLists(this.#slots, limits.timeouts ?? {});
    this.#tcp = new TcpTracker(this.#slots);
    this.#echo = new EchoTracker(this.#flows);
    this.#sides = new Uint8Array(this.#slots);
    this.#plain = new Uint8Array(this.#slots);
  }

  /** Flows that have not ended. */
  get size(): number {
    return this.#byId.size;
  }

  get(id: number): Flow | null {
    return this.#byId.get(id) ?? null;
  }

  /** In the order in which they began. */
  all(): IterableIterator<Flow> {
    return this.#byId.values();
  }

  /** The flows that have ended since the last call, in that order. */
  takeEnded(): Flow[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** The capture is over: every flow ends. */
  endAll(): void {
    for (let slot = 0; slot < this.#flows.length; slot++) if (this.#flows[slot]) this.#end(slot);
  }

  /** Lets time pass where no packet tells it. */
  advance(sec: number, nsec: number): void {
    if (sec > this.#nowSec || sec < this.#nowSec - CLOCK_STEP_SEC) this.#nowSec = sec;
    this.#echo.advance(sec, nsec);
    for (let slot = this.#ages.expired(this.#nowSec); slot >= 0; slot = this.#ages.expired(this.#nowSec)) this.#end(slot);
  }

  /**
   * Puts a plain packet to its flow where that takes no more than counting: a connection that is open, datagrams both ways, or further ones of
   * who is not answered. True where that is done, as `observe` would have done it; false leaves all to `observe`.
   */
  observePlain(headers: PlainHeaders, interfaceId: number, originalLength: number, sec: number, nsec: number): boolean {
    if (sec !== this.#nowSec) return false;
    const key = this.#key;
    key.setPlain(headers, interfaceId);
    const slot = this.#index.find(key);
    if (slot < 0 || this.#plain[slot] === NOT_PLAIN) return false;
    const flow = this.#flows[slot] as Flow;
    const direction = (((this.#sides[slot] as number) & 1) ^ key.fromSecond) as Direction;
    if (headers.protocol === IPPROTO_TCP) {
      if (!this.#tcp.observePlain(slot, flow, headers, direction, sec, nsec)) return false;
      this.#ages.touch(slot, AGE_TCP_OPEN, sec);
    } else if (flow.packets[REPLY] > 0) this.#ages.touch(slot, AGE_UDP_ANSWERED, sec);
    // The first answer tells more.
    else if (direction === REPLY) return false;
    else this.#ages.touch(slot, AGE_UDP_ASKED, sec);
    flow.packets[direction]++;
    flow.bytes[direction] += originalLength;
    if (sec > flow.lastSec || (sec === flow.lastSec && nsec > flow.lastNsec)) {
      flow.lastSec = sec;
      flow.lastNsec = nsec;
    }
    flow.revision++;
    this.lastPlainId = flow.id;
    this.#sides[slot] = ((this.#sides[slot] as number) & 1) | (direction << 1);
    return true;
  }

  /** Lets `observePlain` take further packets of the flow of the last packet that `observe` was given, where its state allows it. */
  allowPlain(): void {
    const flow = this.#flows[this.#lastSlot];
    if (flow) this.#plain[this.#lastSlot] = isPlain(flow) ? PLAIN : NOT_PLAIN;
  }

  /** From now on every flow's next packet comes by `observe`. */
  forbidPlain(): void {
    this.#plain.fill(NOT_PLAIN);
  }

  /** Puts the packet to its flow. An ICMP error belongs to the flow on which it reports. */
  observe(packet: Packet): Flow {
    const { timeSec, timeNsec, interfaceId, cookedIfindex } = packet;
    if (timeSec > this.#nowSec || timeSec < this.#nowSec - CLOCK_STEP_SEC) this.advance(timeSec, timeNsec);
    const flow = this.#observe(packet, interfaceId, cookedIfindex, -1, timeSec, timeNsec);
    this.lastInner = null;
    if (packet.innerKind === INNER_VXLAN) this.#observeTunnel(packet, flow);
    return flow;
  }

  #observeTunnel(packet: Packet, outermost: Flow): void {
    const direction = this.lastDirection;
    const wasNew = this.lastWasNew;
    let outer = outermost;
    let carrier = packet;
    let outerDirection = direction;
    for (let depth = 0; depth < MAX_TUNNELS && carrier.innerKind === INNER_VXLAN && carrier.inner !== null; depth++) {
      const { vni, inner } = carrier;
      const flow = this.#observe(inner, packet.interfaceId, packet.cookedIfindex, vni, packet.timeSec, packet.timeNsec);
      tie(flow, this.lastDirection, outer, outerDirection, vni);
      this.lastInner = flow;
      this.lastInnerDirection = this.lastDirection;
      this.lastInnerWasNew = this.lastWasNew;
      outer = flow;
      outerDirection = this.lastDirection;
      carrier = inner;
    }
    this.lastDirection = direction;
    this.lastWasNew = wasNew;
  }

  #observe(packet: Packet, interfaceId: number, ifindex: number, vni: number, sec: number, nsec: number): Flow {
    const key = this.#key;
    key.setPlace(interfaceId, ifindex, packet.vlanOuter, packet.vlanInner, vni);
    const quoted = quotedIn(packet);
    if (quoted !== null) {
      const reported = this.#observeError(packet, quoted, sec, nsec);
      if (reported !== null) return reported;
    } else if (packet.isFragment && packet.fragmentOffset > 0) {
      key.setFragment(packet);
      const slot = this.#slotOfFragment(sec);
      if (slot >= 0) return this.#count(slot, packet, this.#fragments.direction, sec, nsec);
    }
    key.setPacket(packet);
    let slot = this.#index.find(key);
    if (slot >= 0 && packet.tcpFlags > 0 && packet.tcpFlags & TH_SYN && this.#isNewConnection(slot, packet)) {
      this.#end(slot);
      slot = -1;
    }
    this.lastWasNew = slot < 0;
    if (slot < 0) slot = this.#open(packet, quoted, sec, nsec);
    const direction = (((this.#sides[slot] as number) & 1) ^ key.fromSecond) as Direction;
    const { answer } = key;
    if (packet.isFragment && packet.moreFragments && packet.fragmentOffset === 0) this.#rememberFragment(packet, slot, direction, sec);
    this.#follow(slot, packet, direction, answer, sec, nsec);
    return this.#count(slot, packet, direction, sec, nsec);
  }

  /** Joins an ICMP error to the flow of the packet that it quotes; null where that flow is not known. */
  #observeError(packet: Packet, quoted: Packet, sec: number, nsec: number): Flow | null {
    const key = this.#key;
    let slot: number;
    let direction: Direction;
    if (quoted.isFragment && quoted.fragmentOffset > 0) {
      key.setFragment(quoted);
      slot = this.#slotOfFragment(sec);
      direction = opposite(this.#fragments.direction);
    } else {
      key.setPacket(quoted);
      slot = this.#index.find(key);
      direction = slot < 0 ? ORIGINAL : opposite((((this.#sides[slot] as number) & 1) ^ key.fromSecond) as Direction);
    }
    const flow = slot < 0 ? null : (this.#flows[slot] ?? null);
    if (flow === null) return null;
    this.lastWasNew = false;
    reportError(flow, packet, direction);
    return this.#count(slot, packet, direction, sec, nsec);
  }

  #slotOfFragment(sec: number): number {
    const notes = this.#fragments;
    if (!notes.find(this.#key, sec)) return -1;
    this.lastWasNew = false;
    return this.#flows[notes.slot]?.id === notes.flowId ? notes.slot : -1;
  }

  #rememberFragment(packet: Packet, slot: number, direction: Direction, sec: number): void {
    this.#key.setFragment(packet);
    this.#fragments.remember(this.#key, slot, this.#flows[slot]?.id ?? -1, direction, sec);
  }

  #isNewConnection(slot: number, packet: Packet): boolean {
    const tcp = this.#flows[slot]?.tcp ?? null;
    if (tcp === null) return false;
    const direction = (((this.#sides[slot] as number) & 1) ^ this.#key.fromSecond) as Direction;
    return this.#tcp.beginsAnew(slot, tcp, packet, direction);
  }

  #open(packet: Packet, quoted: Packet | null, sec: number, nsec: number): number {
    const slot = this.#takeSlot();
    const key = this.#key;
    const fromB = startsWithAnswer(key, packet);
    const aIsSecond = (key.fromSecond === 1) !== fromB;
    const flow = newFlow(this.#nextId++, key, packet, fromB, aIsSecond, this.#addresses, sec, nsec);
    if (key.kind === 'tcp') flow.tcp = this.#tcp.open(slot, packet.tcpFlags);
    else if (key.kind === 'icmp-echo') flow.echo = newEchoFlow(packet.icmpId);
    else if (key.kind === 'arp') flow.arp = newArpFlow();
    else if (key.kind === 'icmp' && key.answer >= 0 && isNeighbour(packet)) flow.ndp = newArpFlow();
    if (quoted !== null) flow.quoted = quoteOf(quoted);
    this.#sides[slot] = aIsSecond ? 1 : 0;
    this.#flows[slot] = flow;
    this.#byId.set(flow.id, flow);
    this.#index.insert(key, slot);
    return slot;
  }

  #takeSlot(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#flows.length < this.#slots) return this.#flows.push(null) - 1;
    if (this.#slots < this.#maxFlows) {
      this.#grow();
      return this.#flows.push(null) - 1;
    }
    this.evicted++;
    this.#end(this.#ages.longestIdle());
    return this.#free.pop() as number;
  }

  #grow(): void {
    this.#slots = Math.min(this.#slots * 2, this.#maxFlows);
    this.#index.grow(this.#slots);
    this.#ages.grow(this.#slots);
    this.#tcp.grow(this.#slots);
    this.#sides = copyOf(this.#sides, new Uint8Array(this.#slots));
    this.#plain = copyOf(this.#plain, new Uint8Array(this.#slots));
  }

  /** Moves the protocol's state on. */
  #follow(slot: number, packet: Packet, direction: Direction, answer: -1 | 0 | 1, sec: number, nsec: number): void {
    const flow = this.#flows[slot];
    if (!flow) return;
    switch (flow.kind) {
      case 'tcp':
        this.#tcp.observe(slot, flow, packet, direction, sec, nsec);
        return;
      case 'icmp-echo':
        if (flow.echo === null) return;
        if (answer === 0) this.#echo.request(slot, flow, flow.echo, packet.icmpSeq, sec, nsec);
        else this.#echo.answer(flow, flow.echo, packet.icmpSeq, sec, nsec);
        return;
      case 'udp':
        // Only a single question tells which packet the answer is to.
        if (direction === REPLY && flow.packets[ORIGINAL] === 1 && flow.packets[REPLY] === 0) this.#measure(flow, sec, nsec);
        return;
      case 'arp':
      case 'icmp': {
        const state = flow.arp ?? flow.ndp ?? null;
        if (state === null) {
          if (answer === 1 && this.#askedLast(slot, flow)) this.#measure(flow, sec, nsec);
        } else if (answer === 0) {
          state.questions++;
          if (flow.arp !== null) flow.aMac = packet.arpSenderMac;
        } else if (answer === 1) {
          const mac = flow.arp === null ? advertisedMac(packet) : packet.arpSenderMac;
          observeAnswer(flow, state, mac, this.#askedLast(slot, flow) ? since(flow, sec, nsec) : null);
        }
        return;
      }
      case 'other':
        return;
    }
  }

  #askedLast(slot: number, flow: Flow): boolean {
    return flow.packets[ORIGINAL] > 0 && ((this.#sides[slot] as number) & 2) === 0;
  }

  #measure(flow: Flow, sec: number, nsec: number): void {
    const rttNs = since(flow, sec, nsec);
    if (rttNs < 0) return;
    flow.rttNs = rttNs;
    if (flow.minRttNs === null || rttNs < flow.minRttNs) flow.minRttNs = rttNs;
  }

  #count(slot: number, packet: Packet, direction: Direction, sec: number, nsec: number): Flow {
    const flow = this.#flows[slot] as Flow;
    // The first packet of each direction comes this way: neither is plain.
    if (direction === REPLY && flow.packets[REPLY] === 0) {
      flow.askedPackets = flow.packets[ORIGINAL];
      flow.askedBytes = flow.bytes[ORIGINAL];
    }
    flow.packets[direction]++;
    flow.bytes[direction] += packet.originalLength;
    if (sec > flow.lastSec || (sec === flow.lastSec && nsec > flow.lastNsec)) {
      flow.lastSec = sec;
      flow.lastNsec = nsec;
    }
    if (direction === REPLY && flow.bMac < 0 && packet.srcMac >= 0) flow.bMac = packet.srcMac;
    flow.revision++;
    this.#sides[slot] = ((this.#sides[slot] as number) & 1) | (direction << 1);
    this.#ages.touch(slot, ageOf(flow), sec);
    this.#plain[slot] = NOT_PLAIN;
    this.#lastSlot = slot;
    this.lastDirection = direction;
    return flow;
  }

  #end(slot: number): void {
    const flow = this.#flows[slot];
    if (!flow) return;
    flow.ended = true;
    flow.revision++;
    if (flow.echo !== null) flow.echo.lost = Math.max(0, flow.echo.sent - flow.echo.answered);
    this.#index.remove(slot);
    this.#ages.forget(slot);
    this.#plain[slot] = NOT_PLAIN;
    this.#byId.delete(flow.id);
    this.#flows[slot] = null;
    this.#free.push(slot);
    this.#ended.push(flow);
    if (this.#ended.length > this.#maxFlows * 2 + SPARE_ENDED) {
      this.untaken += this.#ended.length - this.#maxFlows;
      this.#ended = this.#ended.slice(-this.#maxFlows);
    }
  }
}

/** With b's address known, since every packet of b may tell it, or with none of b expected. */
const isPlain = (flow: Flow): boolean => {
  if (flow.kind === 'udp' && flow.packets[REPLY] === 0) return true;
  if (flow.bMac < 0) return false;
  if (flow.kind === 'udp') return true;
  return flow.tcp?.phase === 'established' || flow.tcp?.phase === 'midstream';
};

const since = (flow: Flow, sec: number, nsec: number): number => (sec - flow.lastSec) * 1_000_000_000 + nsec - flow.lastNsec;

const isNeighbour = (packet: Packet): boolean => packet.icmpType === ND_NEIGHBOR_SOLICIT || packet.icmpType === ND_NEIGHBOR_ADVERT;
