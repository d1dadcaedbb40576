/**
 * Trails of a capture with several points: hands packets to the book of stages, and lays what was seen beside the verdicts. What a point
 * must not have missed for its silence to mean something is decided here: docs/decisions/0010-trails.md.
 */
import { grouped } from '../../base/grouped.ts';
import type { IpAddress } from '../../base/ip-address.ts';
import { formatIp } from '../../base/ip-address.ts';
import type { Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Verdict } from '../../path/verdict.ts';
import { decidedByWords } from '../../report/decision.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import { ownDirection, type Stage, type StageSet, TrailBook } from '../../trail/book.ts';
import { nearness, placesOf } from '../../trail/places.ts';
import { type PointSight, type Trail, trailOf } from '../../trail/trail.ts';
import { trailSentence } from '../../trail/words.ts';
import type { HostStore } from '../host-store.ts';
import type { Contradiction, DirectionTrail, FlowTrail } from '../state/flow-verdict.ts';
import type { FlowNote } from './flow-note.ts';

/** What the capture knows of a point beside its packets. */
export interface PointCondition {
  /** Since when it has been listening without a break, seconds since the epoch; null while it does not. */
  readonly sinceSec: number | null;
  /** Packets that were lost there; null where nobody counts. */
  readonly lost: number | null;
  /** True for stamps of the kernel; those of user space come late. */
  readonly hasKernelStamps: boolean;
}

export interface TrailKeeperOptions {
  readonly store: HostStore;
  readonly points: readonly CapturePoint[];
  readonly conditionOf: (point: number) => PointCondition;
  readonly filter: () => string;
  readonly noteOf: (flowId: number) => FlowNote | null;
}

/**
 * Where nobody counts what is lost, a point with fewer packets in its busiest second has lost none: the ring of `cap` holds about 1,000
 * packets, and a ring that overflowed gives all of them at once.
 */
const QUIET_PACKETS_PER_SECOND = 500;

/** With each piece that is read in time. */
const LAG_FADES = 0.9;

/** Words of pcap-filter(7) that ask for nothing that a translation changes. */
const PLAIN_FILTER = /^(?:icmp6?|tcp|udp|arp|ip6?|sctp|igmp|esp|ah|or|and|not|proto|vlan|[()!&|\s])*$/;
/** Words that ask for what differs from link to link. */
const LINK_FILTER = /\b(?:ether|vlan|mpls|pppoe[sd]|inbound|outbound|ifname|ifindex|on|broadcast|multicast|gateway|greater|less|len)\b|\[/;

export class TrailKeeper {
  readonly book: TrailBook;
  readonly #options: TrailKeeperOptions;
  /** By point: the second that is counted, its packets, and the most of any second. */
  readonly #seconds: number[] = [];
  readonly #inSecond: number[] = [];
  readonly #busiest: number[] = [];
  #nowNs = 0;
  #lagNs = 0;

  constructor(options: TrailKeeperOptions) {
    this.#options = options;
    this.book = new TrailBook({
      rank: (point, src, dst) => this.#rank(point, src, dst),
      mayTranslate: (x, y) => this.#translates(x, y) || this.#translates(y, x),
    });
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** How late packets have lately been read; fades. */
  get lagNs(): number {
    return this.#lagNs;
  }

  open(flow: Flow): Stage {
    return this.book.open(flow);
  }

  /** `timeSec` and `timeNsec` are the carrier's for what came in a tunnel. */
  saw(stage: Stage, packet: Packet, direction: 0 | 1, timeSec: number, timeNsec: number): void {
    const timeNs = this.book.timeOf(timeSec, timeNsec);
    if (timeNs > this.#nowNs) this.#nowNs = timeNs;
    this.book.saw(stage, packet, direction, timeNs);
  }

  count(point: number, timeSec: number): void {
    if (this.#seconds[point] !== timeSec) {
      this.#seconds[point] = timeSec;
      this.#inSecond[point] = 0;
    }
    const count = ((this.#inSecond[point] ?? 0) + 1) as number;
    this.#inSecond[point] = count;
    if (count > (this.#busiest[point] ?? 0)) this.#busiest[point] = count;
  }

  /** Time passes where no packet tells it. */
  advance(sec: number, nsec: number): void {
    const nowNs = this.book.timeOf(sec, nsec);
    if (nowNs <= this.#nowNs) return;
    this.#nowNs = nowNs;
    this.book.recogniser.advance(nowNs);
  }

  /** Packets have just been read that passed so long ago: those of other points may be as late. */
  readLate(lagNs: number): void {
    this.#lagNs = Math.max(lagNs, this.#lagNs * LAG_FADES);
  }

  /** No more packets will come: at `endNs` the points stopped to listen, or a file is over (infinite). */
  finish(endNs: number): void {
    this.book.recogniser.finish();
    this.#nowNs = endNs;
    this.#lagNs = 0;
  }

  /** Null for conversations without packets that could leave a trail. */
  trailOf(note: FlowNote): FlowTrail | null {
    const { stage, verdict } = note;
    if (stage === null) return null;
    const { set } = stage;
    const there = this.#directionTrail(note, set, 0, verdict?.verdict ?? null);
    const reply = this.#directionTrail(note, set, 1, verdict?.reply ?? null);
    if (there === null && reply === null) return null;
    const seen = new Set(set.stages.map((each) => each.point));
    const isExact = [...seen].every((point) => this.#options.conditionOf(point).hasKernelStamps);
    return { there, reply, stamps: isExact ? 'kernel' : 'user space' };
  }

  /** What the trail says against the verdict; null where it says nothing. */
  contradictionOf(note: FlowNote, isFinal: boolean): Contradiction | null {
    const { stage, verdict } = note;
    if (stage === null || verdict === null || stage.set.stages.length < 1) return null;
    // Until the rules have been read again they may be others than those that the packets met.
    if (!isFinal && this.#options.store.readAtSec < note.flow.lastSec + 1) return null;
    const there = this.#directionTrail(note, stage.set, 0, verdict.verdict);
    if (there === null || there.trail.agrees !== false || there.words === null) return null;
    return { kind: there.trail.kind === 'beyond' ? 'seen-beyond' : 'not-seen', text: there.words };
  }

  #directionTrail(note: FlowNote, set: StageSet, direction: 0 | 1, verdict: Verdict | null): DirectionTrail | null {
    const version = this.#options.store.version;
    if (!set.stages.some((stage) => stage.packets[ownDirection(stage, direction)] > 0)) return null;
    const { flow } = set.first;
    const [src, dst] = direction === 0 ? [flow.a, flow.b] : [this.#answerer(note, flow), flow.a];
    const places = version === null ? [] : placesOf({ src, dst, verdict }, version.topology, version.facts);
    const trail: Trail = trailOf({
      set,
      book: this.book,
      direction,
      places,
      points: this.#options.points.map((point, index) => this.#sightOf(point, index, note)),
      outcome: verdict?.outcome ?? null,
      sinceNs: (note.verdict?.changes.length ?? 0) === 0 ? Number.NEGATIVE_INFINITY : this.#since(note),
      nowNs: this.#nowNs - 2 * this.#lagNs,
    });
    const prediction = verdict === null ? null : { outcome: verdict.outcome, decision: decidedByWords(verdict.decidedBy) };
    return { trail, words: trailSentence(trail, prediction) };
  }

  /** Who answers is whom the translation of the question leads to. */
  #answerer(note: FlowNote, flow: Flow): IpAddress {
    const last = note.stage?.set.stages.find((stage) => stage.ranks[ownDirection(stage, 0)] === 6);
    return last === undefined ? flow.b : last.isTurned ? last.flow.a : last.flow.b;
  }

  #since(note: FlowNote): number {
    const sec = Math.floor(note.countFromSec);
    return this.book.timeOf(sec, (note.countFromSec - sec) * 1e9);
  }

  #sightOf(point: CapturePoint, index: number, note: FlowNote): PointSight {
    const condition = this.#options.conditionOf(index);
    const sinceNs = condition.sinceSec === null ? null : (condition.sinceSec - this.book.baseSec) * 1e9;
    return { id: point.id, sinceNs, unsure: this.#whyUnsure(point, index, condition, note) };
  }

  #whyUnsure(point: CapturePoint, index: number, condition: PointCondition, note: FlowNote): string | null {
    if (condition.lost !== null && condition.lost > 0) return `${grouped(condition.lost)} packets were lost there`;
    if (condition.lost === null && (this.#busiest[index] ?? 0) > QUIET_PACKETS_PER_SECOND)
      return 'whether packets were lost there is not known, and it was busy';
    if (point.filter !== null) return `only some packets are captured there: ${point.filter}`;
    const filter = this.#options.filter();
    if (point.also === undefined && filter !== '' && !/\budp\b/.test(filter) && this.#isTunnelled(point, note))
      return 'the capture filter leaves out the tunnel that carries it there';
    if (PLAIN_FILTER.test(filter)) return null;
    if (LINK_FILTER.test(filter)) return 'the capture filter may leave it out there';
    const isTranslated = (note.verdict?.verdict.nat.length ?? 0) > 0;
    return isTranslated ? 'the capture filter may leave it out there, behind its translation' : null;
  }

  /** Whether the packets come to the point inside VXLAN: by the verdict's way, and for all uplinks behind an overlay's namespace. */
  #isTunnelled(point: CapturePoint, { stage, verdict }: FlowNote): boolean {
    const way = verdict?.verdict.way ?? [];
    if (way.some(({ netns, device, outer }) => outer !== undefined && device === point.interface && netns === point.netns)) return true;
    const { points } = this.#options;
    const isHidden = ({ netns, kind }: CapturePoint): boolean => netns !== null && kind !== 'container' && kind !== 'loopback';
    return point.kind === 'uplink' && stage !== null && stage.set.stages.some((each) => isHidden(points[each.point] as CapturePoint));
  }

  #rank(index: number, src: IpAddress, dst: IpAddress): number {
    const point = this.#options.points[index];
    const version = this.#options.store.version;
    return point === undefined || version === null ? 3 : nearness(version.topology, point, src, dst);
  }

  /** Whether the verdict about one flow turns its packets into the other's. */
  #translates(from: Stage, to: Stage): boolean {
    const verdict = this.#options.noteOf(from.flow.id)?.verdict?.verdict ?? null;
    if (verdict === null || verdict.nat.length === 0) return false;
    const ends = [formatIp(to.flow.a), formatIp(to.flow.b)];
    return verdict.nat.some((nat) => ends.some((address) => nat.to === address || nat.to.startsWith(`${address}:`)));
  }
}
