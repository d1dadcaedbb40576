/**
 * Traced packets beside the question: which of them is the packet that was asked about and which one its answer, what exactly to judge, and
 * what the kernel did with it in the end.
 */
import type { TracedTuple } from '../../agent/protocol.ts';
import { formatIp, parseIp, sameIp } from '../../base/ip-address.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../../packet/packet.ts';
import { protocolOf } from '../../path/packet-spec.ts';
import type { PacketSpec, Verdict, VerdictStep } from '../../path/verdict.ts';
import type { TraceComparison } from '../../trace/compare.ts';
import { describeKernelStep } from '../../trace/compare.ts';
import type { TracePacket } from '../../trace/event.ts';
import type { KernelStep, Passage } from '../../trace/passages.ts';

/** Echo request and reply, RFC 792 and RFC 4443. */
const ECHO: Readonly<Record<number, { readonly request: number; readonly reply: number }>> = {
  [IPPROTO_ICMP]: { request: 8, reply: 0 },
  [IPPROTO_ICMPV6]: { request: 128, reply: 129 },
};

/** `withPort`: the sender's port is known and not just taken. */
export const tupleOf = (spec: PacketSpec, withPort: boolean): TracedTuple => {
  const protocol = protocolOf(spec.proto) ?? 0;
  return {
    family: spec.src.includes(':') ? 6 : 4,
    src: spec.src,
    dst: spec.dst,
    protocol,
    sport: withPort ? (spec.sport ?? null) : null,
    dport: spec.dport ?? null,
    icmpType: ECHO[protocol] === undefined ? null : (spec.icmpType ?? ECHO[protocol].request),
  };
};

/** The answer as it will come in where the translations are as predicted; null where they are not known. */
export const replyTupleOf = (original: TracedTuple, verdict: Verdict): TracedTuple | null => {
  if (verdict.outcome !== 'accept') return null;
  let { src, dst, sport, dport } = original;
  for (const nat of verdict.nat) {
    const parsed = splitAddress(nat.to);
    if (parsed === null) return null;
    if (nat.kind === 'dnat' || nat.kind === 'redirect') {
      dst = parsed.address;
      if (dport !== null) dport = parsed.port ?? dport;
    } else {
      src = parsed.address;
      // The port that a masquerade takes is the kernel's choice.
      sport = null;
    }
  }
  const echo = ECHO[original.protocol];
  if (echo !== undefined && original.icmpType !== echo.request) return null;
  return { ...original, src: dst, dst: src, sport: dport, dport: sport, icmpType: echo === undefined ? null : echo.reply };
};

/** `192.0.2.1:80`, `[2001:db8::1]:80`, or either without a port. */
const splitAddress = (text: string): { readonly address: string; readonly port: number | null } | null => {
  const v6 = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const v4 = /^([0-9.]+)(?::(\d+))?$/.exec(text);
  const [, address = text, port] = v6 ?? v4 ?? [];
  return parseIp(address) === null ? null : { address, port: port === undefined ? null : Number(port) };
};

export const fitsTuple = (packet: TracePacket, tuple: TracedTuple): boolean => {
  const [src, dst] = [parseIp(tuple.src), parseIp(tuple.dst)];
  return (
    packet.src !== null &&
    packet.dst !== null &&
    src !== null &&
    dst !== null &&
    sameIp(packet.src, src) &&
    sameIp(packet.dst, dst) &&
    (packet.protocol === null || packet.protocol === tuple.protocol) &&
    fits(packet.srcPort, tuple.sport) &&
    fits(packet.dstPort, tuple.dport) &&
    fits(packet.icmpType, tuple.icmpType)
  );
};

const fits = (value: number | null, wanted: number | null): boolean => wanted === null || value === null || value === wanted;

/** Tells the conversations of one question apart: the client's port, or the identifier of an echo. */
export const conversationOf = (packet: TracePacket, direction: 'there' | 'reply'): string =>
  String(packet.icmpId ?? (direction === 'there' ? packet.srcPort : packet.dstPort));

/** The packet that the kernel showed, with what the question knows beyond it. */
export const specOfTraced = (packet: TracePacket, known: PacketSpec): PacketSpec => {
  const isSameWay = packet.inDev === known.in;
  const { port, srcMac, dstMac, ...rest } = known;
  return {
    ...rest,
    in: packet.inDev,
    ...(isSameWay && port !== undefined ? { port } : {}),
    ...(isSameWay && srcMac !== undefined ? { srcMac } : {}),
    ...(isSameWay && dstMac !== undefined ? { dstMac } : {}),
    ...(packet.src === null ? {} : { src: formatIp(packet.src) }),
    ...(packet.dst === null ? {} : { dst: formatIp(packet.dst) }),
    ...(packet.srcPort === null ? {} : { sport: packet.srcPort }),
    ...(packet.dstPort === null ? {} : { dport: packet.dstPort }),
    ...(packet.icmpType === null ? {} : { icmpType: packet.icmpType }),
    ...(packet.icmpCode === null ? {} : { icmpCode: packet.icmpCode }),
    ...(packet.icmpId === null ? {} : { icmpId: packet.icmpId }),
    ...(packet.lengthBytes === null ? {} : { length: packet.lengthBytes }),
    ...(packet.ttl === null ? {} : { ttl: packet.ttl }),
  };
};

/** What stands before connection tracking is not seen of packets that are known by their connection only. */
export const isBeforeConntrack = (step: VerdictStep): boolean =>
  step.table === 'raw' && (step.hook === 'prerouting' || step.hook === 'output');

export type KernelOutcome = 'accept' | 'drop' | 'reject';

/** Null where the trace does not show the end. */
export const outcomeOf = (passage: Passage, comparison: TraceComparison, verdict: Verdict): KernelOutcome | null => {
  if (comparison.result === 'agrees' && verdict.outcome !== 'undetermined') return verdict.outcome;
  const last = passage.steps.at(-1);
  if (last === undefined) return null;
  const ending = endingOf(last);
  if (ending !== null) return ending;
  const hook = passage.visits.at(-1)?.hook ?? last.hook;
  return hook === 'postrouting' || hook === 'input' ? 'accept' : null;
};

/** nf_tables tells a reject as a drop; legacy tells the rule alone. */
const endingOf = (step: KernelStep): 'drop' | 'reject' | null => {
  const text = step.text ?? '';
  if (/ -j REJECT\b|\breject\b/i.test(text) && (step.verdict === 'drop' || step.source === 'legacy')) return 'reject';
  return step.verdict === 'drop' || (step.source === 'legacy' && / -j DROP\b/.test(text)) ? 'drop' : null;
};

const DID: Readonly<Record<KernelOutcome, string>> = { accept: 'let it pass', drop: 'dropped it', reject: 'rejected it' };

/** The last line: agreement, or what the kernel did and what was predicted. */
export const concludeTrace = (passage: Passage, comparison: TraceComparison, verdict: Verdict): string => {
  const last = passage.steps.at(-1);
  const kernel = outcomeOf(passage, comparison, verdict);
  const shown = last === undefined ? 'no rule' : describeKernelStep(last);
  const did = kernel === null ? `showed last ${shown}` : `${DID[kernel]}${last === undefined ? '' : ` (last ${shown})`}`;
  switch (comparison.result) {
    case 'agrees':
      return `agreement: the kernel ${kernel === null ? 'went on' : DID[kernel]}, as predicted, by the same ${comparison.matched === 1 ? 'step' : `${comparison.matched} steps`}`;
    case 'differs':
      return `difference: the kernel ${did}; predicted was ${verdict.outcome}; ${comparison.reason ?? ''}`;
    case 'open':
      return `the prediction is undetermined: the kernel ${did}`;
    case 'nothing-seen':
      return 'the kernel showed no rule';
  }
};
