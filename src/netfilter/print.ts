/** Rules back into text, from their parsed form: the line that iptables-save prints for them. iptables-save(8). */
import { quote } from './parse/tokens.ts';
import type { Rule, RuleOption } from './ruleset.ts';

/** The order in which save_ipv4_addr and its neighbours print the generic part, whatever order it was written in. */
const GENERIC_ORDER: readonly string[] = ['-s', '-d', '-i', '-o', '-p', '-f'];

export const printRule = (rule: Rule, chain: string): string => {
  const words = [`-A ${printWord(chain, false)}`];
  for (const match of rule.matches) {
    if (match.name === '') {
      const ordered = [...match.options].sort((x, y) => GENERIC_ORDER.indexOf(x.name) - GENERIC_ORDER.indexOf(y.name));
      words.push(...ordered.map(printOption));
    } else words.push(`-m ${printWord(match.name, false)}`, ...match.options.map(printOption));
  }
  if (rule.target !== null) {
    words.push(`${rule.target.goto ? '-g' : '-j'} ${printWord(rule.target.name, false)}`, ...rule.target.options.map(printOption));
  }
  return words.join(' ');
};

/** `! --dport 80`, as the option stands in its rule. */
export const printOption = (option: RuleOption): string => {
  const values = option.values.map((value, index) => ` ${printValue(option, value, index)}`).join('');
  return `${option.negated ? '! ' : ''}${option.name}${values}`;
};

const printValue = (option: RuleOption, value: string, index: number): string => {
  const quoted = option.quoted?.includes(index) ?? false;
  // libxt_string has a printer of its own that leaves apostrophes alone.
  if (option.name === '--string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  return printWord(value, quoted);
};

/** In quotes where the source had them, or where the word could not be read back without. */
const printWord = (value: string, quoted: boolean): string => (quoted || value === '' || /[\s"\\]/.test(value) ? quote(value) : value);
