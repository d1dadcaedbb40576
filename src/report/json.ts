/** One value as one line of JSON that is safe on a terminal: nothing is lost, what a terminal could obey is escaped. RFC 8259, NDJSON. */

/** DEL, the C1 controls, direction-changing and invisible characters, line and paragraph separators. JSON.stringify escapes C0 already. */
const UNSAFE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;

const escapeUnsafe = (text: string): string =>
  text.replace(UNSAFE, (char) => `\\u${(char.codePointAt(0) as number).toString(16).padStart(4, '0')}`);

export const jsonLine = (value: unknown): string => escapeUnsafe(JSON.stringify(value));

/** For one document rather than a stream of lines. */
export const jsonDocument = (value: unknown): string => escapeUnsafe(JSON.stringify(value, null, 2));
