/** Reads what `nft -j list ruleset` prints. Nothing in it makes this throw: what is not understood is a problem and stays unknown. libnftables-json(5). */
import type { Counters } from '../ruleset.ts';
import { isObject, type JsonObject, listOf, namedBody, numberOf, textOf, textsOf } from './json.ts';
import { namedSets } from './named-sets.ts';
import type { NftContext } from './operand.ts';
import { ruleText } from './print-rules.ts';
import type { NftBase, NftChain, NftFamily, NftRule, NftRuleset, NftSet, NftTable } from './ruleset.ts';
import { type CompiledStatement, compileStatement } from './statement.ts';

const FAMILIES: readonly string[] = ['ip', 'ip6', 'inet', 'bridge', 'netdev', 'arp'];

/** Named priorities of nft(8), for output in which they are not numbers. */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
  out: 100,
};

const OBJECTS: readonly string[] = [
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'flowtable',
  'secmark',
  'synproxy',
  'tunnel',
];

interface ReadTable {
  readonly family: NftFamily;
  readonly name: string;
  dormant: boolean;
  readonly chains: Map<string, ReadChain>;
  readonly sets: Map<string, NftSet>;
  readonly objects: Map<string, JsonObject>;
  readonly isManaged: boolean;
}

interface ReadChain {
  base: NftBase | null;
  readonly rules: JsonObject[];
}

/** `isManaged` sets tables aside that another reader has: iptables-nft shows its own. */
export const parseNftables = (
  text: string,
  isManaged: (family: string, table: string) => boolean = () => false,
): NftRuleset | { readonly problem: string } => {
  let document: unknown;
  try {
    document = text.trim() === '' ? { nftables: [] } : JSON.parse(text);
  } catch (error) {
    return { problem: `not JSON (${error instanceof Error ? error.message : String(error)})` };
  }
  const list = isObject(document) ? listOf(document['nftables']) : null;
  if (list === null) return { problem: 'there is no "nftables" array' };
  const reader = new Reader(isManaged);
  for (const entry of list) reader.read(entry);
  return reader.ruleset();
};

class Reader {
  readonly #isManaged: (family: string, table: string) => boolean;
  readonly #tables = new Map<string, ReadTable>();
  readonly #problems: string[] = [];

  constructor(isManaged: (family: string, table: string) => boolean) {
    this.#isManaged = isManaged;
  }

  read(entry: unknown): void {
    const named = namedBody(entry);
    if (named === null || !isObject(named.body)) return;
    const { name, body } = named;
    if (name === 'metainfo') return;
    if (name === 'table') {
      const table = this.#table(body['family'], body['name']);
      if (table !== null && textsOf(body['flags']).includes('dormant')) table.dormant = true;
      return;
    }
    const table = this.#table(body['family'], body['table']);
    if (table === null) return;
    const own = textOf(body['name']);
    if (name === 'chain' && own !== null) chainOf(table, own).base = baseOf(body);
    else if (name === 'rule') chainOf(table, textOf(body['chain']) ?? '').rules.push(body);
    else if ((name === 'set' || name === 'map') && own !== null) table.sets.set(own, setOf(name, own, body));
    else if (OBJECTS.includes(name) && own !== null) table.objects.set(`${name} ${own}`, body);
    else if (name !== 'element' && !table.isManaged)
      this.#problems.push(`table ${table.family} ${table.name}: the object "${name}" is not understood`);
  }

  ruleset(): NftRuleset {
    const all = [...this.#tables.values()];
    return {
      tables: all.filter((table) => !table.isManaged).map((table) => finishTable(table, this.#problems)),
      managed: all
        .filter((table) => table.isManaged)
        .map((table) => ({ family: table.family, name: table.name, chains: table.chains, finish: () => finishTable(table, []) })),
      problems: this.#problems,
    };
  }

  #table(familyJson: unknown, nameJson: unknown): ReadTable | null {
    const family = textOf(familyJson);
    const name = textOf(nameJson);
    if (family === null || name === null) return null;
    if (!FAMILIES.includes(family)) {
      this.#problems.push(`table ${family} ${name}: the family is not understood`);
      return null;
    }
    const key = `${family} ${name}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const table: ReadTable = {
      family: family as NftFamily,
      name,
      dormant: false,
      chains: new Map(),
      sets: new Map(),
      objects: new Map(),
      isManaged: this.#isManaged(family, name),
    };
    this.#tables.set(key, table);
    return table;
  }
}

const chainOf = (table: ReadTable, name: string): ReadChain => {
  const known = table.chains.get(name);
  if (known !== undefined) return known;
  const chain: ReadChain = { base: null, rules: [] };
  table.chains.set(name, chain);
  return chain;
};

const baseOf = (body: JsonObject): NftBase | null => {
  const hook = textOf(body['hook']);
  if (hook === null) return null;
  const { prio } = body;
  return {
    hook,
    type: textOf(body['type']) ?? 'filter',
    priority: numberOf(prio) ?? PRIORITIES[String(prio)] ?? 0,
    policy: body['policy'] === 'drop' ? 'drop' : 'accept',
    devices: [...textsOf(body['dev']), ...textsOf(body['devices'])],
  };
};

const setOf = (kind: 'set' | 'map', name: string, body: JsonObject): NftSet => ({
  name,
  kind,
  keyTypes: typesOf(body['type']),
  dataTypes: kind === 'map' ? typesOf(body['map']) : [],
  flags: textsOf(body['flags']),
  timeoutSec: numberOf(body['timeout']),
  elements: listOf(body['elem']) ?? [],
});

/** One name, a list of names, names joined by dots, or `{"typeof": EXPRESSION}`. */
const typesOf = (json: unknown): readonly unknown[] => {
  if (typeof json === 'string') return json.split(' . ');
  const list = listOf(json);
  if (list !== null) return list;
  const named = namedBody(json);
  return named?.name === 'typeof' ? [named.body] : [json];
};

const finishTable = (read: ReadTable, problems: string[]): NftTable => {
  const chains: NftChain[] = [];
  const hasXt = [...read.chains.values()].some(({ rules }) => rules.some(isXt));
  const { family, name, dormant, sets, objects } = read;
  if (hasXt) problems.push(`table ${family} ${name} holds extensions of iptables, whose options nft does not show`);
  const table: NftTable = { family, name, dormant, chains, sets, objects, hasXt };
  let context: NftContext | null = null;
  const contextOf = (): NftContext => {
    context ??= { family, table, sets: namedSets(table) };
    return context;
  };
  for (const [own, chain] of read.chains)
    chains.push({ name: own, base: chain.base, rules: chain.rules.map((body, at) => new ReadRule(body, at + 1, contextOf)) });
  return table;
};

const isXt = ({ expr }: JsonObject): boolean => listOf(expr)?.some((statement) => isObject(statement) && 'xt' in statement) === true;

/** Of a host's thousands of rules few are ever run or shown: what that takes is made when it is asked for. */
class ReadRule implements NftRule {
  readonly number: number;
  readonly handle: number | null;
  readonly comment: string | null;
  readonly counters: Counters | null;
  readonly statements: readonly JsonObject[];
  readonly problem?: string;
  readonly #context: () => NftContext;
  #compiled: readonly CompiledStatement[] | null = null;
  #text: string | null = null;

  constructor(body: JsonObject, number: number, context: () => NftContext) {
    const expressions = listOf(body['expr']);
    this.number = number;
    this.handle = numberOf(body['handle']);
    this.comment = textOf(body['comment']);
    this.statements = expressions?.every(isObject) === true ? expressions : (expressions ?? []).filter(isObject);
    this.counters = countersOf(this.statements);
    this.#context = context;
    if (expressions === null || this.statements.length !== expressions.length) this.problem = 'it has no list of statements';
  }

  get compiled(): readonly CompiledStatement[] {
    this.#compiled ??= this.statements.map((statement) => compileStatement(statement, this.#context()));
    return this.#compiled;
  }

  get text(): string {
    this.#text ??= ruleText(this.compiled, this.comment);
    return this.#text;
  }
}

const countersOf = (statements: readonly JsonObject[]): Counters | null => {
  for (const statement of statements) {
    const { counter } = statement;
    if (!isObject(counter)) continue;
    const packets = numberOf(counter['packets']);
    const bytes = numberOf(counter['bytes']);
    if (packets !== null && bytes !== null) return { packets, bytes };
  }
  return null;
};
