/** match statements: an expression compared with a constant, a range, a set. nft_cmp.c, nft_range.c, nft_lookup.c, nft_bitwise.c in net/netfilter. */
import { type Answer, type Condition, makeCondition, NEVER } from '../matches/condition.ts';
import { KNOWN_CT_STATUS } from './ct.ts';
import { constantOf, type Datatype, type Interval, intervalOf, type Value } from './datatypes.ts';
import { isOperand, operandOf } from './expressions.ts';
import { isObject, listOf, namedBody, textOf } from './json.ts';
import {
  type Answered,
  askParts,
  BREAK,
  isUnknown,
  type NamedSet,
  type NftContext,
  type NotUnderstood,
  type Operand,
  partsOf,
} from './operand.ts';
import { printConstant, printSet } from './print-constants.ts';
import { operandHas } from './print-values.ts';
import { SetIndex } from './set-index.ts';

export interface CompiledMatch {
  readonly text: string;
  readonly needs: readonly Condition[];
  readonly condition: Condition;
  readonly asksConntrack: boolean;
  /** What there is to say of the set that it looks into. */
  readonly note: string | null;
}

/** `value` answers what the kernel compares; a text is the reason why nobody can know. */
type Compare = (value: Value) => boolean | string;

const NUMBER_OPS: Readonly<Record<string, (x: Value, y: Value) => boolean>> = {
  '<': (x, y) => x < y,
  '>': (x, y) => x > y,
  '<=': (x, y) => x <= y,
  '>=': (x, y) => x >= y,
};

export const compileMatch = (body: unknown, context: NftContext): CompiledMatch | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a match without sides' };
  const { right } = body;
  const left = operandOf(typeof right === 'boolean' ? presenceOf(body['left']) : body['left'], context);
  if (!isOperand(left)) return left;
  const op = textOf(body['op']) ?? '==';
  const set = setOf(left, right, context);
  if (set !== null && 'problem' in set) return set;
  if (set !== null) return setMatch(left, op, set);
  const other = isExpression(right) ? operandOf(right, context) : null;
  if (other !== null) return isOperand(other) ? operandMatch(left, op, other) : other;
  const text = matchText(left, op, body['left'], right);
  const compare = comparison(left.type, op, right);
  if (typeof compare !== 'function') return compare;
  const negated = op === '!=' || op === '!';
  return finish(left, text, negated, matchText(left, op === '!=' ? '==' : op === '!' ? 'in' : op, body['left'], right), (answer) =>
    compare(answer),
  );
};

/** `fib … oif exists` (NFTA_FIB_F_PRESENT) is printed as the interface itself, compared with true. */
const presenceOf = (left: unknown): unknown => {
  const fib = namedBody(left);
  if (fib?.name !== 'fib' || !isObject(fib.body)) return left;
  const result = textOf(fib.body['result']);
  return result === 'oif' || result === 'oifname' ? { fib: { ...fib.body, result: 'present', printed: result } } : left;
};

/** Whether the right side is something that the packet is asked for, as in `ip saddr == ip daddr`. */
const isExpression = (json: unknown): boolean => {
  const name = namedBody(json)?.name;
  return name !== undefined && name !== 'range' && name !== 'prefix' && name !== '|' && name !== 'set';
};

const finish = (
  left: Operand,
  text: string,
  negated: boolean,
  question: string,
  compare: Compare,
  /** Whose value tells why it failed. */
  shown: Operand = left,
): CompiledMatch => ({
  text,
  needs: left.needs,
  asksConntrack: left.asksConntrack === true,
  note: null,
  condition: {
    ...makeCondition(text, negated, left.chance === true ? null : question, (skb, env, hook): Answer => {
      const answer = left.ask(skb, env, hook);
      if (answer === BREAK) return NEVER;
      return isUnknown(answer) ? answer.unknown : compare(answer);
    }),
    has: (skb, env, hook) => operandHas(shown, skb, env, hook),
  },
});

const operandMatch = (left: Operand, op: string, right: Operand): CompiledMatch => {
  const text = `${left.text} ${op} ${right.text}`;
  const order = NUMBER_OPS[op];
  const both: Operand = {
    ...left,
    needs: [...left.needs, ...right.needs],
    ask: (skb, env, hook): Answered => {
      const x = left.ask(skb, env, hook);
      if (x === BREAK || isUnknown(x)) return x;
      const y = right.ask(skb, env, hook);
      if (y === BREAK || isUnknown(y)) return y;
      return (order === undefined ? x === y : order(x, y)) ? 1 : 0;
    },
  };
  return finish(both, text, op === '!=', `${left.text} == ${right.text}`, (value) => value === 1, { ...left, parts: [left, right] });
};

const comparison = (type: Datatype, op: string, right: unknown): Compare | NotUnderstood => {
  if (op === 'in' || op === '!') return flagComparison(type, right);
  const order = NUMBER_OPS[op];
  if (order !== undefined) {
    const constant = constantOf(type, right);
    if (constant === null) return { problem: `the constant ${JSON.stringify(right)} is not understood` };
    return (value) => (typeof value === typeof constant ? order(value, constant) : `${type.name} cannot be ordered here`);
  }
  if (op !== '==' && op !== '!=') return { problem: `the operator ${op} is not understood` };
  if (type.name === 'ct_status') return () => "not all of the connection's status bits are known";
  const interval = intervalOf(type, right);
  if (interval === null) return { problem: `the constant ${JSON.stringify(right)} is not understood` };
  return within(interval);
};

const within = ({ from, to }: Interval): Compare => (from === to ? (value) => value === from : (value) => value >= from && value <= to);

/** Any of the bits. Other values of ct_status than these cannot be told. */
const flagComparison = (type: Datatype, right: unknown): Compare | NotUnderstood => {
  const bits = constantOf(type, right);
  if (typeof bits !== 'number') return { problem: `the flags ${JSON.stringify(right)} are not understood` };
  if (type.name === 'ct_label') return () => "the connection's labels are not known";
  const hidden = type.name === 'ct_status' ? bits & ~KNOWN_CT_STATUS : 0;
  return (value) => {
    if (typeof value !== 'number') return `${type.name} holds no flags`;
    if ((value & bits) !== 0) return true;
    return hidden === 0 ? false : "not all of the connection's status bits are known";
  };
};

interface SetSide {
  readonly text: string;
  readonly index: () => SetIndex;
  readonly named: NamedSet | null;
}

const setOf = (left: Operand, right: unknown, context: NftContext): SetSide | NotUnderstood | null => {
  const types = partsOf(left).map((part) => part.type);
  if (typeof right === 'string' && right.startsWith('@')) {
    const named = context.sets.get(right.slice(1));
    return named === undefined ? { problem: `there is no set ${right}` } : { text: right, index: named.index, named };
  }
  const body = namedBody(right);
  const elements = body?.name === 'set' ? listOf(body.body) : body?.name === 'concat' ? [right] : null;
  if (elements === null) return null;
  let index: SetIndex | null = null;
  const text = body?.name === 'concat' ? printSet(types, { set: elements }).slice(2, -2) : printSet(types, right);
  return {
    text,
    named: null,
    index: () => {
      index ??= new SetIndex(types, elements, false);
      return index;
    },
  };
};

const setMatch = (left: Operand, op: string, set: SetSide): CompiledMatch => {
  const parts = partsOf(left);
  const negated = op === '!=';
  const text = `${left.text} ${negated ? '!= ' : ''}${set.text}`;
  const { named } = set;
  return {
    text,
    needs: left.needs,
    asksConntrack: left.asksConntrack === true,
    note: named?.ageing ?? null,
    condition: {
      ...makeCondition(text, negated, left.chance === true ? null : `${left.text} ${set.text}`, (skb, env, hook): Answer => {
        const values = askParts(parts, skb, env, hook);
        if (values === BREAK) return NEVER;
        if ('unknown' in values) return values.unknown;
        const found = set.index().find(values);
        if (found.kind === 'unknown') return found.reason;
        const isIn = found.kind === 'element';
        if (named === null) return isIn;
        if (!isIn && named.added) return `rules add elements to @${named.name}: whether this one is there now is not known`;
        if (isIn && named.deleted) return `rules delete elements of @${named.name}: whether this one is still there is not known`;
        return isIn;
      }),
      has: (skb, env, hook) => operandHas(left, skb, env, hook),
    },
  };
};

const SPACED: Readonly<Record<string, string>> = { '==': '', in: '', '!': '! ' };

/** nft leaves `==` away, except behind an operation; `tcp flags syn / syn,ack` has a form of its own. */
const matchText = (left: Operand, op: string, leftJson: unknown, right: unknown): string => {
  const named = namedBody(leftJson);
  const operands = named?.name === '&' ? listOf(named.body) : null;
  if (left.type.name === 'tcp_flag' && operands !== null && (op === '==' || op === '!=')) {
    const [, mask] = operands;
    const field = left.text.slice(0, left.text.indexOf(' &'));
    return `${field} ${op === '!=' ? '!= ' : ''}${printConstant(left.type, right)} / ${printConstant(left.type, mask)}`;
  }
  const isOperation = named !== null && ['&', '|', '^', '<<', '>>'].includes(named.name);
  const sign = isOperation && op === '==' ? '== ' : (SPACED[op] ?? `${op} `);
  return `${left.text} ${sign}${printConstant(left.type, right)}`;
};
