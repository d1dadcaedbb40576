/** `--iptables`, `--ip6tables` and `--nft`: the files with the rules that are to be taken for the host's. */
import { readFile } from 'node:fs/promises';
import { failure, messageOf } from '../base/errors.ts';
import { type OtherRules, type RulesFile, readOtherRules } from '../host/other-rules.ts';
import { WhatIf } from '../session/what-if.ts';
import type { CommandContext } from './context.ts';

export interface RulesOptions {
  readonly iptables?: string;
  readonly ip6tables?: string;
  readonly nft?: string;
}

const WRITERS = { iptables: 'iptables-save > FILE', ip6tables: 'ip6tables-save > FILE', nft: 'nft -j list ruleset > FILE' } as const;

/** Null where none is named. What stays unknown of them is said on standard error. */
export const otherRulesOf = async (options: RulesOptions, context: CommandContext): Promise<OtherRules | null> => {
  const { iptables, ip6tables, nft } = options;
  const rules = readOtherRules({
    ...(iptables === undefined ? {} : { iptables: await fileOf(iptables, 'iptables') }),
    ...(ip6tables === undefined ? {} : { ip6tables: await fileOf(ip6tables, 'ip6tables') }),
    ...(nft === undefined ? {} : { nft: await fileOf(nft, 'nft') }),
  });
  for (const remark of rules?.remarks ?? []) context.terminal.remark(`vethscope: ${remark}`);
  return rules;
};

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
  return rules === null ? null : new WhatIf(rules);
};
