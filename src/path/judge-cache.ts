/**
 * Judges like judgeBoth, remembering answers: packets that begin connections and differ in nothing but a source port that no
 * rule tells apart get one answer, with their own port in its translations. Valid for one model; throw it away with that.
 */
import { parseIp } from '../base/ip-address.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { judgeBoth } from './judge.ts';
import type { HostModel } from './model.ts';
import { protocolOf } from './packet-spec.ts';
import { PortClasses } from './port-classes.ts';
import type { PacketSpec, Verdict, VerdictNat, VerdictStep, WayPoint } from './verdict.ts';

export interface BothVerdicts {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

/** An answer that may be another packet's: `answer` was given for source port `from` and is asked for `to`. Thousands of flows share one. */
export interface SharedAnswer {
  readonly answer: BothVerdicts;
  readonly from: number;
  readonly to: number;
}

interface Entry {
  readonly sport: number;
  readonly answer: BothVerdicts;
}

/** Enough for many clients and services; beyond, everything is forgotten and learnt again. */
const MAX_ENTRIES = 4096;

export class JudgeCache {
  readonly #model: HostModel;
  readonly #ports: PortClasses;
  readonly #entries = new Map<string, Entry | null>();

  constructor(model: HostModel) {
    this.#model = model;
    this.#ports = new PortClasses(model.self, model.facts.namespaces);
  }

  judge(spec: PacketSpec): SharedAnswer {
    const key = this.#keyOf(spec);
    const { sport } = spec;
    if (key === null || sport === undefined) return unshared(judgeBoth(this.#model, spec));
    const entry = this.#entries.get(key);
    if (entry === null) return unshared(judgeBoth(this.#model, spec));
    if (entry !== undefined) return { answer: entry.answer, from: entry.sport, to: sport };
    const answer = judgeBoth(this.#model, spec);
    if (this.#entries.size >= MAX_ENTRIES) this.#entries.clear();
    this.#entries.set(key, this.#holdsForOthers(spec, sport, answer) ? { sport, answer } : null);
    return unshared(answer);
  }

  /** Null where the answer may hang on this very connection. */
  #keyOf(spec: PacketSpec): string | null {
    // Where a rule looks into packets no port has a class, and nothing is shared; elsewhere the bytes decide nothing.
    const { sport, connection, bytes: _bytes, ...rest } = spec;
    if (sport === undefined || this.#ports.classOf(sport) < 0) return null;
    if (connection !== undefined && (connection.ct.state !== 'NEW' || connection.nat.dst !== null || connection.nat.src !== null))
      return null;
    if (connection === undefined && this.#isKnown(spec)) return null;
    if (this.#mayCollide(spec, sport)) return null;
    return `${this.#ports.classOf(sport)} ${connection === undefined} ${JSON.stringify(rest)}`;
  }

  #isKnown(spec: PacketSpec): boolean {
    const index = this.#model.conntrack;
    if (index === null) return false;
    const tuple = tupleOf(spec);
    return tuple === null || index.find(tuple.protocol, tuple) !== null;
  }

  /** Another connection has the port already: the kernel may give this one another. */
  #mayCollide(spec: PacketSpec, sport: number): boolean {
    const tuple = tupleOf(spec);
    return tuple === null || this.#model.conntrack?.mayCollide(tuple.protocol, sport, tuple) === true;
  }

  /** Tries another port of the class: what is remembered must give the answer that judging would. */
  #holdsForOthers(spec: PacketSpec, sport: number, answer: BothVerdicts): boolean {
    const other = [sport + 1, sport - 1, sport + 2, sport - 2].find(
      (port) => port > 0 && port < 0xffff && port !== spec.dport && this.#ports.classOf(port) === this.#ports.classOf(sport),
    );
    if (other === undefined || sport === spec.dport) return false;
    const { opaque } = this.#ports;
    const meets = (verdict: Verdict | null): boolean => verdict?.way?.some(({ netns }) => netns !== null && opaque.has(netns)) === true;
    if (opaque.size > 0 && (meets(answer.verdict) || meets(answer.reply))) return false;
    const { connection, ...rest } = spec;
    const moved = connection === undefined ? undefined : movedConnection(connection, other);
    const asked: PacketSpec = { ...rest, sport: other, ...(moved === undefined ? {} : { connection: moved }) };
    return JSON.stringify(judgeBoth(this.#model, asked)) === JSON.stringify(withPort(answer, sport, other));
  }
}

const tupleOf = (spec: PacketSpec): (Tuple & { readonly protocol: number }) | null => {
  const protocol = protocolOf(spec.proto);
  const src = parseIp(spec.src);
  const dst = parseIp(spec.dst);
  if (protocol === null || src === null || dst === null) return null;
  return { protocol, src, dst, srcPort: spec.sport ?? null, dstPort: spec.dport ?? null };
};

/** An answer for this packet and no other. */
export const unshared = (answer: BothVerdicts): SharedAnswer => ({ answer, from: 0, to: 0 });

/** The verdict on the packet that was asked about. */
export const verdictOf = ({ answer, from, to }: SharedAnswer): Verdict =>
  from === to ? answer.verdict : verdictWithPort(answer.verdict, from, to);

export const replyOf = ({ answer, from, to }: SharedAnswer): Verdict | null =>
  from === to || answer.reply === null ? answer.reply : verdictWithPort(answer.reply, from, to);

const movedConnection = (connection: NonNullable<PacketSpec['connection']>, port: number): NonNullable<PacketSpec['connection']> => ({
  ...connection,
  ct: {
    ...connection.ct,
    original: { ...connection.ct.original, srcPort: port },
    reply: { ...connection.ct.reply, dstPort: port },
  },
});

const withPort = (answer: BothVerdicts, from: number, to: number): BothVerdicts => {
  const shared = { answer, from, to };
  return { verdict: verdictOf(shared), reply: replyOf(shared) };
};

/** The same object where the port does not show. */
const verdictWithPort = (verdict: Verdict, from: number, to: number): Verdict => {
  const nat = mapShared(verdict.nat, (step) => natWithPort(step, from, to));
  const steps = mapShared(verdict.steps, (step) => stepWithPort(step, from, to));
  const way = verdict.way === undefined ? undefined : mapShared(verdict.way, (point) => pointWithPort(point, from, to));
  if (nat === verdict.nat && steps === verdict.steps && way === verdict.way) return verdict;
  return { ...verdict, nat, steps, ...(way === undefined ? {} : { way }) };
};

const pointWithPort = (point: WayPoint, from: number, to: number): WayPoint => {
  if (point.sport !== from && point.dport !== from) return point;
  return { ...point, sport: point.sport === from ? to : point.sport, dport: point.dport === from ? to : point.dport };
};

const natWithPort = (nat: VerdictNat, from: number, to: number): VerdictNat => {
  const source = textWithPort(nat.from, from, to);
  const target = textWithPort(nat.to, from, to);
  return source === nat.from && target === nat.to ? nat : { ...nat, from: source, to: target };
};

const stepWithPort = (step: VerdictStep, from: number, to: number): VerdictStep => {
  if (step.note === undefined) return step;
  const note = textWithPort(step.note, from, to);
  return note === step.note ? step : { ...step, note };
};

/** `address:port` and `[v6]:port`, wherever they stand in the text. */
const textWithPort = (text: string, from: number, to: number): string => {
  const wanted = `:${from}`;
  if (!text.includes(wanted)) return text;
  return text.replaceAll(new RegExp(`(?<=\\d|\\])${wanted}(?!\\d|:)`, 'g'), `:${to}`);
};

const mapShared = <Item>(items: readonly Item[], change: (item: Item) => Item): readonly Item[] => {
  let changed: Item[] | null = null;
  for (const [index, item] of items.entries()) {
    const next = change(item);
    if (next === item) continue;
    changed ??= [...items];
    changed[index] = next;
  }
  return changed ?? items;
};
