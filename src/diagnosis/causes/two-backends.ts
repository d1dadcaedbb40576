/** Iptables-legacy and iptables-nft both hold rules; what one accepts the other may still drop. */
import type { Cause } from '../diagnosis.ts';
import { mentionsDevice, rulesetsOf, rulesIn } from '../rule-shape.ts';
import { deciderWords, rulingSentence } from '../words.ts';

export const twoBackends: Cause = {
  id: 'two-backends',
  find: (subject) => {
    const { obstacle, facts, family } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by === undefined || (by.backend !== 'nft' && by.backend !== 'legacy') || obstacle.verdict.outcome === 'accept')
      return null;
    const bridges = facts.networks.map((network) => network.claimedBridge).filter((name) => name !== null);
    const docker = (backend: string): boolean =>
      rulesetsOf(facts, family).some(
        (ruleset) =>
          ruleset.backend === backend &&
          rulesIn(ruleset, 'filter').some(({ rule }) => bridges.some((bridge) => mentionsDevice(rule, bridge))),
      );
    const other = by.backend === 'nft' ? 'legacy' : 'nft';
    if (docker(by.backend) || !docker(other)) return null;
    const command = `${family === 4 ? 'iptables' : 'ip6tables'}-${by.backend}`;
    return {
      sentence: `Two separate firewalls are active: Docker's rules are in iptables-${other}, but ${deciderWords(by)} decides, and one refusal is enough.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: by.kind === 'policy' ? `${command} -P ${by.chain} ACCEPT` : `${command} -D ${by.chain} ${by.rule}`,
      fixFor: `After a look at ${command} -S, to take it away there`,
    };
  },
};
