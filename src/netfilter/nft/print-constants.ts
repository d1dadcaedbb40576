/** Constants, ranges and sets as `nft list ruleset` prints them. src/datatype.c, src/expression.c of nftables. */
import type { Datatype } from './datatypes.ts';
import { isObject, listOf, namedBody, unwrapElement } from './json.ts';

const isNoDevice = (of: Datatype, text: string): boolean => of.name === 'iface_index' && text === '0';

/** JSON as short as it goes, for what has no better form. */
export const compactJson = (json: unknown): string => JSON.stringify(json);

export const quote = (text: string): string => `"${text}"`;

/** `separator` joins flags: a comma where they are listed, a bar where they are an operand. */
export const printConstant = (of: Datatype | null, json: unknown, separator = ','): string => {
  if (typeof json === 'boolean') return json ? 'exists' : 'missing';
  if (typeof json === 'number') return printNumber(of, json);
  if (typeof json === 'string') return of?.quoted === true && json !== '*' && !isNoDevice(of, json) ? quote(json) : json;
  const list = listOf(json);
  if (list !== null) return list.map((item) => printConstant(of, item)).join(separator);
  const named = namedBody(json);
  switch (named?.name) {
    case 'range': {
      const [low, high] = listOf(named.body) ?? [];
      return `${printBound(of, low)}-${printBound(of, high)}`;
    }
    case 'prefix':
      return isObject(named.body) ? `${printConstant(of, named.body['addr'])}/${String(named.body['len'])}` : compactJson(json);
    case '|':
      return (listOf(named.body) ?? []).map((item) => printConstant(of, item)).join(' | ');
    default:
      return compactJson(json);
  }
};

/** The ends of a range are numbers where the datatype has names for single ones, and plain seconds. */
const printBound = (of: Datatype | null, json: unknown): string => {
  if (of?.numbers === 'seconds' && typeof json === 'number') return `${json}s`;
  const value = typeof json === 'string' && of !== null && !ADDRESSES.includes(of.name) ? of.read(json) : null;
  return typeof value === 'number' ? String(value) : printConstant(of, json);
};

const ADDRESSES: readonly string[] = ['ipv4_addr', 'ether_addr'];

const printNumber = (of: Datatype | null, value: number): string => {
  switch (of?.numbers) {
    case 'mark':
      return `0x${value.toString(16).padStart(8, '0')}`;
    case 'hex':
      return `0x${value.toString(16)}`;
    case 'seconds':
      return printSeconds(value);
    default:
      return String(value);
  }
};

/** `1d2h3m4s`: time_print of src/datatype.c. */
export const printSeconds = (seconds: number): string => {
  const parts = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const text = parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : '')).join('');
  return text === '' ? '0s' : text;
};

/** A key of a set: one constant, or a concatenation. */
export const printKey = (types: readonly (Datatype | null)[], json: unknown): string => {
  const { value, details } = unwrapElement(json);
  const named = namedBody(value);
  const parts = named?.name === 'concat' ? listOf(named.body) : null;
  const text =
    parts === null ? printConstant(types[0] ?? null, value) : parts.map((part, at) => printConstant(types[at] ?? null, part)).join(' . ');
  const timeout = details === null ? undefined : details['timeout'];
  const comment = details === null ? undefined : details['comment'];
  return `${text}${typeof timeout === 'number' ? ` timeout ${printSeconds(timeout)}` : ''}${typeof comment === 'string' ? ` comment ${quote(comment)}` : ''}`;
};

/** `{ 22, 80 }`, or `@name`. */
export const printSet = (types: readonly (Datatype | null)[], json: unknown): string => {
  if (typeof json === 'string') return json;
  const named = namedBody(json);
  const elements = named?.name === 'set' ? listOf(named.body) : null;
  return elements === null ? compactJson(json) : `{ ${elements.map((element) => printKey(types, element)).join(', ')} }`;
};

/** `{ 80 : 10.0.0.1 }`, or `@name`. */
export const printMap = (types: readonly (Datatype | null)[], json: unknown, data: (json: unknown) => string): string => {
  if (typeof json === 'string') return json;
  const named = namedBody(json);
  const elements = named?.name === 'set' ? listOf(named.body) : null;
  if (elements === null) return compactJson(json);
  return `{ ${elements
    .map((element) => {
      const [key, value] = listOf(element) ?? [];
      return `${printKey(types, key)} : ${data(value)}`;
    })
    .join(', ')} }`;
};
