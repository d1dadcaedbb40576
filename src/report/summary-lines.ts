/** What remains to be said when a capture is over: how much was seen, where, what was lost and by whom. */
import { printable } from '../base/printable.ts';
import type { CaptureState, LostCounts } from '../session/state.ts';
import { pointName } from '../topology/points.ts';
import { bytesText, countText } from './time.ts';

export const summaryLines = (state: CaptureState, flows: number): string[] => {
  const points = state.points.map(({ point }) => pointName(point)).join(', ');
  const lines = [
    `${countText(state.packets, 'packet')}, ${bytesText(state.bytes)} in ${countText(flows, 'flow')}${points === '' ? '' : ` on ${points}`}; lost: ${lostWords(state.lost)}`,
  ];
  if (state.undecoded > 0) lines.push(`${countText(state.undecoded, 'packet')} could not be decoded beyond the link layer`);
  if (state.saving !== null) {
    lines.push(
      state.saving.error === null
        ? `saved ${countText(state.saving.packets, 'packet')}, ${bytesText(state.saving.bytes)} to ${state.saving.path}`
        : `saving to ${state.saving.path} failed: ${state.saving.error}`,
    );
  }
  return lines.map(printable);
};

/** Never 0 where it cannot be known. */
export const lostWords = (lost: LostCounts): string => {
  const one = (count: number | null): string => (count === null ? 'unknown' : String(count));
  return `${one(lost.kernel)} by the kernel, ${one(lost.engine)} by the engine, ${lost.pipe} by the pipe`;
};
