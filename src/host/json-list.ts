/** The lists that `ip -j` and `bridge -j` print. */
import { asArray, asObject, type JsonObject } from './json-value.ts';
import { type Shape, shapeProblems } from './shapes.ts';

export type JsonList =
  | { readonly ok: true; readonly items: readonly JsonObject[]; readonly problems: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/**
 * The objects of a JSON array, as `ip -j` prints them. No output at all is an empty list: some iproute2 versions print
 * nothing where there is nothing. Empty objects are left out, which iproute2 prints for what it filtered away. Values that are not of
 * the shape are named.
 */
export const parseJsonList = (text: string, command: string, shape: Shape): JsonList => {
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
    if (object !== null) problems.push(...shapeProblems(object, shape, `${command}: entry ${index + 1}`));
  }
  return { ok: true, items, problems };
};
