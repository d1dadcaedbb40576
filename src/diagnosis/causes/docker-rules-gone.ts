/** The packet fell to a policy because the rules that Docker writes for its bridge are not there. */
import type { Case } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { isDockersTable, tableMentions } from '../native-rule.ts';
import { mentionsDevice, rulesetsOf, rulesIn } from '../rule-shape.ts';
import { deciderWords } from '../words.ts';

export const dockerRulesGone: Cause = {
  id: 'docker-rules-gone',
  find: (subject) => {
    const { obstacle, facts } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.kind !== 'policy' || by.table !== 'filter' || obstacle.verdict.outcome === 'accept') return null;
    const bridges = facts.networks.filter((network) => network.driver === 'bridge' && network.claimedBridge !== null);
    const concerned = bridges.filter(({ claimedBridge }) => claimedBridge === subject.inDevice || claimedBridge === subject.outDevice);
    const [network] = concerned;
    if (network === undefined || concerned.some(({ claimedBridge }) => hasRules(subject, claimedBridge ?? ''))) return null;
    const none = bridges.every(({ claimedBridge }) => !hasRules(subject, claimedBridge ?? ''));
    const flushed = none && (facts.self.nftables ?? []).length > 0;
    const sentence = flushed
      ? 'None of the rules that Docker writes are there: something flushed them, as a start of the nftables service with "flush ruleset" does; what is left lets nothing through.'
      : none
        ? `None of the rules that Docker writes are there (flushed, or dockerd runs with iptables=false), and ${deciderWords(by)} drops what no rule takes.`
        : `The rules that Docker had written for network ${network.name} are gone, and ${deciderWords(by)} drops what no rule takes.`;
    return {
      sentence,
      evidence: [`no rule names ${network.claimedBridge}; ${by.text}`],
      fix: 'systemctl restart docker',
      fixFor: 'To have Docker write its rules anew',
    };
  },
};

const hasRules = (subject: Case, bridge: string): boolean =>
  rulesetsOf(subject.facts, subject.family).some((ruleset) =>
    rulesIn(ruleset, 'filter').some(({ rule }) => mentionsDevice(rule, bridge)),
  ) ||
  (subject.facts.self.nftables ?? []).some(
    (table) => isDockersTable({ backend: 'nftables', table: table.name }) && tableMentions(table, bridge),
  );
