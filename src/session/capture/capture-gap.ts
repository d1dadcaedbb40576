/** A time in which nothing was captured at a point: in words for a person, and as the comment of the interface that goes on after it (docs/formats.md). */
import { clockText, durationText, epochTextOf, partsOf } from '../../report/time.ts';
import type { CaptureGap } from '../state/capture-state.ts';

/** `nothing was captured there from 03:14:07.123456 to 03:14:09.456789 (2.3 s)`, in this machine's zone. */
export const gapWords = ({ from, to }: CaptureGap): string =>
  `nothing was captured there from ${clock(from)} to ${clock(to)} (${durationText(Math.max(0, to - from) * 1e9)})`;

const clock = (seconds: number): string => clockText(...partsOf(seconds), -new Date(seconds * 1000).getTimezoneOffset());

/** Times as everywhere in the formats: seconds since the epoch with nine decimals. */
export const gapComment = (interfaceId: number, gap: CaptureGap | null): string =>
  `continues interface ${interfaceId}${gap === null ? '' : `; nothing captured from ${epochTextOf(gap.from)} to ${epochTextOf(gap.to)}`}`;

const COMMENT = /^continues interface (\d{1,9})(?:; nothing captured from (\d{1,12}\.\d{9}) to (\d{1,12}\.\d{9}))?$/;

/** Null for comments of other kinds. */
export const parseGapComment = (comment: string): { readonly interfaceId: number; readonly gap: CaptureGap | null } | null => {
  const [whole, interfaceId, from, to] = COMMENT.exec(comment) ?? [];
  if (whole === undefined) return null;
  return { interfaceId: Number(interfaceId), gap: from === undefined ? null : { from: Number(from), to: Number(to) } };
};
