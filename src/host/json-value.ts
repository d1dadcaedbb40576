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

export type JsonList =
  | { readonly ok: true; readonly items: readonly JsonObject[]; readonly problems: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/**
 * The objects of a JSON array, as `ip -j` prints them. No output at all is an empty list: some iproute2 versions print
 * nothing where there is nothing. Empty objects are left out, which iproute2 prints for what it filtered away.
 */
export const parseJsonList = (text: string, command: string): JsonList => {
  if (text.trim() === '') return { ok: true, items: [], problems: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `${command}: not JSON (${error instanceof Error ? error.message : String(error)})` };
  }
  const list = asArray(value);
  if (list === null) return { ok: false, problem: `${command}: a JSON array was expected` };
  const items: JsonObject[] = [];
  const problems: string[] = [];
  for (const [index, item] of list.entries()) {
    const object = asObject(item);
    if (object === null) problems.push(`${command}: entry ${index + 1} is no object`);
    else if (Object.keys(object).length > 0) items.push(object);
  }
  return { ok: true, items, problems };
};

/** What a reader of one command gives: the values, and what it could not understand. */
export interface Parsed<T> {
  readonly value: T;
  readonly problems: readonly string[];
}
