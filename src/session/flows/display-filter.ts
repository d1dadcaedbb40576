/** Display filters on the rows of a capture; what is wrong with one is told as a usage error. */
import { usageError } from '../../base/errors.ts';
import { parseDisplayFilter } from '../../filter/display-filter.ts';
import { FIELDS } from '../../filter/fields.ts';
import { FilterProblem } from '../../filter/problem.ts';
import type { RowFilter } from '../../filter/row.ts';
import type { FlowRow } from '../state/flow-row.ts';

export const compileDisplayFilter = (text: string): ((row: FlowRow) => boolean) => {
  try {
    return parseDisplayFilter(text);
  } catch (error) {
    if (!(error instanceof FilterProblem)) throw error;
    throw usageError(`bad display filter: ${text}`, { detail: `at character ${error.at + 1}: ${error.message}`, hint: error.hint });
  }
};

/** Null for a text that is not (yet) a filter: a person is still typing. */
export const tryDisplayFilter = (text: string): RowFilter | null => {
  try {
    return parseDisplayFilter(text);
  } catch (error) {
    if (error instanceof FilterProblem) return null;
    throw error;
  }
};

/**
 * What to show while a filter is typed: without its last word, where that is not a term yet (`verdict:drop contai`, `verdict:drop port:`).
 * Null where nothing can be made of it.
 */
export const filterWhileTyped = (text: string): string | null => {
  const before = text.replace(/\S+$/, '');
  const last = text.slice(before.length).toLowerCase();
  const isBegun = before.trim() !== '' && last !== '' && FIELDS.some(({ name }) => name.startsWith(last));
  if (!isBegun && tryDisplayFilter(text) !== null) return text;
  return tryDisplayFilter(before) === null ? null : before.trimEnd();
};
