/**
 * Finds a command's output in a snapshot. The key is looked up exactly first; then by what the command line means, so that
 * `/usr/sbin/iptables-save`, `ip -d -j link` or `ip -json address show` in a document made by hand are found too.
 */
import { type RawOutputs, SNAPSHOT_COMMANDS, type SnapshotCommand } from './snapshot.ts';

export interface FoundOutput {
  /** The key as the document has it. */
  readonly command: string;
  readonly text: string;
}

const IP_OBJECTS: readonly (readonly [string, string])[] = [
  ['link', 'link'],
  ['address', 'address'],
  ['route', 'route'],
  ['rule', 'rule'],
  ['neighbour', 'neigh'],
  ['neighbor', 'neigh'],
];

const PROGRAM_ALIASES: Readonly<Record<string, string>> = {
  'xtables-save': 'iptables-nft-save',
  'iptables-save-legacy': 'iptables-legacy-save',
  'iptables-save-nft': 'iptables-nft-save',
};

/** What a command line reads, whatever the order and spelling of its options; null for a line that no reader knows. */
export const meaningOf = (line: string): string | null => {
  const words = line.trim().split(/\s+/);
  while (words[0] === 'sudo' || words[0] === 'env' || /^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
  const program = (words.shift() ?? '').replace(/^.*\//, '');
  const name = PROGRAM_ALIASES[program] ?? program;
  if (/^ip6?tables(-nft|-legacy)?-save$/.test(name)) return words.every((word) => word === '-c' || word === '--counters') ? name : null;
  if (name === 'ip') return meaningOfIp(words);
  if (name === 'bridge') return meaningOfBridge(words);
  if (name === 'nft') return meaningOfNft(words);
  if (name === 'ipset') return words[0] === 'save' && words.length === 1 ? 'ipset' : null;
  if (name === 'sysctl') return 'sysctl';
  if (name === 'conntrack') return words.includes('-L') || words.includes('--dump') ? 'conntrack' : null;
  if (name === 'ss') return 'ss';
  if (name === 'lsns') return 'lsns';
  if (name === 'cat') return words.length === 1 ? `cat ${words[0]}` : null;
  if (program === '' && line.startsWith('/proc/')) return `cat ${line}`;
  return null;
};

/** The outputs by meaning, so that a document's keys are understood once. */
export class OutputIndex {
  readonly #raw: RawOutputs;
  readonly #byMeaning = new Map<string, string[]>();

  constructor(raw: RawOutputs) {
    this.#raw = raw;
    for (const key of Object.keys(raw)) {
      const meaning = meaningOf(key);
      if (meaning === null) continue;
      const known = this.#byMeaning.get(meaning);
      if (known === undefined) this.#byMeaning.set(meaning, [key]);
      else known.push(key);
    }
  }

  find(command: SnapshotCommand): FoundOutput | null {
    const exact = SNAPSHOT_COMMANDS[command];
    const text = this.#raw[exact];
    if (typeof text === 'string') return { command: exact, text };
    const meaning = meaningOf(exact);
    return meaning === null ? null : this.findMeaning(meaning);
  }

  findMeaning(meaning: string): FoundOutput | null {
    for (const key of this.#byMeaning.get(meaning) ?? []) {
      const text = this.#raw[key];
      if (typeof text === 'string') return { command: key, text };
    }
    return null;
  }
}

const isOption = (word: string): boolean => word.startsWith('-');

const meaningOfIp = (words: readonly string[]): string | null => {
  let family = '';
  const rest: string[] = [];
  let json = false;
  for (const [at, word] of words.entries()) {
    if (!isOption(word) || rest.length > 0) rest.push(word);
    else if (word === '-4' || (word === 'inet' && words[at - 1] === '-f')) family = ' 4';
    else if (word === '-6') family = ' 6';
    else if (/^--?(j|js|jso|json)$/.test(word)) json = true;
  }
  const object = IP_OBJECTS.find(([full]) => rest[0] !== undefined && full.startsWith(rest[0]))?.[1];
  if (object === undefined || !json) return null;
  const verb = rest[1];
  if (verb !== undefined && !['show', 'list', 'ls', 'sh', 'lst', 's', 'l', 'table'].includes(verb)) return null;
  const filter = rest.slice(verb === 'table' ? 1 : 2).join(' ');
  if (object === 'route') {
    // Without "table all" only the main table is listed, and no local addresses: another fact, kept apart.
    return filter === 'table all' || filter === 'table 0' ? `ip route${family}` : `ip route main${family}`;
  }
  if (filter !== '') return null;
  return object === 'rule' ? `ip rule${family}` : `ip ${object}`;
};

/** The plain text is asked for the devices of chains only, which both listings show. */
const meaningOfNft = (words: readonly string[]): string | null => {
  const json = words.some((word) => /^(-j|--json|-[a-z]*j[a-z]*)$/.test(word));
  if (words.includes('ruleset')) return json ? 'nft' : 'nft chains';
  return words.includes('chains') && !json ? 'nft chains' : null;
};

const meaningOfBridge = (words: readonly string[]): string | null => {
  const rest = words.filter((word) => !isOption(word));
  const json = words.some((word) => /^--?(j|js|jso|json)$/.test(word));
  if (!json || (rest[1] !== undefined && rest[1] !== 'show' && rest[1] !== 'list') || rest.length > 2) return null;
  return rest[0] === 'fdb' || rest[0] === 'link' ? `bridge ${rest[0]}` : null;
};
