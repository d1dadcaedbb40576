/**
 * Which flows of which points are stages of one conversation, and what was seen of it where: first and last packets, journeys of single
 * packets with the time between places. A conversation that is seen at one point only is a set with one stage.
 */
import type { IpAddress } from '../base/ip-address.ts';
import type { Flow } from '../flow/flow.ts';
import { INNER_QUOTED, type Packet } from '../packet/packet.ts';
import { PacketIdentity } from './identity.ts';
import { type Journey, Recogniser } from './recogniser.ts';

/** How long packets took from the stage before; negative where the time stamps are coarser than that. */
export interface HopTimes {
  readonly from: Stage;
  count: number;
  sumNs: number;
  minNs: number;
  maxNs: number;
}

/** A flow at one point. Pairs are by direction of its own flow. */
export interface Stage {
  readonly flow: Flow;
  /** Index of the capture point. */
  readonly point: number;
  set: StageSet;
  /** True where a→b of its flow is b→a of the set's first. */
  isTurned: boolean;
  /** Packets, without ICMP errors about the flow. */
  readonly packets: [number, number];
  /** Nanoseconds since the book's first packet. */
  readonly firstNs: [number, number];
  readonly lastNs: [number, number];
  /** Hop limit of the newest packet. */
  readonly ttl: [number, number];
  readonly hops: [HopTimes | null, HopTimes | null];
  /** How near to the sender the point lies; NaN until asked for. */
  readonly ranks: [number, number];
}

/** One packet's journey: the stages in the order of the way. */
export interface Example {
  readonly stages: readonly Stage[];
  readonly timesNs: readonly number[];
}

export interface StageSet {
  /** The stage nearest to the sender: its flow is the conversation's row. */
  first: Stage;
  readonly stages: Stage[];
  /** By direction of `first`: the journey that was seen at most places. */
  readonly examples: [Example | null, Example | null];
  /** Packets recognised at several places, and those that could not be told from others. */
  readonly recognised: [number, number];
  readonly ambiguous: [number, number];
  /** True once somebody was told of `first`: it stays the row. */
  isTold: boolean;
}

export interface BookOptions {
  /** How near a point lies to the sender of such a packet: less is nearer. */
  readonly rank: (point: number, src: IpAddress, dst: IpAddress) => number;
  /** Whether the rules turn packets of one flow into those of the other. */
  readonly mayTranslate: (x: Stage, y: Stage) => boolean;
}

/** More points than this see one conversation only where something goes round in circles. */
const MAX_STAGES = 64;

export class TrailBook {
  readonly recogniser: Recogniser;
  /** Stages that are not the first of their set. */
  hidden = 0;
  readonly #options: BookOptions;
  readonly #identity = new PacketIdentity();
  readonly #stages = new Map<number, Stage>();
  #baseSec: number | null = null;

  constructor(options: BookOptions) {
    this.#options = options;
    this.recogniser = new Recogniser({
      same: (x, y, isSameWay) => this.#same(x, y, isSameWay),
      mayTranslate: (x, y) => this.#mayTranslate(x, y),
      journey: (journey) => this.#journey(journey),
    });
  }

  /** Whole seconds since the epoch at which the book's nanoseconds begin. */
  get baseSec(): number {
    return this.#baseSec ?? 0;
  }

  /** Nanoseconds of the book: exact for a hundred days. */
  timeOf(sec: number, nsec: number): number {
    this.#baseSec ??= sec;
    return (sec - this.#baseSec) * 1e9 + nsec;
  }

  open(flow: Flow): Stage {
    const stage: Stage = {
      flow,
      point: flow.interfaceId,
      set: { stages: [], examples: [null, null], recognised: [0, 0], ambiguous: [0, 0], isTold: false } as unknown as StageSet,
      isTurned: false,
      packets: [0, 0],
      firstNs: [0, 0],
      lastNs: [0, 0],
      ttl: [-1, -1],
      hops: [null, null],
      ranks: [Number.NaN, Number.NaN],
    };
    stage.set.first = stage;
    stage.set.stages.push(stage);
    this.#stages.set(flow.id, stage);
    return stage;
  }

  /** A packet of the stage's flow was seen at `timeNs`. */
  saw(stage: Stage, packet: Packet, direction: 0 | 1, timeNs: number): void {
    if (packet.innerKind !== INNER_QUOTED) {
      if (stage.packets[direction]++ === 0 || timeNs < stage.firstNs[direction]) stage.firstNs[direction] = timeNs;
      if (timeNs > stage.lastNs[direction]) stage.lastNs[direction] = timeNs;
      stage.ttl[direction] = packet.ttl;
    }
    if (this.#identity.fill(packet)) this.recogniser.observe(this.#identity, stage.point, stage.flow.id, direction, packet.ttl, timeNs);
  }

  /** The flow is forgotten. */
  forget(stage: Stage): void {
    this.#stages.delete(stage.flow.id);
    const { set } = stage;
    if (set.first === stage) return;
    this.hidden--;
    const at = set.stages.indexOf(stage);
    if (at >= 0) set.stages.splice(at, 1);
  }

  /** Below 0 where `x` lies nearer to the sender of the packets that go `direction` of their set. */
  compare(x: Stage, y: Stage, direction: 0 | 1): number {
    const ofX = ownDirection(x, direction);
    const ofY = ownDirection(y, direction);
    if (x.packets[ofX] === 0 || y.packets[ofY] === 0) return y.packets[ofY] - x.packets[ofX];
    return y.ttl[ofY] - x.ttl[ofX] || this.#rank(x, ofX) - this.#rank(y, ofY) || x.firstNs[ofX] - y.firstNs[ofY];
  }

  #rank(stage: Stage, own: 0 | 1): number {
    if (Number.isNaN(stage.ranks[own])) {
      const { flow } = stage;
      stage.ranks[own] = own === 0 ? this.#options.rank(stage.point, flow.a, flow.b) : this.#options.rank(stage.point, flow.b, flow.a);
    }
    return stage.ranks[own];
  }

  #mayTranslate(x: number, y: number): boolean {
    const stageX = this.#stages.get(x);
    const stageY = this.#stages.get(y);
    if (stageX === undefined || stageY === undefined) return false;
    return stageX.set === stageY.set || this.#options.mayTranslate(stageX, stageY);
  }

  #same(x: number, y: number, isSameWay: boolean): void {
    const stageX = this.#stages.get(x);
    const stageY = this.#stages.get(y);
    if (stageX === undefined || stageY === undefined || stageX.set === stageY.set) return;
    if (stageX.set.stages.length + stageY.set.stages.length > MAX_STAGES) return;
    const isTurned = (stageX.isTurned !== stageY.isTurned) === isSameWay;
    const keepsX = this.#keepsFirst(stageX.set, stageY.set, isTurned);
    const kept = keepsX ? stageX.set : stageY.set;
    const gone = keepsX ? stageY.set : stageX.set;
    for (const stage of gone.stages) {
      stage.set = kept;
      if (isTurned) stage.isTurned = !stage.isTurned;
      kept.stages.push(stage);
    }
    kept.isTold ||= gone.isTold;
    for (const direction of [0, 1] as const) {
      const other = (isTurned ? 1 - direction : direction) as 0 | 1;
      const example = gone.examples[other];
      if (example !== null && example.stages.length > (kept.examples[direction]?.stages.length ?? 0)) kept.examples[direction] = example;
      kept.recognised[direction] += gone.recognised[other];
      kept.ambiguous[direction] += gone.ambiguous[other];
    }
    this.hidden++;
  }

  /** Whose first flow is to be the row of both. `isTurned`: they run in opposite directions. */
  #keepsFirst(x: StageSet, y: StageSet, isTurned: boolean): boolean {
    if (x.isTold !== y.isTold) return x.isTold;
    if (isTurned) return x.first.packets[0] >= y.first.packets[0];
    const order = this.compare(x.first, y.first, 0);
    return order < 0 || (order === 0 && x.first.flow.id < y.first.flow.id);
  }

  #journey(journey: Journey): void {
    const { count } = journey;
    if (count < 2 && !journey.isAmbiguous) return;
    const first = this.#stages.get(journey.flowAt(0));
    if (first === undefined) return;
    const { set } = first;
    const direction = ownDirection(first, journey.directionAt(0));
    const isFirst = journey.toldBefore === 0;
    if (journey.isAmbiguous) {
      if (isFirst) set.ambiguous[direction]++;
      return;
    }
    const stages: Stage[] = [];
    const order: number[] = [];
    for (let index = 0; index < count; index++) {
      const stage = this.#stages.get(journey.flowAt(index));
      // What was not joined may be another packet after all.
      if (stage === undefined || stage.set !== set) return;
      stages.push(stage);
      order.push(index);
    }
    if (journey.toldBefore < 2) set.recognised[direction]++;
    order.sort((x, y) => this.#compareSightings(journey, stages, x, y));
    this.#timeHops(journey, stages, order);
    const known = set.examples[direction];
    if (known !== null && known.stages.length >= count) return;
    set.examples[direction] = {
      stages: order.map((index) => stages[index] as Stage),
      timesNs: order.map((index) => journey.timeAt(index)),
    };
  }

  #compareSightings(journey: Journey, stages: readonly Stage[], x: number, y: number): number {
    const byTtl = journey.ttlAt(y) - journey.ttlAt(x);
    if (byTtl !== 0) return byTtl;
    const ofX = this.#rank(stages[x] as Stage, journey.directionAt(x));
    const ofY = this.#rank(stages[y] as Stage, journey.directionAt(y));
    return ofX - ofY || journey.timeAt(x) - journey.timeAt(y);
  }

  #timeHops(journey: Journey, stages: readonly Stage[], order: readonly number[]): void {
    for (let at = 1; at < order.length; at++) {
      const index = order[at] as number;
      const before = order[at - 1] as number;
      const stage = stages[index] as Stage;
      const from = stages[before] as Stage;
      if (from === stage) continue;
      const own = journey.directionAt(index);
      const ns = journey.timeAt(index) - journey.timeAt(before);
      const hop = stage.hops[own];
      if (Math.max(index, before) < journey.toldBefore) continue;
      if (hop === null || (hop.from !== from && this.#isNearer(hop.from, from, ownDirection(stage, own)))) {
        stage.hops[own] = { from, count: 1, sumNs: ns, minNs: ns, maxNs: ns };
      } else if (hop.from === from) {
        hop.count++;
        hop.sumNs += ns;
        if (ns < hop.minNs) hop.minNs = ns;
        if (ns > hop.maxNs) hop.maxNs = ns;
      }
    }
  }

  /** Whether `next` lies behind `known`: the better stage to count a hop from. */
  #isNearer(known: Stage, next: Stage, direction: 0 | 1): boolean {
    return this.compare(known, next, direction) < 0;
  }
}

/** From a direction of the set's first flow to that of the stage's own, and back. */
export const ownDirection = (stage: Stage, direction: 0 | 1): 0 | 1 => (stage.isTurned ? ((1 - direction) as 0 | 1) : direction);
