/** Reading the JSON that nft prints, whose shapes libnftables-json(5) gives. What is not as expected is null. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const listOf = (value: unknown): readonly unknown[] | null => (Array.isArray(value) ? value : null);

/** nft prints one flag as a text and several as a list. */
export const textsOf = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  return (listOf(value) ?? []).filter((item): item is string => typeof item === 'string');
};

export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const numberOf = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);

/** `{"match": {…}}` is its name and its body; null where there are more names than one, or none. */
export const namedBody = (value: unknown): { readonly name: string; readonly body: unknown } | null => {
  if (!isObject(value)) return null;
  const [name, ...others] = Object.keys(value);
  return name === undefined || others.length > 0 ? null : { name, body: value[name] };
};

/** `{"elem": {"val": X, …}}` is X with what belongs to it; everything else stands for itself. */
export const unwrapElement = (value: unknown): { readonly value: unknown; readonly details: JsonObject | null } => {
  const named = namedBody(value);
  if (named?.name !== 'elem' || !isObject(named.body) || !('val' in named.body)) return { value, details: null };
  return { value: named.body['val'], details: named.body };
};
