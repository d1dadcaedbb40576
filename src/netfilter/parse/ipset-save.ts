/** Reads what `ipset save` prints: `create NAME TYPE options…` and `add NAME ELEMENT options…`. ipset(8). */
import type { IpSet, IpSetEntry } from '../ipset.ts';
import { type Token, tokenize } from './tokens.ts';

/** Options of `create` that stand alone. */
const CREATE_FLAGS: readonly string[] = ['counters', 'comment', 'skbinfo', 'forceadd'];

/** Options of `add` that stand alone. */
const ADD_FLAGS: readonly string[] = ['nomatch', 'wildcard'];

interface OpenSet {
  readonly name: string;
  readonly type: string;
  readonly family: IpSet['family'];
  readonly options: Readonly<Record<string, string>>;
  readonly entries: IpSetEntry[];
}

export const parseIpsetSave = (text: string): { readonly sets: IpSet[]; readonly problems: string[] } => {
  const sets = new Map<string, OpenSet>();
  const problems: string[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line === 'COMMIT') return;
    const problem = readLine(line, sets);
    if (problem !== null) problems.push(`line ${index + 1}: ${problem}: ${line}`);
  });
  return { sets: [...sets.values()], problems };
};

const readLine = (line: string, sets: Map<string, OpenSet>): string | null => {
  const tokens = tokenize(line);
  if (tokens === null) return 'a quotation is not closed';
  const [command, name, third] = tokens;
  if (name === undefined || third === undefined) return 'neither a set nor an element';
  switch (command?.text) {
    case 'create':
    case '-N': {
      const options = readOptions(tokens.slice(3), CREATE_FLAGS);
      const family = options['family'];
      if (sets.has(name.text)) return `set ${name.text} is created twice`;
      sets.set(name.text, {
        name: name.text,
        type: third.text,
        family: family === 'inet' || family === 'inet6' ? family : defaultFamily(third.text),
        options,
        entries: [],
      });
      return null;
    }
    case 'add':
    case '-A': {
      const set = sets.get(name.text);
      if (set === undefined) return `an element of the unknown set ${name.text}`;
      set.entries.push(readEntry(third.text, tokens.slice(3)));
      return null;
    }
    default:
      return 'neither a set nor an element';
  }
};

const readEntry = (element: string, tokens: readonly Token[]): IpSetEntry => {
  const options = readOptions(tokens, ADD_FLAGS);
  const timeout = options['timeout'];
  return {
    element,
    nomatch: 'nomatch' in options,
    timeoutSec: timeout !== undefined && /^\d+$/.test(timeout) ? Number(timeout) : null,
    comment: options['comment'] ?? null,
    ...('wildcard' in options ? { wildcard: true } : {}),
  };
};

const readOptions = (tokens: readonly Token[], flags: readonly string[]): Record<string, string> => {
  const options: Record<string, string> = {};
  for (let i = 0; i < tokens.length; i++) {
    const name = (tokens[i] as Token).text;
    if (flags.includes(name)) options[name] = '';
    else options[name] = tokens[++i]?.text ?? '';
  }
  return options;
};

/** bitmap:ip and the hash types that hold addresses are IPv4 unless they say otherwise; ports, MACs and lists have no family. */
const defaultFamily = (type: string): IpSet['family'] => {
  if (type === 'bitmap:port' || type === 'hash:mac' || type === 'list:set') return null;
  return 'inet';
};
