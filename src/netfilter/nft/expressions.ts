/** Expressions of any kind, from their JSON: libnftables-json(5) "EXPRESSIONS". */
import { makeCondition } from '../matches/condition.ts';
import type { Skb } from '../skb.ts';
import { ctOperand } from './ct.ts';
import { constantOf, type Datatype, datatype, known, type Value } from './datatypes.ts';
import { extensionHeaderOperand } from './extension-headers.ts';
import { isObject, listOf, namedBody } from './json.ts';
import { metaOperand } from './meta.ts';
import { type Answered, askParts, BREAK, isUnknown, type NftContext, type NotUnderstood, type Operand, partsOf } from './operand.ts';
import { payloadOperand } from './payload.ts';
import { printConstant, printMap } from './print-constants.ts';
import { fibOperand, hashOperand, ipsecOperand, numgenOperand, osfOperand, rtOperand, socketOperand } from './route-expressions.ts';
import { SetIndex } from './set-index.ts';

export const isOperand = (found: Operand | NotUnderstood): found is Operand => !('problem' in found);

/** An expression that asks the packet or the host; constants are read with the datatype of what they are compared with. */
export const operandOf = (json: unknown, context: NftContext): Operand | NotUnderstood => {
  const named = namedBody(json);
  if (named === null) return { problem: `${JSON.stringify(json)} is no expression that is understood` };
  const { name, body } = named;
  switch (name) {
    case 'payload':
      return payloadOperand(body, context);
    case 'meta':
      return metaOperand(isObject(body) && typeof body['key'] === 'string' ? body['key'] : null, context);
    case 'ct':
      return ctOperand(body, context);
    case 'fib':
      return fibOperand(body);
    case 'rt':
      return rtOperand(body, context);
    case 'socket':
      return socketOperand(body);
    case 'osf':
      return osfOperand(body);
    case 'ipsec':
      return ipsecOperand(body);
    case 'numgen':
      return numgenOperand(body);
    case 'symhash':
      return hashOperand('symhash', body, null);
    case 'jhash': {
      const inner = operandOf(isObject(body) ? body['expr'] : null, context);
      return isOperand(inner) ? hashOperand('jhash', body, inner) : inner;
    }
    case 'exthdr':
    case 'tcp option':
    case 'ip option':
    case 'sctp chunk':
    case 'dccp option':
      return extensionHeaderOperand(name, body, context);
    case 'concat':
      return concatenation(listOf(body) ?? [], context);
    case '&':
    case '|':
    case '^':
    case '<<':
    case '>>':
      return bitwise(name, listOf(body) ?? [], context);
    case 'map':
      return mapOperand(body, context);
    default:
      return { problem: `the expression ${name} is not understood` };
  }
};

const concatenation = (items: readonly unknown[], context: NftContext): Operand | NotUnderstood => {
  const parts: Operand[] = [];
  for (const item of items) {
    const part = operandOf(item, context);
    if (!isOperand(part)) return part;
    parts.push(part);
  }
  const [first] = parts;
  if (first === undefined) return { problem: 'an empty concatenation' };
  return {
    type: first.type,
    text: parts.map((part) => part.text).join(' . '),
    needs: parts.flatMap((part) => part.needs),
    parts,
    ...(parts.some((part) => part.chance === true) ? { chance: true } : {}),
    ...(parts.some((part) => part.asksConntrack === true) ? { asksConntrack: true } : {}),
    // A concatenation is a key and never a value of its own.
    ask: (skb, env, hook) => {
      const values = askParts(parts, skb, env, hook);
      return values === BREAK || 'unknown' in values ? (values as Answered) : values.join('|');
    },
  };
};

const compute = (operator: string, left: Value, right: Value, bits: number): Value | null => {
  if (typeof left === 'string' || typeof right === 'string') {
    if (typeof left !== 'string' || typeof right !== 'string' || left.length !== 32 || right.length !== 32) return null;
    const result = apply(operator, BigInt(`0x${left}`), BigInt(`0x${right}`), 128);
    return result === null ? null : result.toString(16).padStart(32, '0');
  }
  const result = apply(operator, BigInt(left), BigInt(right), bits);
  return result === null ? null : Number(result);
};

const apply = (operator: string, left: bigint, right: bigint, bits: number): bigint | null => {
  switch (operator) {
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '<<':
      return (left << right) & ((1n << BigInt(bits)) - 1n);
    case '>>':
      return left >> right;
    default:
      return null;
  }
};

const bitwise = (operator: string, [leftJson, ...others]: readonly unknown[], context: NftContext): Operand | NotUnderstood => {
  let left = operandOf(leftJson, context);
  for (const json of others) {
    if (!isOperand(left)) return left;
    left = bitwiseStep(operator, left, json, context);
  }
  return left;
};

const bitwiseStep = (operator: string, left: Operand, json: unknown, context: NftContext): Operand | NotUnderstood => {
  const { type } = left;
  const isShift = operator === '<<' || operator === '>>';
  const other = isFlagList(json) || namedBody(json) === null || namedBody(json)?.name === '|' ? null : operandOf(json, context);
  const constant = other === null || !isOperand(other) ? constantOf(isShift ? known('integer') : type, json) : null;
  const right = other !== null && isOperand(other) ? other : null;
  if (constant === null && right === null) return { problem: `the operand ${JSON.stringify(json)} is not understood` };
  const rightText =
    right?.text ?? (isFlagList(json) ? `(${printConstant(type, json, ' | ')})` : printConstant(isShift ? known('integer') : type, json));
  return {
    type,
    text: `${left.text} ${operator} ${rightText}`,
    needs: [...left.needs, ...(right?.needs ?? [])],
    ...(left.chance === true || right?.chance === true ? { chance: true } : {}),
    ...(left.asksConntrack === true || right?.asksConntrack === true ? { asksConntrack: true } : {}),
    ask: (skb, env, hook) => {
      const x = left.ask(skb, env, hook);
      if (x === BREAK || isUnknown(x)) return x;
      const y = right === null ? (constant as Value) : right.ask(skb, env, hook);
      if (y === BREAK || isUnknown(y)) return y;
      const bits = typeof x === 'number' && x > 0xffff_ffff ? 48 : Math.max(type.bits, 8);
      return compute(operator, x, y, bits) ?? { unknown: `what ${left.text} ${operator} ${rightText} gives is not known` };
    },
  };
};

const isFlagList = (json: unknown): boolean => Array.isArray(json);

/** `tcp dport map { 80 : 0x1 }` as a value; its parts where the map's values are concatenations. */
export const mapOperand = (body: unknown, context: NftContext, wanted: Datatype | null = null): Operand | NotUnderstood => {
  const map = compileMap(body, context, wanted);
  if ('problem' in map) return map;
  const [dataType] = map.dataTypes;
  if (dataType === undefined) return { problem: 'a map without a datatype' };
  const part = (at: number): Operand => ({
    type: map.dataTypes[at] as Datatype,
    text: map.text,
    needs: map.key.needs,
    ...(map.key.chance === true ? { chance: true } : {}),
    ...(map.key.asksConntrack === true ? { asksConntrack: true } : {}),
    ask: (skb, env, hook) => {
      const found = map.find(skb, env, hook);
      if (found === BREAK || 'unknown' in found) return found;
      const concatenated = namedBody(found.data);
      const json = concatenated?.name === 'concat' ? (listOf(concatenated.body) ?? [])[at] : at === 0 ? found.data : undefined;
      return constantOf(map.dataTypes[at] as Datatype, json) ?? { unknown: `the value ${JSON.stringify(found.data)} is not understood` };
    },
  });
  const whole = part(0);
  return map.dataTypes.length === 1 ? whole : { ...whole, parts: map.dataTypes.map((_type, at) => part(at)) };
};

export interface CompiledMap {
  readonly key: Operand;
  readonly text: string;
  readonly dataTypes: readonly Datatype[];
  readonly index: () => SetIndex;
  /** The element of the packet's key; BREAK where there is none. */
  readonly find: (skb: Skb, env: Parameters<Operand['ask']>[1], hook: Parameters<Operand['ask']>[2]) => MapAnswer;
}

export type MapAnswer = { readonly data: unknown } | typeof BREAK | { readonly unknown: string };

/** The types of an inline map's values are those that its statement wants; the texts of addresses tell theirs. */
export const compileMap = (body: unknown, context: NftContext, wanted: Datatype | null = null): CompiledMap | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a map without a key' };
  const key = operandOf(body['key'], context);
  if (!isOperand(key)) return key;
  const keyTypes = partsOf(key).map((part) => part.type);
  const { data } = body;
  if (typeof data === 'string') {
    const named = context.sets.get(data.slice(1));
    if (named === undefined) return { problem: `there is no map ${data}` };
    return finish(key, `${key.text} map ${data}`, named.dataTypes, named.index);
  }
  const set = namedBody(data);
  const elements = set?.name === 'set' ? listOf(set.body) : null;
  if (elements === null) return { problem: `the map ${JSON.stringify(data)} is not understood` };
  const first = listOf(elements[0])?.[1];
  const dataTypes = wanted !== null ? [wanted] : dataTypesOf(first);
  let index: SetIndex | null = null;
  const text = `${key.text} map ${printMap(keyTypes, data, (value) => printData(dataTypes, value))}`;
  return finish(key, text, dataTypes, () => {
    index ??= new SetIndex(keyTypes, elements, true);
    return index;
  });
};

const printData = (types: readonly Datatype[], json: unknown): string => {
  const named = namedBody(json);
  const parts = named?.name === 'concat' ? listOf(named.body) : null;
  return parts === null
    ? printConstant(types[0] ?? null, json)
    : parts.map((part, at) => printConstant(types[at] ?? null, part)).join(' . ');
};

/** What an address looks like, and what is a number. */
const dataTypesOf = (json: unknown): readonly Datatype[] => {
  const named = namedBody(json);
  if (named?.name === 'concat') return (listOf(named.body) ?? []).flatMap((part) => dataTypesOf(part));
  const sample =
    named?.name === 'prefix' && isObject(named.body) ? named.body['addr'] : named?.name === 'range' ? listOf(named.body)?.[0] : json;
  for (const name of ['ipv4_addr', 'ipv6_addr', 'ether_addr']) {
    if (typeof sample === 'string' && known(name).read(sample) !== null) return [known(name)];
  }
  return [typeof sample === 'string' ? known('string') : known('integer')];
};

const finish = (key: Operand, text: string, dataTypes: readonly Datatype[], index: () => SetIndex): CompiledMap => ({
  key,
  text,
  dataTypes,
  index,
  find: (skb, env, hook) => {
    const values = askParts(partsOf(key), skb, env, hook);
    if (values === BREAK) return BREAK;
    if ('unknown' in values) return values;
    const found = index().find(values);
    if (found.kind === 'element') return { data: found.element.data };
    return found.kind === 'none' ? BREAK : { unknown: found.reason };
  },
});

/** The datatypes that a set was declared with: names, or expressions where it was made with `typeof`. */
export const declaredTypes = (declared: readonly unknown[], context: NftContext): readonly Datatype[] | null => {
  const types: Datatype[] = [];
  for (const entry of declared) {
    if (typeof entry === 'string') {
      const found = datatype(entry);
      if (found === null) return null;
      types.push(found);
      continue;
    }
    const operand = operandOf(entry, context);
    if (!isOperand(operand)) return null;
    types.push(...partsOf(operand).map((part) => part.type));
  }
  return types;
};

/** A rule that cannot be read: it may match or not. */
export const unreadable = (text: string, problem: string) => makeCondition(text, false, null, () => problem);
