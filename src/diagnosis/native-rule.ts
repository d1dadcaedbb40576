/**
 * A rule of native nftables in the shape of an iptables rule, so that causes ask one kind of question: what it tests, also what the maps
 * that led to its chain have tested, and what it does. Tests without a counterpart are kept under their nft name. libnftables-json(5).
 */
import type { HostFacts } from '../host/facts.ts';
import { isObject, type JsonObject } from '../netfilter/nft/json.ts';
import type { NftRule, NftTable } from '../netfilter/nft/ruleset.ts';
import type { Rule, RuleOption } from '../netfilter/ruleset.ts';
import type { DecidedBy, Verdict, VerdictStep } from '../path/verdict.ts';

interface Place {
  readonly backend?: DecidedBy['backend'];
  readonly family?: DecidedBy['family'];
  readonly table?: string | null;
  readonly chain?: string | null;
  readonly rule?: number | null;
}

export const nativeTableOf = (facts: HostFacts, { backend, family, table }: Place): NftTable | null =>
  backend !== 'nftables'
    ? null
    : (facts.self.nftables?.find((candidate) => candidate.name === table && candidate.family === (family ?? 'inet')) ?? null);

const nativeRuleAt = (facts: HostFacts, place: Place): NftRule | null =>
  nativeTableOf(facts, place)
    ?.chains.find(({ name }) => name === place.chain)
    ?.rules.find(({ number }) => number === place.rule) ?? null;

/** `devices`: by which the packet came in and would leave, which is what a map of devices was asked for. */
export const nativeRule = (
  facts: HostFacts,
  verdict: Verdict,
  devices: { readonly in: string | null; readonly out: string | null },
): Rule | null => {
  const by = verdict.decidedBy;
  const rule = nativeRuleAt(facts, by);
  if (rule === null) return null;
  const options = [...mapped(facts, verdict, devices), ...rule.statements.flatMap(optionsOf)];
  const target = rule.statements.map(targetOf).find((name) => name !== null) ?? null;
  return {
    number: rule.number,
    text: rule.text,
    counters: rule.counters,
    matches: [{ name: '', options }],
    target: target === null ? null : { name: target, goto: false, options: [] },
  };
};

/** What the maps on the way to the chain were asked: `oifname vmap @jumps`. */
const mapped = (
  facts: HostFacts,
  { steps, decidedBy }: Verdict,
  devices: { readonly in: string | null; readonly out: string | null },
): RuleOption[] => {
  const isJump = (step: VerdictStep): boolean =>
    step.table === decidedBy.table && step.family === decidedBy.family && (step.action === 'jump' || step.action === 'goto');
  const last = steps.findLast(isJump);
  const statements = last === undefined ? [] : (nativeRuleAt(facts, last)?.statements ?? []);
  return statements.flatMap((statement): RuleOption[] => {
    const map = statement['vmap'];
    const key = isObject(map) ? metaKey(map['key']) : null;
    const name = key === null ? undefined : DEVICE_OPTIONS.get(key);
    const device = name === '-i' ? devices.in : devices.out;
    return name === undefined || device === null ? [] : [{ name, negated: false, values: [device] }];
  });
};

const DEVICE_OPTIONS = new Map([
  ['iifname', '-i'],
  ['iif', '-i'],
  ['oifname', '-o'],
  ['oif', '-o'],
]);

const metaKey = (expression: unknown): string | null => {
  const meta = isObject(expression) ? expression['meta'] : null;
  return isObject(meta) && typeof meta['key'] === 'string' ? meta['key'] : null;
};

const optionsOf = (statement: JsonObject): RuleOption[] => {
  const match = statement['match'];
  if (!isObject(match)) return [];
  return [{ name: optionName(match['left']), negated: match['op'] === '!=', values: valuesOf(match['right']) }];
};

const optionName = (left: unknown): string => {
  const key = metaKey(left);
  if (key !== null) return DEVICE_OPTIONS.get(key) ?? `meta ${key}`;
  if (!isObject(left)) return 'expression';
  const payload = left['payload'];
  if (isObject(payload)) return PAYLOAD_OPTIONS.get(String(payload['field'])) ?? `payload ${String(payload['field'])}`;
  const ct = left['ct'];
  if (isObject(ct)) return ct['key'] === 'state' ? '--ctstate' : `ct ${String(ct['key'])}`;
  return Object.keys(left)[0] ?? 'expression';
};

const PAYLOAD_OPTIONS = new Map([
  ['saddr', '-s'],
  ['daddr', '-d'],
  ['sport', '--sport'],
  ['dport', '--dport'],
]);

const valuesOf = (right: unknown): string[] => {
  if (typeof right === 'string' || typeof right === 'number') return [String(right).replace(/^(invalid|new|established|related)$/, upper)];
  if (Array.isArray(right)) return [right.flatMap(valuesOf).join(',')];
  if (!isObject(right)) return [];
  const prefix = right['prefix'];
  if (isObject(prefix)) return [`${String(prefix['addr'])}/${String(prefix['len'])}`];
  return Array.isArray(right['set']) ? right['set'].flatMap(valuesOf) : [];
};

const upper = (word: string): string => word.toUpperCase();

const targetOf = (statement: JsonObject): string | null =>
  'drop' in statement ? 'DROP' : 'reject' in statement ? 'REJECT' : 'accept' in statement ? 'ACCEPT' : null;

/** Does the table speak of the device, in a rule or in one of its sets and maps? */
export const tableMentions = (table: NftTable, device: string): boolean =>
  table.chains.some(({ rules }) => rules.some(({ statements }) => holds(statements, device))) ||
  [...table.sets.values()].some(({ elements }) => holds(elements, device));

const holds = (value: unknown, text: string): boolean => {
  if (typeof value === 'string') return value === text;
  if (Array.isArray(value)) return value.some((each) => holds(each, text));
  return isObject(value) && Object.values(value).some((each) => holds(each, text));
};

/** The table that dockerd writes with --firewall-backend=nftables: a table of nftables belongs to whoever made it. */
const DOCKER_BRIDGES = 'docker-bridges';

export const isDockersTable = (by: Pick<DecidedBy, 'backend' | 'table'>): boolean =>
  by.backend === 'nftables' && by.table === DOCKER_BRIDGES;
