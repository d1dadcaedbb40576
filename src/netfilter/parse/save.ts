/**
 * Reads what `iptables-save` prints, with or without `-c`, and what `iptables -S` prints. iptables-save(8), iptables-restore(8).
 * A line that cannot be understood becomes a problem and, inside a table, a rule of which nothing is known.
 */
import { BUILTIN_CHAINS, isBuiltin } from '../builtin.ts';
import type { Chain, Counters, Rule, Ruleset, Table } from '../ruleset.ts';
import { parseRule } from './rule.ts';
import { type Token, tokenize } from './tokens.ts';

export interface SaveOptions {
  readonly backend: 'nft' | 'legacy';
  readonly family: 'ip' | 'ip6';
}

interface OpenChain {
  readonly name: string;
  policy: Chain['policy'];
  counters: Counters | null;
  readonly rules: Rule[];
}

interface OpenTable {
  /** Null for `iptables -S`, which does not say. */
  readonly name: string | null;
  readonly chains: Map<string, OpenChain>;
  /** The chain of the last rule: where a line stands that names none. */
  lastChain: OpenChain | null;
  hasRules: boolean;
}

const LISTED_CHAIN = /^-(P|N|-policy|-new-chain)\s/;
const COUNTED = /^\[(\d+):(\d+)\]\s*/;
const APPENDED = /^(-A|--append)\s/;

export const parseSave = (text: string, options: SaveOptions): Ruleset => new SaveReader().read(text, options);

class SaveReader {
  readonly #tables: OpenTable[] = [];
  readonly #problems: string[] = [];
  #table: OpenTable | null = null;
  #lineNumber = 0;

  read(text: string, options: SaveOptions): Ruleset {
    for (const raw of text.split('\n')) {
      this.#lineNumber++;
      const line = raw.trim();
      if (line !== '') this.#line(line);
    }
    if (this.#table !== null && this.#table.name !== null)
      this.#problem('the end', `no COMMIT for table ${this.#table.name}: the text is cut off`);
    return { ...options, tables: this.#tables.map(closeTable), problems: this.#problems };
  }

  #line(line: string): void {
    switch (line[0]) {
      case '#':
        this.#comment(line);
        return;
      case '*':
        this.#openTable(line.slice(1).trim());
        return;
      case ':':
        this.#chainLine(line);
        return;
    }
    if (line === 'COMMIT') {
      this.#table = null;
      return;
    }
    if (line[0] === '-' && LISTED_CHAIN.test(line)) this.#listedChain(line);
    else this.#ruleLine(line);
  }

  /** iptables-nft-save says so of tables whose chains it cannot express; their rules are not in this text. */
  #comment(line: string): void {
    const name = /^# Table [`']?([^`']+)' is incompatible/.exec(line)?.[1];
    if (name === undefined) return;
    const why = `table ${name} holds rules that only nft can show`;
    this.#problem(line, why);
    if (!Object.hasOwn(BUILTIN_CHAINS, name)) return;
    this.#openTable(name);
    for (const chain of BUILTIN_CHAINS[name] as readonly string[]) this.#badRule(this.#chain(chain), line, why);
    this.#table = null;
  }

  #openTable(name: string): void {
    if (this.#table !== null && this.#table.name !== null) this.#problem(`*${name}`, `no COMMIT for table ${this.#table.name}`);
    if (name === '') this.#problem('*', 'a table without a name');
    const known = this.#tables.find((table) => table.name === name);
    this.#table = known ?? newTable(name);
    if (known === undefined) this.#tables.push(this.#table);
  }

  /** `:FORWARD DROP [10:840]`, `:DOCKER - [0:0]` */
  #chainLine(line: string): void {
    const match = /^:(\S+)\s+(\S+)(?:\s+\[(\d+):(\d+)\])?$/.exec(line);
    if (this.#table === null || match === null) {
      this.#strayLine(line, match === null ? 'not a chain declaration' : 'a chain outside of any table');
      return;
    }
    const chain = this.#chain(match[1] as string);
    const policy = match[2] as string;
    if (match[3] !== undefined) chain.counters = { packets: Number(match[3]), bytes: Number(match[4]) };
    if (policy === 'ACCEPT' || policy === 'DROP') chain.policy = policy;
    else if (policy !== '-') this.#problem(line, `${policy} is no policy`);
  }

  /** `-P FORWARD DROP`, `-N DOCKER`; a -P behind rules starts the listing of another table. */
  #listedChain(line: string): void {
    const [option, name, policy, ...rest] = line.split(/\s+/);
    const isPolicy = option === '-P' || option === '--policy';
    if (name === undefined || (isPolicy && policy !== 'ACCEPT' && policy !== 'DROP')) {
      this.#strayLine(line, 'not a chain declaration');
      return;
    }
    const table = this.#listing(isPolicy && ((this.#table?.hasRules ?? false) || (this.#table?.chains.has(name) ?? false)));
    const chain = this.#chainOf(table, name);
    if (!isPolicy) return;
    chain.policy = policy as 'ACCEPT' | 'DROP';
    const counted = /^-c (\d+) (\d+)$/.exec(rest.join(' '));
    if (counted !== null) chain.counters = { packets: Number(counted[1]), bytes: Number(counted[2]) };
  }

  #listing(fresh: boolean): OpenTable {
    if (this.#table === null || fresh) {
      this.#table = newTable(null);
      this.#tables.push(this.#table);
    }
    return this.#table;
  }

  /** `[12:840] -A FORWARD …` */
  #ruleLine(line: string): void {
    const counted = line[0] === '[' ? COUNTED.exec(line) : null;
    const text = counted === null ? line : line.slice(counted[0].length);
    if (!text.startsWith('-A ') && !APPENDED.test(text)) {
      this.#strayLine(line, 'neither a table, a chain, a rule nor a comment');
      return;
    }
    if (this.#table === null) {
      if (this.#tables.some((table) => table.name !== null)) {
        this.#problem(line, 'a rule outside of any table');
        return;
      }
      this.#listing(false);
    }
    const tokens = tokenize(text);
    const name = tokens === null ? text.split(/\s+/)[1] : tokens[1]?.text;
    if (name === undefined) {
      this.#strayLine(line, 'a rule without a chain');
      return;
    }
    const chain = this.#chain(name);
    this.#rule(chain, line, text, counted === null ? null : { packets: Number(counted[1]), bytes: Number(counted[2]) }, tokens);
  }

  #rule(chain: OpenChain, line: string, text: string, counted: Counters | null, tokens: readonly Token[] | null): void {
    const table = this.#table as OpenTable;
    table.lastChain = chain;
    table.hasRules = true;
    const parsed = tokens === null ? 'a quotation is not closed' : parseRule(tokens, 2);
    if (typeof parsed === 'string') {
      this.#problem(line, parsed);
      this.#badRule(chain, text, parsed, counted);
      return;
    }
    const { matches, target, counters, cut } = parsed;
    const plain = cut === null ? text : `${text.slice(0, cut.start).trimEnd()}${text.slice(cut.end)}`;
    chain.rules.push({ number: chain.rules.length + 1, text: plain, counters: counted ?? counters, matches, target });
  }

  /** A line that is nothing known: it may have been a rule of the chain where it stands. */
  #strayLine(line: string, why: string): void {
    this.#problem(line, why);
    const table = this.#table;
    if (table?.lastChain) this.#badRule(table.lastChain, line, why);
    else if (table?.name && Object.hasOwn(BUILTIN_CHAINS, table.name)) {
      for (const chain of BUILTIN_CHAINS[table.name] as readonly string[]) this.#badRule(this.#chain(chain), line, why);
    }
  }

  #badRule(chain: OpenChain, text: string, why: string, counters: Counters | null = null): void {
    const problem = `line ${this.#lineNumber}: ${why}`;
    chain.rules.push({ number: chain.rules.length + 1, text, counters, matches: [], target: null, problem });
  }

  #problem(line: string, why: string): void {
    this.#problems.push(`line ${this.#lineNumber}: ${why}: ${line}`);
  }

  #chain(name: string): OpenChain {
    return this.#chainOf(this.#table as OpenTable, name);
  }

  #chainOf(table: OpenTable, name: string): OpenChain {
    const known = table.chains.get(name);
    if (known !== undefined) return known;
    const chain: OpenChain = { name, policy: null, counters: null, rules: [] };
    table.chains.set(name, chain);
    return chain;
  }
}

const newTable = (name: string | null): OpenTable => ({ name, chains: new Map(), lastChain: null, hasRules: false });

const closeTable = (table: OpenTable): Table => {
  const chains = [...table.chains.values()];
  return { name: table.name ?? listedTable(chains), chains };
};

/** `iptables -S` names no table, but which chains have policies tells them apart (security looks like filter, which is the default). */
const listedTable = (chains: readonly OpenChain[]): string => {
  const builtin = new Set(chains.filter((chain) => chain.policy !== null).map((chain) => chain.name));
  for (const name of ['filter', 'nat', 'mangle', 'raw']) {
    const own = BUILTIN_CHAINS[name] as readonly string[];
    if (builtin.size === own.length && own.every((chain) => builtin.has(chain))) return name;
  }
  return (
    ['filter', 'nat', 'mangle'].find((name) => chains.every((chain) => chain.policy === null || isBuiltin(name, chain.name))) ?? 'filter'
  );
};
