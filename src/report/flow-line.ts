/** A flow as one line for people: when, who, what, how much, the verdict in words and what decided. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { Flow } from '../flow/flow.ts';
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
const AMOUNT_COLUMNS = 20;
const OUTCOME_COLUMNS = 14;
const GAP = '  ';

export const flowLine = (row: FlowRow, moment: FlowMoment, style: Style, utcOffsetMinutes: number): string => {
  const { flow } = row;
  const ends = `${endText(row.aName, flow.a, flow.aPort)} ${glyphsOf(style).arrow} ${endText(row.bName, flow.b, flow.bPort)}`;
  let line = MARK[moment] + GAP + clockText(flow.firstSec, flow.firstNsec, utcOffsetMinutes);
  line += GAP + padEnd(ends, ENDS_COLUMNS) + GAP + padEnd(protocolAndState(row), STATE_COLUMNS);
  if (moment !== 'new') line += GAP + padEnd(amountText(flow), AMOUNT_COLUMNS);
  line = joined(line, GAP, verdictWords(row, style));
  if (moment === 'changed') line = joined(line, GAP, changeWords(row));
  return foldGlyphs(style, line.trimEnd());
};

const joined = (text: string, between: string, more: string): string => (text === '' || more === '' ? text + more : text + between + more);

const amountText = ({ packets, rttNs }: Flow): string => {
  const count = countText(packets[0] + packets[1], 'packet');
  return rttNs === null ? count : `${count} ${durationText(rttNs)}`;
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
  let notes = printable(row.by);
  if (counted !== null && counted !== 0) notes = joined(notes, ' · ', `counted ${glyphsOf(style).tick} +${counted}`);
  if (replyOutcome !== null && replyOutcome !== 'accept') notes = joined(notes, ' · ', replyWords(row.verdict.reply));
  return outcome + notes;
};
