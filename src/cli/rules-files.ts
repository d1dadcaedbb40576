/** `--iptables`, `--ip6tables` and `--nft`: the files with the rules that are to be taken for the host's. */
import { readFile } from 'node:fs/promises';
import { failure, messageOf, usageError } from '../base/errors.ts';
import type { IpPrefix } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import { type OtherRules, type RulesFile, readOtherRules } from '../host/other-rules.ts';
import { otherRulesWords, WhatIf } from '../session/what-if.ts';
import type { CommandContext } from './context.ts';

export interface RulesOptions {
  readonly iptables?: string;
  readonly ip6tables?: string;
  readonly nft?: string;
  /** What is known of a host of which there is no snapshot. */
  readonly in?: string;
  readonly out?: string;
  readonly local?: readonly IpPrefix[];
}

const WRITERS = { iptables: 'iptables-save > FILE', ip6tables: 'ip6tables-save > FILE', nft: 'nft -j list ruleset > FILE' } as const;

export const hasRules = ({ iptables, ip6tables, nft }: RulesOptions): boolean =>
  [iptables, ip6tables, nft].some((path) => path !== undefined);

/** Null where none is named. What stays unknown of them is said on standard error. */
export const otherRulesOf = async (options: RulesOptions, context: CommandContext): Promise<OtherRules | null> => {
  const { iptables, ip6tables, nft } = options;
  const rules = readOtherRules({
    ...(iptables === undefined ? {} : { iptables: await fileOf(iptables, 'iptables') }),
    ...(ip6tables === undefined ? {} : { ip6tables: await fileOf(ip6tables, 'ip6tables') }),
    ...(nft === undefined ? {} : { nft: await fileOf(nft, 'nft') }),
  });
  if (rules !== null) context.terminal.remark(`vethscope: ${printable(placeOf(rules))}`);
  for (const remark of rules?.remarks ?? []) context.terminal.remark(`vethscope: ${printable(remark)}`);
  return rules;
};

/** What is judged by is said: a verdict that might have been is easily taken for one that was. */
const placeOf = (rules: OtherRules): string => `what if: ${otherRulesWords(rules)}, in the place of the host's own`;

const fileOf = async (path: string, option: keyof typeof WRITERS): Promise<RulesFile> => {
  try {
    return { name: path, text: await readFile(path, 'utf8') };
  } catch (error) {
    throw failure(`cannot read the rules in ${path}`, {
      detail: messageOf(error),
      hint: `${WRITERS[option]} writes such a file`,
      cause: error,
    });
  }
};

/** Null where verdicts are to be the host's own. */
export const whatIfOf = async (options: RulesOptions, context: CommandContext): Promise<WhatIf | null> => {
  const rules = await otherRulesOf(options, context);
  const place = { in: options.in ?? null, out: options.out ?? null, local: options.local ?? null };
  const lone = (['in', 'out', 'local'] as const).find((name) => options[name] !== undefined);
  if (rules === null && lone !== undefined)
    throw usageError(`--${lone} belongs to --iptables, --ip6tables or --nft`, {
      hint: 'vethscope read FILE --iptables RULES --local 192.0.2.1',
    });
  return rules === null ? null : new WhatIf(rules, null, place);
};
