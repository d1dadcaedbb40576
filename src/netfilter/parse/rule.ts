/**
 * One rule's words into matches and a target. Both forms of negation are read: `! -s x` (today's) and `-s ! x` (before iptables 1.4.3).
 * Options of matches that this program does not know are kept all the same. iptables(8); do_parse in iptables' xshared.c.
 */
import { protocolNumberOf } from '../protocols.ts';
import type { Counters, MatchSpec, RuleOption, TargetSpec } from '../ruleset.ts';
import { FIXED_WORDS, GENERIC_OPTIONS, OPTION_ALIASES, PROTOCOL_MATCH_NAMES, PROTOCOL_MATCHES, PROTOCOL_OPTIONS } from './syntax.ts';
import type { Token } from './tokens.ts';

export interface ParsedRule {
  readonly matches: readonly MatchSpec[];
  readonly target: TargetSpec | null;
  /** Counters written as `-c PACKETS BYTES`, as `iptables -S -v` does; `cut` is where they stand in the line. */
  readonly counters: Counters | null;
  readonly cut: { readonly start: number; readonly end: number } | null;
}

interface OpenMatch {
  readonly name: string;
  readonly options: RuleOption[];
}

interface OpenTarget extends OpenMatch {
  readonly goto: boolean;
}

/** Reads the words from `at` on, behind `-A CHAIN`. Answers what is wrong where they make no rule. */
export const parseRule = (tokens: readonly Token[], at: number): ParsedRule | string => {
  const generic: OpenMatch = { name: '', options: [] };
  const matches: OpenMatch[] = [];
  let target: OpenTarget | null = null;
  let current: OpenMatch = generic;
  let counters: Counters | null = null;
  let cut: ParsedRule['cut'] = null;
  while (at < tokens.length) {
    let negated = false;
    if (isBang(tokens[at])) {
      negated = true;
      at++;
    }
    const token = tokens[at];
    if (token === undefined) return 'a `!` with nothing behind it';
    if (!isOption(token)) return `\`${token.text}\` stands where an option is expected`;
    const name = token.text;
    at++;
    const word = tokens[at];
    switch (name) {
      case '-m':
      case '--match':
        if (negated) return 'a `!` before -m';
        if (word === undefined) return '-m without a name';
        current = { name: word.text, options: [] };
        matches.push(current);
        at++;
        continue;
      case '-j':
      case '--jump':
      case '-g':
      case '--goto':
        if (negated) return 'a `!` before the target';
        if (word === undefined) return `${name} without a name`;
        if (target !== null) return 'two targets in one rule';
        target = { name: word.text, goto: name === '-g' || name === '--goto', options: [] };
        current = target;
        at++;
        continue;
      case '-c':
      case '--set-counters': {
        const bytes = tokens[at + 1];
        if (word === undefined || bytes === undefined || !/^\d+$/.test(word.text) || !/^\d+$/.test(bytes.text))
          return '-c without two numbers';
        counters = { packets: Number(word.text), bytes: Number(bytes.text) };
        cut = { start: token.start, end: bytes.end };
        at += 2;
        continue;
      }
    }
    // -m policy has a --proto of its own.
    const short = name === '--proto' && current.name === 'policy' ? undefined : GENERIC_OPTIONS[name];
    const option = readOption(tokens, at, short ?? OPTION_ALIASES[name] ?? name, negated);
    if (typeof option === 'string') return option;
    at = option.next;
    if (short !== undefined) {
      const problem = genericProblem(option.option, generic.options);
      if (problem !== null) return problem;
      generic.options.push(option.option);
    } else {
      const owner = ownerOf(option.option.name, current, generic, matches);
      if (owner === null) return `\`${name}\` belongs to no match and no target`;
      owner.options.push(spellOut(option.option));
    }
  }
  return { matches: generic.options.length === 0 ? matches : [generic, ...matches], target, counters, cut };
};

const isBang = (token: Token | undefined): boolean => token !== undefined && token.text === '!' && !token.quoted;

/** `-5` is a value (a priority, a number below zero), every other bare word with a dash an option. */
const isOption = ({ text, quoted }: Token): boolean => {
  if (quoted || text.length < 2 || text.charCodeAt(0) !== DASH) return false;
  const second = text.charCodeAt(1);
  return second < DIGIT_0 || second > DIGIT_9;
};

const DASH = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

interface ReadOption {
  readonly option: RuleOption;
  readonly next: number;
}

const readOption = (tokens: readonly Token[], start: number, name: string, negatedBefore: boolean): ReadOption | string => {
  let at = start;
  let negated = negatedBefore;
  const next = tokens[at];
  const behind = tokens[at + 1];
  if (next !== undefined && isBang(next) && behind !== undefined && !isOption(behind)) {
    if (negated) return `${name} is negated twice`;
    negated = true;
    at++;
  }
  const fixed = FIXED_WORDS[name];
  const values: string[] = [];
  const quoted: number[] = [];
  for (; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    if (fixed !== undefined ? values.length === fixed : isOption(token) || isBang(token)) break;
    if (token.quoted) quoted.push(values.length);
    values.push(token.text);
  }
  if (fixed !== undefined && values.length < fixed) return `${name} needs ${fixed === 1 ? 'a word' : `${fixed} words`} behind it`;
  return { option: quoted.length === 0 ? { name, negated, values } : { name, negated, values, quoted }, next: at };
};

const genericProblem = (option: RuleOption, before: readonly RuleOption[]): string | null => {
  const wanted = option.name === '-f' ? 0 : 1;
  if (option.values.length !== wanted) return `${option.name} with ${option.values.length} values`;
  if (before.some((other) => other.name === option.name)) return `${option.name} twice in one rule`;
  return null;
};

/** Which match or target an option belongs to; an option of the protocol's match may stand without its `-m`. */
const ownerOf = (name: string, current: OpenMatch, generic: OpenMatch, matches: OpenMatch[]): OpenMatch | null => {
  const isProtocolMatch = PROTOCOL_MATCH_NAMES.includes(current.name);
  if (current !== generic && (isProtocolMatch || !PROTOCOL_OPTIONS.includes(name))) return current;
  const protocol = generic.options.find((option) => option.name === '-p' && !option.negated)?.values[0];
  const number = protocol === undefined ? null : protocolNumberOf(protocol);
  const match = number === null ? undefined : PROTOCOL_MATCHES[number];
  if (match === undefined) return current === generic ? null : current;
  const loaded = matches.findLast((other) => other.name === match);
  if (loaded !== undefined) return loaded;
  const implied: OpenMatch = { name: match, options: [] };
  matches.push(implied);
  return implied;
};

/** `--syn` is short for the flags that iptables-save prints. */
const spellOut = (option: RuleOption): RuleOption =>
  option.name === '--syn' ? { name: '--tcp-flags', negated: option.negated, values: ['FIN,SYN,RST,ACK', 'SYN'] } : option;
