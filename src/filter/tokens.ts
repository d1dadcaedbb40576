/** Cuts a display filter into words, operators and parentheses, each with its place. */
import { FilterProblem } from './problem.ts';

export type Comparison = ':' | '=' | '!=' | '>' | '>=' | '<' | '<=';

/** A value of a term, with quotation marks taken off. */
export interface ValueText {
  readonly text: string;
  readonly at: number;
  readonly quoted: boolean;
}

export type Token =
  | { readonly kind: 'open' | 'close' | 'and' | 'or' | 'not'; readonly at: number; readonly end: number }
  /** `key:value,value`; a bare word has no key. */
  | {
      readonly kind: 'term';
      readonly at: number;
      readonly end: number;
      readonly key: string | null;
      readonly comparison: Comparison;
      readonly values: readonly ValueText[];
    };

const KEY = /^([a-z][a-z-]*)(!=|>=|<=|:>=|:<=|:>|:<|:|=|>|<)/i;

/** Ends a bare word or a value. */
const isEnd = (char: string): boolean => char === '' || /[\s()]/.test(char);

export const tokenise = (text: string): readonly Token[] => {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] as string;
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    const token = operatorAt(text, at) ?? termAt(text, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
};

const operatorAt = (text: string, at: number): Token | null => {
  const make = (kind: 'open' | 'close' | 'and' | 'or' | 'not', length: number): Token => ({ kind, at, end: at + length });
  const char = text[at];
  if (char === '(') return make('open', 1);
  if (char === ')') return make('close', 1);
  if (text.startsWith('&&', at)) return make('and', 2);
  if (text.startsWith('||', at)) return make('or', 2);
  if (char === '!' && text[at + 1] !== '=') return make('not', 1);
  const [word] = /^(and|or|not)(?=[\s()]|$)/i.exec(text.slice(at, at + 4)) ?? [];
  if (word === undefined) return null;
  return make(word.toLowerCase() as 'and' | 'or' | 'not', word.length);
};

const termAt = (text: string, at: number): Token => {
  const rest = text.slice(at);
  const [whole, key, sign] = KEY.exec(rest) ?? [];
  if (whole === undefined || key === undefined || sign === undefined || isPlain(rest)) {
    const value = valueAt(text, at, false);
    return { kind: 'term', at, end: value.end, key: null, comparison: ':', values: [value.value] };
  }
  const comparison = (sign.length > 1 && sign.startsWith(':') ? sign.slice(1) : sign) as Comparison;
  const values: ValueText[] = [];
  let next = at + whole.length;
  for (;;) {
    const { value, end } = valueAt(text, next, true);
    values.push(value);
    next = end;
    if (text[next] !== ',') break;
    next++;
  }
  return { kind: 'term', at, end: next, key: key.toLowerCase(), comparison, values };
};

/** IPv6 and MAC addresses have colons, and may begin like a field. */
const isPlain = (rest: string): boolean => /^[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f:./]*(?=[\s()]|$)/i.test(rest);

const valueAt = (text: string, at: number, inList: boolean): { readonly value: ValueText; readonly end: number } => {
  const quote = text[at];
  if (quote === '"' || quote === "'") {
    const close = text.indexOf(quote, at + 1);
    if (close < 0) throw new FilterProblem('a quotation mark is not closed', at, `end the value with ${quote}`);
    return { value: { text: text.slice(at + 1, close), at: at + 1, quoted: true }, end: close + 1 };
  }
  let end = at;
  while (!isEnd(text[end] ?? '') && !(inList && text[end] === ',')) end++;
  return { value: { text: text.slice(at, end), at, quoted: false }, end };
};
