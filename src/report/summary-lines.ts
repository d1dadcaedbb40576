/** What remains to be said when a capture is over: how much was seen, where, what was lost and by whom. */
import { printable } from '../base/printable.ts';
import type { CaptureState, LostCounts, SavingState } from '../session/state/capture-state.ts';
import { pointName } from '../topology/points.ts';
import { bytesText, countText } from './time.ts';

export const summaryLines = (state: CaptureState, flows: number, shown: number | null = null): string[] => {
  const points = state.points.map(({ point }) => pointName(point)).join(', ');
  const lines = [
    `${countText(state.packets, 'packet')}, ${bytesText(state.bytes)} in ${countText(flows, 'flow')}${shown === null ? '' : `, ${shown} shown`}${points === '' ? '' : ` on ${points}`}; lost: ${lostWords(state.lost)}`,
  ];
  if (state.undecoded > 0) lines.push(`${countText(state.undecoded, 'packet')} could not be decoded beyond the link layer`);
  if (state.countedOnly > 0)
    lines.push(`${countText(state.countedOnly, 'packet')} came too fast to be looked into: counted and saved only, in no flow`);
  if (state.saving !== null) lines.push(...savingLines(state.saving));
  return lines.map(printable);
};

/** Never 0 where it cannot be known. */
export const lostWords = (lost: LostCounts): string => {
  const one = (count: number | null): string => (count === null ? 'unknown' : String(count));
  return `${one(lost.kernel)} by the kernel, ${one(lost.engine)} by the engine, ${lost.pipe} by the pipe`;
};

/** What is in files, and what is in none. */
export const savingLines = ({ path, packets, bytes, files, notSaved, error }: SavingState): string[] => {
  const saved = `saved ${countText(packets, 'packet')}, ${bytesText(bytes)} to ${savedTo({ path, files })}`;
  const missing =
    notSaved.packets === 0 ? [] : [`${countText(notSaved.packets, 'packet')} (${bytesText(notSaved.bytes)}) could not be saved`];
  const found = packets === 0 && error !== null ? [] : [saved];
  return [...found, ...missing, ...(error === null ? [] : [`saving to ${path} failed: ${error}`])];
};

/** The file, or how many there are of them. */
export const savedTo = ({ path, files }: Pick<SavingState, 'path' | 'files'>): string =>
  files > 1 ? `${files} files, the last of them ${path}` : path;
