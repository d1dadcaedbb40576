/**
 * The port that the kernel gives a new connection, so that no two have the same tuple: get_unique_tuple, find_appropriate_src and
 * nf_nat_l4proto_unique_tuple in net/netfilter/nf_nat_core.c (from 5.0 on, which look in this way).
 */
import { type IpAddress, sameIp } from '../base/ip-address.ts';
import type { ConntrackEntry } from '../host/facts.ts';
import { describeTuple, sameTuple } from '../netfilter/conntrack.ts';
import type { PortChoice } from '../netfilter/evaluation.ts';
import { hasPorts } from '../netfilter/protocols.ts';
import type { Skb } from '../netfilter/skb.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { protocolName } from '../packet/protocols.ts';
import type { ConntrackIndex } from './conntrack-index.ts';

export type GivenPort =
  /** Null: the protocol has none, or the packet's is not known. `note`: why it is another one than the packet has or the rule names. */
  | { readonly kind: 'port'; readonly port: number | null; readonly note?: string }
  /** One of several, by chance. */
  | { readonly kind: 'chance'; readonly note: string }
  /** None is free: the connection is refused when it is confirmed, with its packet (__nf_conntrack_confirm, insert_failed). */
  | { readonly kind: 'none'; readonly note: string };

export interface PortQuestion {
  /** The packet as it comes to the translation. */
  readonly skb: Skb;
  readonly side: 'source' | 'destination';
  /** The address that it gets on that side. */
  readonly address: IpAddress;
  readonly choice: PortChoice;
}

/** The first round tries so many (NF_NAT_MAX_ATTEMPTS). */
const MAX_ATTEMPTS = 128;

export const givenPort = (index: ConntrackIndex | null, question: PortQuestion): GivenPort => {
  const { skb, side, choice } = question;
  const current = side === 'source' ? skb.srcPort : skb.dstPort;
  if (!hasPorts(skb.protocol)) return { kind: 'port', port: null };
  const { ports, basePort } = choice;
  // Without a range the destination's port is never changed (nf_nat_l4proto_unique_tuple: "If it's dst rewrite, can't change port").
  if (side === 'destination' && ports === null) return { kind: 'port', port: current };
  const span = spanOf(ports, current);
  const words = span === null ? 'a range that follows from its own' : `${span.from} to ${span.to}`;
  if (choice.random && (ports === null || ports.from !== ports.to))
    return { kind: 'chance', note: `the kernel picks the ${side} port at random, of ${words}` };
  const taken = (port: number | null): ConntrackEntry | null => takenBy(index, question, port);
  if (!choice.random) {
    const kept = side === 'source' ? mappedBefore(index, question) : null;
    if (kept !== null) return kept;
    const inPorts = ports === null || (current !== null && current >= ports.from && current <= ports.to);
    const entry = inPorts && current !== null ? taken(current) : null;
    if (inPorts && basePort === null && entry === null) return { kind: 'port', port: current };
    if (ports === null && entry !== null)
      return { kind: 'chance', note: `port ${current} is taken (${entryText(entry)}): the kernel picks another one, of ${words}` };
  }
  if (ports === null) return { kind: 'port', port: current };
  const size = ports.to - ports.from + 1;
  if (basePort === null && side === 'source' && size > 1) {
    return { kind: 'chance', note: `the kernel picks the source port at random, of ${words}` };
  }
  if (basePort !== null && current === null) return { kind: 'chance', note: `the ${side} port is one of ${words}, by the packet's own` };
  const start = basePort === null ? 0 : ((current ?? 0) - basePort) & 0xffff;
  let first: ConntrackEntry | null = null;
  for (let tried = 0; tried < Math.min(size, MAX_ATTEMPTS); tried++) {
    const port = ports.from + ((start + tried) % size);
    const entry = taken(port);
    if (entry === null) {
      return first === null
        ? { kind: 'port', port }
        : { kind: 'port', port, note: `the ${side} port is ${port}, as those before it are taken (${entryText(first)})` };
    }
    first ??= entry;
  }
  const text = first === null ? '' : ` (${entryText(first)})`;
  return size <= MAX_ATTEMPTS
    ? { kind: 'none', note: `no ${side} port of ${words} is free${text}` }
    : { kind: 'chance', note: `the kernel looks for a free ${side} port of ${words}` };
};

/** "Loose convention: >> 512 is credential passing": low ports stay low. Null where the packet's own port is not known. */
const spanOf = (ports: PortChoice['ports'], current: number | null): { readonly from: number; readonly to: number } | null => {
  if (ports !== null) return ports;
  if (current === null) return null;
  if (current < 512) return { from: 1, to: 511 };
  return current < 1024 ? { from: 600, to: 1023 } : { from: 1024, to: 65535 };
};

/** The other connection whose tuple this one would have (nf_conntrack_tuple_taken). */
const takenBy = (index: ConntrackIndex | null, { skb, side, address }: PortQuestion, port: number | null): ConntrackEntry | null => {
  const sent =
    side === 'source'
      ? { src: address, dst: skb.dst, srcPort: port, dstPort: skb.dstPort }
      : { src: skb.src, dst: address, srcPort: skb.srcPort, dstPort: port };
  if (index === null || sent.srcPort === null || sent.dstPort === null) return null;
  const answer: Tuple = { src: sent.dst, dst: sent.src, srcPort: sent.dstPort, dstPort: sent.srcPort };
  const entry = index.find(skb.protocol, answer, skb.ct.zone, skb.ct.zoneOf)?.entry ?? null;
  return entry === null || sameTuple(entry.original, skb.ct.original) ? null : entry;
};

/**
 * What other connections of the same sender and port have been given holds for this one too, where it fits the rule. Not asked where the
 * packet as it is fits the rule already.
 */
const mappedBefore = (index: ConntrackIndex | null, question: PortQuestion): GivenPort | null => {
  const { skb, address, choice } = question;
  if (index === null || skb.srcPort === null) return null;
  const inRange = (port: number | null): boolean =>
    choice.ports === null || (port !== null && port >= choice.ports.from && port <= choice.ports.to);
  if (sameIp(address, skb.src) && inRange(skb.srcPort)) return null;
  const entries = index
    .from(skb.protocol, skb.ct.original, skb.ct.zone, skb.ct.zoneOf)
    .filter(({ original, reply }) => sameIp(reply.dst, address) && inRange(reply.dstPort) && !sameTuple(original, skb.ct.original));
  const [entry] = entries;
  if (entry === undefined) return null;
  const { dstPort } = entry.reply;
  if (entries.some(({ reply }) => reply.dstPort !== dstPort)) {
    const known = [...new Set(entries.map(({ reply }) => reply.dstPort))].join(', ');
    return { kind: 'chance', note: `the source port is one that the sender's other connections have (${known})` };
  }
  if (takenBy(index, question, dstPort) !== null) return null;
  if (dstPort === skb.srcPort) return { kind: 'port', port: dstPort };
  return {
    kind: 'port',
    port: dstPort,
    note: `the source port is ${dstPort}, as for another connection of that sender (${entryText(entry)})`,
  };
};

const entryText = (entry: ConntrackEntry): string =>
  `conntrack entry ${protocolName(entry.protocol)} ${describeTuple(entry.original, entry.protocol)}, answered by ${describeTuple(entry.reply, entry.protocol)}`;
