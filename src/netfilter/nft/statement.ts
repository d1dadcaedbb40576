/** Statements of a rule made ready to run, each with the text that nft prints for it. libnftables-json(5) "STATEMENTS", nft(8). */
import { type Condition, makeCondition } from '../matches/condition.ts';
import type { RuleRef } from '../ruleset.ts';
import { notTracked } from '../targets/ct.ts';
import { accept, drop, returnTarget } from '../targets/standard.ts';
import { type CompiledTarget, unknownTarget } from '../targets/target.ts';
import { isOperand, operandOf } from './expressions.ts';
import { isObject, type JsonObject, listOf, namedBody, numberOf, textOf, textsOf, unwrapElement } from './json.ts';
import { compileMangle } from './mangle.ts';
import { compileMatch } from './match.ts';
import { compileNat } from './nat.ts';
import { type NftContext, type Operand, partsOf } from './operand.ts';
import { networkNeed } from './payload.ts';
import { compactJson, printKey, printMap, printSeconds, quote } from './print-constants.ts';
import { rejectText, rejectWith } from './reject.ts';
import { SetIndex } from './set-index.ts';

export type CompiledStatement = { readonly text: string; readonly asksConntrack?: boolean; readonly note?: string | null } & (
  | { readonly kind: 'conditions'; readonly conditions: readonly Condition[] }
  /** It counts, or changes what no rule here asks for. */
  | { readonly kind: 'beside'; readonly needs: readonly Condition[] }
  | { readonly kind: 'target'; readonly needs: readonly Condition[]; readonly target: (ref: RuleRef) => CompiledTarget }
  | { readonly kind: 'call'; readonly chain: string; readonly goto: boolean }
  | { readonly kind: 'vmap'; readonly key: Operand; readonly index: () => SetIndex }
  | { readonly kind: 'unknown'; readonly problem: string }
);

const RATE_UNKNOWN = 'how much of the limit is used up is not known';
const QUOTA_UNKNOWN = 'how much of the quota is left is not known';
const COUNT_UNKNOWN = 'how many connections there are is not known';

export const compileStatement = (json: JsonObject, context: NftContext): CompiledStatement => {
  const named = namedBody(json);
  if (named === null) return notUnderstood(json, 'a statement of more than one name');
  const { name, body } = named;
  switch (name) {
    case 'match':
      return matchStatement(json, body, context);
    case 'accept':
      return always('accept', accept.compile);
    case 'drop':
      return always('drop', drop.compile);
    case 'return':
      return always('return', returnTarget.compile);
    case 'continue':
      return { text: 'continue', kind: 'beside', needs: [] };
    case 'jump':
    case 'goto': {
      const chain = (isObject(body) ? textOf(body['target']) : null) ?? '';
      return { text: `${name} ${chain}`, kind: 'call', chain, goto: name === 'goto' };
    }
    case 'vmap':
      return vmapStatement(json, body, context);
    case 'counter':
      return besideStatement(counterText(body, context));
    case 'quota':
      return chance(quotaText(body), QUOTA_UNKNOWN);
    case 'limit':
      return chance(limitText(body), RATE_UNKNOWN);
    case 'ct count':
      return chance(
        `ct count ${isObject(body) && body['inv'] === true ? 'over ' : ''}${isObject(body) ? String(body['val']) : ''}`,
        COUNT_UNKNOWN,
      );
    case 'log':
      return logStatement(body);
    case 'mangle': {
      const mangle = compileMangle(body, context);
      if ('problem' in mangle) return notUnderstood(json, mangle.problem);
      return { text: mangle.text, kind: 'target', needs: mangle.needs, target: () => mangle.target, asksConntrack: mangle.asksConntrack };
    }
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect': {
      const nat = compileNat(name, body, context);
      return 'problem' in nat ? notUnderstood(json, nat.problem) : { ...nat, kind: 'target' };
    }
    case 'reject':
      return rejectStatement(body, context);
    case 'notrack':
      return { text: 'notrack', kind: 'target', needs: [], target: () => notTracked };
    case 'queue':
      return queueStatement(body, context);
    case 'tproxy':
      return {
        text: tproxyText(body, context),
        kind: 'target',
        needs: [],
        target: () => unknownTarget('tproxy hands the packet to a local socket where one waits, and ends the rule otherwise'),
      };
    case 'synproxy':
      return {
        text: synproxyText(body),
        kind: 'target',
        needs: [],
        target: () => unknownTarget('synproxy answers the handshake itself and lets only finished ones through'),
      };
    case 'set':
    case 'map':
      return setStatement(json, name, body, context);
    case 'flow':
      return noted(
        `flow ${isObject(body) ? `${String(body['op'])} ${String(body['flowtable'])}` : ''}`,
        'later packets of the connection bypass the hooks',
      );
    case 'dup':
      return noted(dupText(body), 'a copy goes elsewhere');
    case 'fwd': {
      const dev = isObject(body) ? textOf(body['dev']) : null;
      return {
        text: `fwd to ${quote(dev ?? '')}`,
        kind: 'target',
        needs: [],
        target: () => unknownTarget(`the frame goes out by ${dev ?? 'another device'} at once, past all other rules`),
      };
    }
    case 'reset': {
      const operand = operandOf(body, context);
      return isOperand(operand)
        ? { text: `reset ${operand.text}`, kind: 'beside', needs: operand.needs }
        : notUnderstood(json, operand.problem);
    }
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
      return besideStatement(`${name} set ${typeof body === 'string' ? quote(body) : compactJson(body)}`);
    case 'secmark':
      return besideStatement(`meta secmark set ${typeof body === 'string' ? quote(body) : compactJson(body)}`);
    case 'last':
      return besideStatement('last');
    case 'xt':
      return notUnderstood(json, 'an extension of iptables, whose options nft does not show');
    default:
      return notUnderstood(json, `the statement ${name} is not understood`);
  }
};

const notUnderstood = (json: unknown, problem: string): CompiledStatement => ({ text: compactJson(json), kind: 'unknown', problem });

const always = (name: string, compile: typeof accept.compile): CompiledStatement => ({
  text: name,
  kind: 'target',
  needs: [],
  target: (ref) => compile({ name, goto: false, options: [] }, { family: 4, ref }),
});

const besideStatement = (text: string, needs: readonly Condition[] = []): CompiledStatement => ({ text, kind: 'beside', needs });

const chance = (text: string, reason: string): CompiledStatement => ({
  text,
  kind: 'conditions',
  conditions: [makeCondition(text, false, null, () => reason)],
});

const noted = (text: string, note: string): CompiledStatement => ({
  text,
  kind: 'target',
  needs: [],
  target: () => ({ inert: true, run: (skb) => ({ kind: 'continue', action: 'continue', skb, note }) }),
});

const matchStatement = (json: JsonObject, body: unknown, context: NftContext): CompiledStatement => {
  const match = compileMatch(body, context);
  if ('problem' in match) return notUnderstood(json, match.problem);
  const { text, needs, condition, asksConntrack, note } = match;
  return { text, kind: 'conditions', conditions: [...needs, condition], asksConntrack, note };
};

const vmapStatement = (json: JsonObject, body: unknown, context: NftContext): CompiledStatement => {
  if (!isObject(body)) return notUnderstood(json, 'a vmap without a key');
  const key = operandOf(body['key'], context);
  if (!isOperand(key)) return notUnderstood(json, key.problem);
  const types = partsOf(key).map((part) => part.type);
  const { data } = body;
  const asksConntrack = key.asksConntrack === true;
  if (typeof data === 'string') {
    const named = context.sets.get(data.slice(1));
    if (named === undefined) return notUnderstood(json, `there is no map ${data}`);
    return { text: `${key.text} vmap ${data}`, kind: 'vmap', key, index: named.index, asksConntrack, note: named.ageing };
  }
  const set = namedBody(data);
  const elements = set?.name === 'set' ? listOf(set.body) : null;
  if (elements === null) return notUnderstood(json, 'the map is not understood');
  let index: SetIndex | null = null;
  return {
    text: `${key.text} vmap ${printMap(types, data, verdictText)}`,
    kind: 'vmap',
    key,
    asksConntrack,
    index: () => {
      index ??= new SetIndex(types, elements, true);
      return index;
    },
  };
};

/** `jump web`, `accept`. */
export const verdictText = (json: unknown): string => {
  const named = namedBody(json);
  if (named === null) return compactJson(json);
  const target = isObject(named.body) ? textOf(named.body['target']) : null;
  return target === null ? named.name : `${named.name} ${target}`;
};

const counterText = (body: unknown, context: NftContext): string => {
  if (typeof body === 'string') return `counter name ${quote(body)}`;
  if (isObject(body) && 'map' in body) return `counter name ${objectMapText(body['map'], context)}`;
  return 'counter';
};

const objectMapText = (body: unknown, context: NftContext): string => {
  if (!isObject(body)) return compactJson(body);
  const key = operandOf(body['key'], context);
  if (!isOperand(key)) return compactJson(body);
  const data = printMap(
    partsOf(key).map((part) => part.type),
    body['data'],
    (value) => (typeof value === 'string' ? quote(value) : compactJson(value)),
  );
  return `${key.text} map ${data}`;
};

const quotaText = (body: unknown): string => {
  if (typeof body === 'string') return `quota name ${quote(body)}`;
  if (!isObject(body)) return 'quota';
  return `quota ${body['inv'] === true ? 'over ' : ''}${String(body['val'])} ${textOf(body['val_unit']) ?? 'bytes'}`;
};

const limitText = (body: unknown): string => {
  if (typeof body === 'string') return `limit name ${quote(body)}`;
  if (!isObject(body)) return 'limit';
  const unit = textOf(body['rate_unit']);
  const burst = numberOf(body['burst']) ?? 0;
  const burstUnit = textOf(body['burst_unit']);
  const rate = `limit rate ${body['inv'] === true ? 'over ' : ''}${String(body['rate'])}${unit === null || unit === 'packets' ? '' : ` ${unit}`}/${textOf(body['per']) ?? 'second'}`;
  const packets = unit === null || unit === 'packets';
  // 5 packets are what nft takes where nothing is said.
  if (burst === 0 || (packets && burst === 5)) return rate;
  return `${rate} burst ${burst} ${burstUnit ?? 'packets'}`;
};

const LOG_LEVEL_DEFAULT = 'warn';

const logStatement = (body: unknown): CompiledStatement => {
  const fields = isObject(body) ? body : {};
  const prefix = textOf(fields['prefix']);
  const parts = ['log'];
  if (prefix !== null) parts.push(`prefix ${quote(prefix)}`);
  for (const name of ['group', 'snaplen', 'queue-threshold']) {
    const value = numberOf(fields[name]);
    if (value !== null) parts.push(`${name} ${value}`);
  }
  const level = textOf(fields['level']);
  if (level !== null && level !== LOG_LEVEL_DEFAULT) parts.push(`level ${level}`);
  const flags = logFlags(textsOf(fields['flags']));
  return {
    text: [...parts, ...flags].join(' '),
    kind: 'target',
    needs: [],
    target: () => ({
      inert: true,
      run: (skb) => (prefix === null ? { kind: 'continue', action: 'log', skb } : { kind: 'continue', action: 'log', skb, note: prefix }),
    }),
  };
};

const logFlags = (flags: readonly string[]): readonly string[] => {
  if (flags.includes('all')) return ['flags all'];
  const tcp = flags.filter((flag) => flag.startsWith('tcp ')).map((flag) => flag.slice(4));
  const others = flags.filter((flag) => !flag.startsWith('tcp '));
  return [...(tcp.length === 0 ? [] : [`flags tcp ${tcp.join(',')}`]), ...others.map((flag) => `flags ${flag}`)];
};

const rejectStatement = (body: unknown, context: NftContext): CompiledStatement => {
  const text = rejectText(body, context);
  const type = isObject(body) ? body['type'] : undefined;
  return {
    text,
    kind: 'target',
    // The words of one family ask for it (stmt_evaluate_reject), and nft lists that condition no more than here.
    needs: type === 'icmp' ? networkNeed(context, 4) : type === 'icmpv6' ? networkNeed(context, 6) : [],
    target: () => ({
      inert: false,
      run: (skb) => ({ kind: 'verdict', verdict: 'reject', action: 'reject', rejectWith: rejectWith(body, skb) }),
    }),
  };
};

const queueStatement = (body: unknown, context: NftContext): CompiledStatement => {
  const fields = isObject(body) ? body : {};
  const { num } = fields;
  const flags = textsOf(fields['flags']);
  const range = namedBody(num);
  const operand = range === null || range.name === 'range' ? null : operandOf(num, context);
  const target =
    range?.name === 'range'
      ? (listOf(range.body) ?? []).join('-')
      : operand !== null && isOperand(operand)
        ? operand.text
        : String(num ?? 0);
  const text = `queue${flags.length === 0 ? '' : ` flags ${flags.join(',')}`} to ${target}`;
  return { text, kind: 'target', needs: [], target: () => unknownTarget(`a program that listens on queue ${target} decides`, 'queue') };
};

const tproxyText = (body: unknown, context: NftContext): string => {
  const fields = isObject(body) ? body : {};
  const family = textOf(fields['family']);
  const address = textOf(fields['addr']);
  const host = address === null ? '' : address.includes(':') ? `[${address}]` : address;
  const port = fields['port'] === undefined ? '' : `:${String(fields['port'])}`;
  return `tproxy${family === null || context.family !== 'inet' ? '' : ` ${family}`} to ${host}${port}`;
};

const synproxyText = (body: unknown): string => {
  if (typeof body === 'string') return `synproxy name ${quote(body)}`;
  const fields = isObject(body) ? body : {};
  const parts = ['synproxy'];
  for (const name of ['mss', 'wscale']) if (typeof fields[name] === 'number') parts.push(`${name} ${fields[name]}`);
  return [...parts, ...textsOf(fields['flags'])].join(' ');
};

const dupText = (body: unknown): string => {
  const fields = isObject(body) ? body : {};
  const address = textOf(fields['addr']) ?? '';
  const dev = textOf(fields['dev']);
  // In netdev tables the target is a device, elsewhere an address.
  const target = /^[0-9a-f]*[.:]/i.test(address) ? address : quote(address);
  return `dup to ${target}${dev === null ? '' : ` device ${quote(dev)}`}`;
};

/** `add @set { ip saddr timeout 1m }`: nft_dynset_eval. What limits the element decides, everything else only writes. */
const setStatement = (json: JsonObject, name: 'set' | 'map', body: unknown, context: NftContext): CompiledStatement => {
  if (!isObject(body)) return notUnderstood(json, 'a set statement without a set');
  const { value, details } = unwrapElement(body['elem']);
  const key = operandOf(value, context);
  if (!isOperand(key)) return notUnderstood(json, key.problem);
  const timeout = details === null ? null : numberOf(details['timeout']);
  const inner = (listOf(body['stmt']) ?? []).filter(isObject).map((statement) => compileStatement(statement, context));
  const data = name === 'map' ? ` : ${dataText(body['data'], context)}` : '';
  const set = textOf(body['set'] ?? body['map']) ?? '';
  const parts = [
    printedKey(key),
    ...(timeout === null ? [] : [`timeout ${printSeconds(timeout)}`]),
    ...inner.map((statement) => statement.text),
  ];
  const text = `${textOf(body['op']) ?? 'add'} ${set} { ${parts.join(' ')}${data} }`;
  const deciding = inner.find((statement) => statement.kind !== 'beside');
  if (deciding === undefined) return { text, kind: 'beside', needs: key.needs };
  const condition = makeCondition(text, false, null, () => `it depends on what @${set.slice(1)} counts for this element`);
  return { text, kind: 'conditions', conditions: [...key.needs, condition] };
};

const printedKey = (key: Operand): string => key.text;

const dataText = (json: unknown, context: NftContext): string => {
  const operand = namedBody(json) === null ? null : operandOf(json, context);
  return operand !== null && isOperand(operand)
    ? operand.text
    : typeof json === 'string' || typeof json === 'number'
      ? String(json)
      : printKey([], json);
};
