/** A flow as one line for people: when, who, what, how much, the verdict in words and what decided. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { Verdict } from '../path/verdict.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import { decisionWords, outcomeTone } from './decision.ts';
import { foldGlyphs, glyphsOf, type Style, tint } from './style.ts';
import { clockText, countText, durationText } from './time.ts';
import { padEnd } from './width.ts';

/** Why the line is printed: the flow has its first verdict, that verdict changed, or the flow is over. */
export type FlowMoment = 'new' | 'changed' | 'ended';

const MARK: Readonly<Record<FlowMoment, string>> = { new: '+', changed: '~', ended: '=' };

const ENDS_COLUMNS = 34;
const STATE_COLUMNS = 28;
const OUTCOME_COLUMNS = 14;

export const flowLine = (row: FlowRow, moment: FlowMoment, style: Style, utcOffsetMinutes: number): string => {
  const { flow } = row;
  const glyphs = glyphsOf(style);
  const ends = `${endText(row.aName, flow.a, flow.aPort)} ${glyphs.arrow} ${endText(row.bName, flow.b, flow.bPort)}`;
  const rtt = flow.rttNs === null ? '' : durationText(flow.rttNs);
  const amount = moment === 'new' ? '' : [countText(flow.packets[0] + flow.packets[1], 'packet'), rtt].filter(Boolean).join(' ');
  const parts = [
    MARK[moment],
    clockText(flow.firstSec, flow.firstNsec, utcOffsetMinutes),
    padEnd(ends, ENDS_COLUMNS),
    padEnd(protocolAndState(row), STATE_COLUMNS),
    padEnd(amount, moment === 'new' ? 0 : 20),
    verdictWords(row, style),
    moment === 'changed' ? changeWords(row) : '',
  ];
  const line = parts.filter((part) => part !== '').join('  ');
  return foldGlyphs(style, line.trimEnd());
};

/** Why the verdict is another one than before, and what it was. */
const changeWords = (row: FlowRow): string => {
  const { contradiction = null } = row.verdict ?? {};
  if (contradiction !== null) return printable(`(${contradiction.text})`);
  const change = row.verdict?.changes.at(-1);
  if (change === undefined) return '';
  return printable(`(${change.because === '' ? '' : `${change.because}; `}was ${change.from})`);
};

/** `pub:8080`; brackets keep the colons of an IPv6 address apart from the port's. */
export const endText = (name: string, ip: IpAddress, port: number): string => {
  const text = printable(name === '' ? formatIp(ip) : name);
  if (port < 0) return text;
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
};

const protocolAndState = (row: FlowRow): string => printable(row.state === '' ? row.protocol : `${row.protocol}, ${row.state}`);

const replyWords = (reply: Verdict | null): string =>
  reply === null ? '' : `reply ${reply.outcome.toUpperCase()} by ${decisionWords(reply)}`;

/** `DROP  filter DOCKER-ISOLATION-STAGE-2 #1 · counted ✓ +12`. */
export const verdictWords = (row: FlowRow, style: Style): string => {
  if (row.verdict === null) return row.outcome === '' ? '' : `${row.outcome}  ${printable(row.by)}`.trimEnd();
  const { outcome: decided, counted, replyOutcome } = row.verdict;
  const outcome = tint(style, outcomeTone(decided), padEnd(row.outcome, OUTCOME_COLUMNS));
  const notes = [
    printable(row.by),
    counted === null || counted === 0 ? '' : `counted ${glyphsOf(style).tick} +${counted}`,
    replyOutcome === null || replyOutcome === 'accept' ? '' : replyWords(row.verdict.reply),
  ];
  return `${outcome}${notes.filter((note) => note !== '').join(' · ')}`;
};
