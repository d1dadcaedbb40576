/** Connection tracking does not find the answer's connection: a rule exempts it, or puts it in another zone than the request. */
import type { Cause } from '../diagnosis.ts';

export const answerUnrecognised: Cause = {
  id: 'answer-unrecognised',
  find: ({ obstacle, target, src, dnat, spec }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || (by?.reason !== 'answer-untracked' && by?.reason !== 'answer-unrecognised')) return null;
    const why =
      by.reason === 'answer-untracked'
        ? 'a rule exempts it from connection tracking (notrack)'
        : 'conntrack does not find its connection (rules with CT --zone that take only one of the two directions do that)';
    const lost =
      dnat === null
        ? `it never gets back to ${src.name}`
        : `${src.name} hears ${by.about?.address ?? target.name} instead of ${dnat.from ?? spec.dst} and refuses it`;
    return {
      sentence: `The answer of ${target.name} is not translated back, because ${why}: ${lost}.`,
      evidence: [by.text],
      fix: `iptables-save -t raw; nft list ruleset | grep -e notrack -e 'ct zone'`,
      fixFor: 'To see the rules that do so',
    };
  },
};
