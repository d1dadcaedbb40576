/**
 * `nft -j list ruleset`, native tables only: libnftables-json(5). Tables that iptables-nft manages show here too, with their
 * extensions opaque (`{"xt": …}`); they are read from iptables-nft-save and left out here, by name and family.
 */
import type { NativeNftTable } from './facts.ts';
import { asArray, asNumber, asObject, asString, type JsonObject, type Parsed } from './json-value.ts';

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

type BaseChainSeen = Omit<NativeNftTable['baseChains'][number], 'rules'>;

/** `managed` holds `family name` of the tables that iptables-nft-save printed. */
export const readNftables = (text: string, command: string, managed: ReadonlySet<string>): Parsed<readonly NativeNftTable[] | null> => {
  let document: JsonObject | null;
  try {
    document = text.trim() === '' ? { nftables: [] } : asObject(JSON.parse(text));
  } catch (error) {
    return { value: null, problems: [`${command}: not JSON (${error instanceof Error ? error.message : String(error)})`] };
  }
  const list = asArray(document?.['nftables']);
  if (list === null) return { value: null, problems: [`${command}: there is no "nftables" array`] };
  const tables = new Map<string, { family: string; name: string; chains: BaseChainSeen[] }>();
  const rules = new Map<string, number>();
  for (const entry of list) {
    const object = asObject(entry);
    if (object === null) continue;
    const table = asObject(object['table']);
    if (table !== null) addTable(tables, table);
    const chain = asObject(object['chain']);
    if (chain !== null) addChain(tables, chain);
    const rule = asObject(object['rule']);
    if (rule !== null) {
      const key = `${String(rule['family'])} ${String(rule['table'])} ${String(rule['chain'])}`;
      rules.set(key, (rules.get(key) ?? 0) + 1);
    }
  }
  const native: NativeNftTable[] = [];
  for (const [key, table] of tables) {
    if (managed.has(key)) continue;
    native.push({
      family: table.family,
      name: table.name,
      baseChains: table.chains.map((chain) => ({ ...chain, rules: rules.get(`${key} ${chain.name}`) ?? 0 })),
    });
  }
  return { value: native, problems: [] };
};

type Tables = Map<string, { family: string; name: string; chains: BaseChainSeen[] }>;

const addTable = (tables: Tables, table: JsonObject): void => {
  const family = asString(table['family']);
  const name = asString(table['name']);
  if (family === null || name === null || tables.has(`${family} ${name}`)) return;
  tables.set(`${family} ${name}`, { family, name, chains: [] });
};

const addChain = (tables: Tables, chain: JsonObject): void => {
  const family = asString(chain['family']) ?? '';
  const table = asString(chain['table']) ?? '';
  const name = asString(chain['name']);
  const hook = asString(chain['hook']);
  if (name === null || hook === null) return;
  addTable(tables, { family, name: table });
  const prio = chain['prio'];
  tables.get(`${family} ${table}`)?.chains.push({
    name,
    hook,
    priority: asNumber(prio) ?? PRIORITIES[String(prio)] ?? 0,
    policy: asString(chain['policy']) ?? 'accept',
    type: asString(chain['type']) ?? 'filter',
  });
};
