/** A packet as one line for people: what tcpdump would say, and what the host does with it. */
import { printable } from '../base/printable.ts';
import { type Direction, ORIGINAL } from '../flow/flow.ts';
import type { Packet } from '../packet/packet.ts';
import { summarisePacket } from '../packet/summary.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import { decisionWords, outcomeTone, outcomeWord } from './decision.ts';
import { type Style, tint } from './style.ts';
import { clockText } from './time.ts';

export const packetLine = (packet: Packet, interfaceName: string, utcOffsetMinutes: number): string =>
  [clockText(packet.timeSec, packet.timeNsec, utcOffsetMinutes), printable(interfaceName), printable(summarisePacket(packet))]
    .filter((part) => part !== '')
    .join('  ');

/** What the host does with packets of this flow in this direction; '' where that is not known. */
export const packetDecisionWords = (row: FlowRow | null, direction: Direction, style: Style): string => {
  const verdict = (direction === ORIGINAL ? row?.verdict?.verdict : row?.verdict?.reply) ?? null;
  return verdict === null ? '' : `${tint(style, outcomeTone(verdict.outcome), outcomeWord(verdict.outcome))}  ${decisionWords(verdict)}`;
};
