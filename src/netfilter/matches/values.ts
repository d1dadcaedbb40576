/** Values that many matches share: numbers, ranges and masks as iptables-save writes them. */

/** `0x1f`, `31`; null where it is no number below 2^32. */
export const parseNumber = (text: string | undefined): number | null => {
  if (text === undefined || !/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) return null;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : null;
};

export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** `80`, `1024:65535`, `:1024`, `1024:`; with another separator for `80-90`. */
export const parseRange = (text: string | undefined, most: number, separator = ':'): NumberRange | null => {
  if (text === undefined) return null;
  const at = text.indexOf(separator);
  const low = at < 0 ? text : text.slice(0, at) || '0';
  const high = at < 0 ? text : text.slice(at + separator.length) || String(most);
  const from = parseNumber(low);
  const to = parseNumber(high);
  return from === null || to === null || to > most ? null : { from, to };
};

export const inRange = (value: number, range: NumberRange): boolean => value >= range.from && value <= range.to;

export interface MaskedValue {
  readonly value: number;
  readonly mask: number;
}

/** `0x4000/0x4000`; without a mask all bits count. */
export const parseMasked = (text: string | undefined, fullMask = 0xffff_ffff): MaskedValue | null => {
  if (text === undefined) return null;
  const slash = text.indexOf('/');
  const value = parseNumber(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? fullMask : parseNumber(text.slice(slash + 1));
  return value === null || mask === null ? null : { value, mask };
};

/** A name compared as the kernel does: `veth+` stands for all that begin so, and no device at all is ''. */
export const interfaceTest = (pattern: string): ((name: string) => boolean) => {
  if (!pattern.endsWith('+')) return (name) => name === pattern;
  const prefix = pattern.slice(0, -1);
  return (name) => name.startsWith(prefix);
};
