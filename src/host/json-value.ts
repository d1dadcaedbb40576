/** Reading JSON of unknown shape without throwing: what is not as expected is null, and the caller decides what that means. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;

export const asArray = (value: unknown): readonly unknown[] | null => (Array.isArray(value) ? value : null);

export const asString = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** A finite number, or a string that spells one: hand-made documents quote numbers, and `ip` prints marks as "0x10". */
export const asNumber = (value: unknown): number | null => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^(0x[0-9a-f]+|-?\d+)$/i.test(value)) return null;
  return Number(value);
};

/** Strings of an array; anything else in it is left out. */
export const stringsOf = (value: unknown): readonly string[] =>
  (asArray(value) ?? []).filter((item): item is string => typeof item === 'string');

/** What a reader of one command gives: the values, and what it could not understand. */
export interface Parsed<T> {
  readonly value: T;
  readonly problems: readonly string[];
}
