/** --ctstate of -m conntrack and --state of -m state: the same question, which only the first also asks about NAT. xt_conntrack.c. */
import type { RuleOption } from '../ruleset.ts';
import { type Ask, badValue } from './condition.ts';

const STATES: readonly string[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'];

export const ctStateAsk = (option: RuleOption, withNat: boolean): Ask | string => {
  const names = (option.values[0] ?? '').split(',');
  if (names.some((name) => !STATES.includes(name) && !(withNat && (name === 'SNAT' || name === 'DNAT')))) return badValue(option);
  const wanted = new Set<string>(names);
  const snat = wanted.has('SNAT');
  const dnat = wanted.has('DNAT');
  return ({ ct }) => {
    if (wanted.has(ct.state)) return true;
    if (ct.state === 'INVALID' || ct.state === 'UNTRACKED') return false;
    return (snat && ct.snat) || (dnat && ct.dnat);
  };
};
