/** The kernel's trace beside the prediction for people: a line a step, `=` where both agree, the first difference marked. */
import { formatIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { TracedPacket, TraceLost, TraceState } from '../session/state/trace-state.ts';
import type { ComparedLine, LineState } from '../trace/compare.ts';
import type { TracePacket } from '../trace/event.ts';
import { inChain, outcomeTone } from './decision.ts';
import { foldGlyphs, type Style, type Tone, tint } from './style.ts';
import { formatTable, type Row } from './table.ts';
import { countText } from './time.ts';

/** What stands between the prediction and the kernel. */
const MARKS: Readonly<Record<LineState, { readonly mark: string; readonly tone: Tone }>> = {
  same: { mark: '=', tone: 'good' },
  predicted: { mark: '<', tone: 'bad' },
  kernel: { mark: '>', tone: 'bad' },
  untraced: { mark: ' ', tone: 'dim' },
  open: { mark: '?', tone: 'warn' },
};

export const tracedPacketText = (traced: TracedPacket, style: Style): string[] =>
  [headLine(traced, style), ...comparisonTable(traced, style), `  ${conclusionLine(traced, style)}`].map((line) => foldGlyphs(style, line));

const headLine = ({ number, direction, packet }: TracedPacket, style: Style): string =>
  tint(style, 'strong', printable(`packet ${number}${direction === 'reply' ? ', the reply' : ''}: ${packetWords(packet)}`));

export const packetWords = (packet: TracePacket): string => {
  const end = (ip: TracePacket['src'], port: number | null): string =>
    ip === null ? '?' : port === null ? formatIp(ip) : `${ip.version === 6 ? `[${formatIp(ip)}]` : formatIp(ip)}:${port}`;
  const sequence = packet.icmpSequence === null ? '' : ` seq ${packet.icmpSequence}`;
  const size = packet.lengthBytes === null ? '' : ` ${packet.lengthBytes} bytes`;
  return `${packet.inDev ?? 'made here'} ${end(packet.src, packet.srcPort)} → ${end(packet.dst, packet.dstPort)}${sequence}${size}`;
};

export interface TraceCells {
  readonly hook: string;
  readonly place: string;
  readonly predicted: string;
  readonly mark: string;
  readonly kernel: string;
  readonly tone: Tone;
  readonly isFirstDifference: boolean;
}

/** One line of the comparison in words, for tables and for the screen. */
export const traceCells = (traced: TracedPacket): readonly TraceCells[] =>
  traced.comparison.lines.map((line) => {
    const { mark, tone } = MARKS[line.state];
    return {
      hook: line.predicted?.hook ?? line.kernel?.hook ?? '',
      place: placeOf(line),
      predicted: line.predicted === null ? '' : line.predicted.action,
      mark,
      kernel: kernelWords(line),
      tone,
      isFirstDifference: line === traced.comparison.firstDifference,
    };
  });

const comparisonTable = (traced: TracedPacket, style: Style): string[] => {
  let hook = '';
  const rows: Row[] = traced.comparison.lines.map((line, at) => {
    const cells = traceCells(traced)[at] as TraceCells;
    const isSameHook = cells.hook === hook;
    hook = cells.hook;
    const text = line.predicted === null ? (line.kernel?.text ?? '') : inChain(line.predicted);
    return [
      { text: isSameHook ? '' : hookName(cells.hook), tone: 'strong' },
      cells.place,
      { text: cells.predicted, tone: line.state === 'predicted' ? 'bad' : 'plain' },
      { text: cells.mark, tone: cells.tone },
      { text: cells.kernel, tone: cells.tone === 'good' ? 'plain' : cells.tone },
      { text: `${text}${cells.isFirstDifference ? '  ◀ first difference' : ''}`, tone: cells.isFirstDifference ? 'bad' : 'dim' },
    ];
  });
  const heads: Row = [
    { text: 'HOOK', tone: 'dim' },
    { text: 'TABLE CHAIN#RULE', tone: 'dim' },
    { text: 'PREDICTED', tone: 'dim' },
    '',
    { text: 'KERNEL', tone: 'dim' },
    { text: 'RULE', tone: 'dim' },
  ];
  return formatTable([heads, ...rows], style, { indent: 2, maxWidth: 60 });
};

export const hookName = (hook: string): string => (hook === 'routing' || hook === 'bridge' ? hook : hook.toUpperCase());

/** `filter FORWARD#2`, `nft inet fw forward#1`, `filter FORWARD policy`. */
const placeOf = ({ predicted, kernel }: ComparedLine): string => {
  const table = predicted?.table ?? kernel?.table ?? null;
  if (table === null) return '';
  const chain = predicted?.chain ?? kernel?.chain ?? '';
  const rule = predicted === null ? (kernel?.rule ?? null) : predicted.rule;
  const isLegacy = predicted?.backend === 'legacy' || kernel?.source === 'legacy';
  const isNative = predicted?.backend === 'nftables' || kernel?.family === 'inet' || kernel?.family === 'bridge';
  const prefix = isNative ? `nft ${predicted?.family ?? kernel?.family ?? ''} ` : '';
  const number = rule !== null ? `#${rule}` : kernel?.kind === 'rule' && kernel.handle !== null ? ` handle ${kernel.handle}` : ' policy';
  return `${prefix}${table}${isLegacy ? ' (legacy)' : ''} ${chain}${number}`;
};

const kernelWords = ({ state, kernel }: ComparedLine): string => {
  if (kernel === null) return state === 'untraced' ? 'tells nothing of this' : state === 'open' ? 'not met' : 'did not come here';
  if (kernel.verdict === null) return kernel.kind === 'policy' ? 'policy' : 'matched';
  if (kernel.kind === 'policy') return `policy ${kernel.verdict}`;
  return kernel.target === null ? kernel.verdict : `${kernel.verdict} ${kernel.target}`;
};

export const conclusionTone = ({ comparison, verdict }: TracedPacket): Tone =>
  comparison.result === 'differs'
    ? 'bad'
    : comparison.result === 'agrees'
      ? verdict.outcome === 'accept'
        ? 'good'
        : outcomeTone(verdict.outcome)
      : 'warn';

const conclusionLine = (traced: TracedPacket, style: Style): string => tint(style, conclusionTone(traced), printable(traced.conclusion));

/** The last lines of a trace: what was seen, and what was lost by whom. */
export const traceEndText = (state: TraceState, style: Style): string[] => {
  const lines: string[] = [];
  const seen = state.there + state.replies;
  if (seen === 0) lines.push(tint(style, 'warn', printable(nothingSeen(state))));
  else {
    const parts = [
      `${countText(state.there, 'packet')} there`,
      `${countText(state.replies, 'reply', 'replies')}`,
      `${state.agreeing} as predicted`,
      ...(state.differing === 0 ? [] : [tint(style, 'bad', `${state.differing} not as predicted`)]),
      ...(state.incomplete === 0 ? [] : [tint(style, 'warn', incompleteWords(state))]),
      ...(state.others === 0 ? [] : [`${state.others} not compared`]),
    ];
    lines.push(parts.join(', '));
  }
  const lost = lostWords(state.lost);
  if (lost.length > 0) lines.push(tint(style, 'warn', `lost: ${lost.join(', ')}`));
  return lines.map((line) => foldGlyphs(style, line));
};

const incompleteWords = ({ incomplete }: TraceState): string =>
  `${incomplete} open, seen incompletely while rules changed or messages were lost`;

const nothingSeen = (state: TraceState): string =>
  state.incomplete > 0
    ? `no such packet was seen as a whole: ${state.question} (${incompleteWords(state)})`
    : `the kernel saw no such packet: ${state.question}${state.others === 0 ? '' : ` (${state.others} others of its connections)`}`;

export const lostWords = (lost: TraceLost): string[] => [
  ...(lost.messages === null || lost.messages === 0 ? [] : [`${lost.messages} of the kernel's messages came faster than they were read`]),
  ...(lost.overRate === null || lost.overRate === 0 ? [] : [`${countText(lost.overRate, 'packet')} above the rate not traced`]),
  ...(lost.legacyRecords === null || lost.legacyRecords === 0 ? [] : [`${lost.legacyRecords} records of legacy rules`]),
  ...(lost.gaps === 0 ? [] : [`${lost.gaps === 1 ? 'one gap' : `${lost.gaps} gaps`} while rules changed`]),
  ...(lost.unreadable === 0 ? [] : [`${lost.unreadable} lines that belong to no packet`]),
];
