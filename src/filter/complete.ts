/** What can be written next in a display filter: fields while a word is begun, values behind a field. */
import { FIELDS, fieldOf } from './fields.ts';

/** Values that only the capture knows: the names of containers, the chains that decide. */
export interface FilterVocabulary {
  readonly containers: readonly string[];
  /** Of ends that were seen: containers, addresses, the host, what is outside. */
  readonly names: readonly string[];
  readonly chains: readonly string[];
  readonly devices: readonly string[];
}

export interface Completion {
  /** The text with what is certain filled in. */
  readonly text: string;
  /** Where the cursor goes, in characters of `text`. */
  readonly cursor: number;
  /** What it could be, if several. */
  readonly candidates: readonly string[];
}

const MAX_CANDIDATES = 24;

/** Completes what ends at the cursor; what stands behind it stays. */
export const completeFilter = (text: string, cursor: number, vocabulary: FilterVocabulary): Completion => {
  const before = text.slice(0, cursor);
  const [word = ''] = /[^\s()]*$/.exec(before) ?? [];
  const begun = word.replace(/^!+/, '');
  const start = cursor - begun.length;
  const sign = /^([a-z-]+)(!=|>=|<=|:|=|>|<)/i.exec(begun);
  if (sign === null) {
    const fields = FIELDS.map(({ name, ordered }) => (ordered === true ? name : `${name}:`)).filter((name) =>
      name.startsWith(begun.toLowerCase()),
    );
    return completeFrom(text, start, cursor, begun, fields);
  }
  const [head, key = ''] = sign;
  const listed = begun.lastIndexOf(',');
  const valueStart = listed < head.length ? head.length : listed + 1;
  const value = begun.slice(valueStart);
  const wanted = value.toLowerCase().replace(/^"/, '');
  const found = valuesOf(key.toLowerCase(), vocabulary).filter((candidate) => candidate.toLowerCase().startsWith(wanted));
  return completeFrom(text, start + valueStart, cursor, value, found.map(quoted));
};

const valuesOf = (key: string, vocabulary: FilterVocabulary): readonly string[] => {
  const field = fieldOf(key);
  if (field === null) return [];
  if (field.values !== undefined) return field.values;
  switch (field.name) {
    case 'container':
      return vocabulary.containers;
    case 'host':
    case 'src':
    case 'dst':
      return vocabulary.names;
    case 'rule':
    case 'step':
      return vocabulary.chains;
    case 'out':
      return vocabulary.devices;
    case 'proto':
      return ['tcp', 'udp', 'icmp', 'icmp6', 'arp', 'ndp'];
    default:
      return [];
  }
};

const quoted = (value: string): string => (/[\s(),]/.test(value) ? `"${value}"` : value);

/** Replaces what was typed from `from` to the cursor by what is common to all that it can be. */
export const completeFrom = (text: string, from: number, cursor: number, typed: string, found: readonly string[]): Completion => {
  const candidates = [...new Set(found)].sort((x, y) => Number(x.startsWith('"')) - Number(y.startsWith('"')) || (x < y ? -1 : 1));
  const [first] = candidates;
  if (first === undefined) return { text, cursor, candidates: [] };
  const common = candidates.reduce(commonStart);
  const filled = common.length >= typed.length ? common : typed;
  return {
    text: text.slice(0, from) + filled + text.slice(cursor),
    cursor: from + filled.length,
    candidates: candidates.length === 1 ? [] : candidates.slice(0, MAX_CANDIDATES),
  };
};

export const commonStart = (left: string, right: string): string => {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  return left.slice(0, at);
};
