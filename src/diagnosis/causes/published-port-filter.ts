/** A filter rule for the published port, which never matches behind the translation to the container's port. */
import type { Case } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { coversDestinationPort, coversSource, option, ruleAt, rulesetsOf, rulesIn, stops } from '../rule-shape.ts';
import { countedWords } from '../words.ts';

export const publishedPortFilter: Cause = {
  id: 'published-port-filter',
  find: (subject) => {
    const { dnat, dst, target, protocol, verdict, inDevice } = subject;
    const asked = dst.port;
    if (dnat === null || asked === null || target.port === null || asked === target.port || verdict.outcome !== 'accept') return null;
    const reached = new Set(verdict.steps.filter((step) => step.hook === 'forward').map((step) => step.chain));
    for (const ruleset of rulesetsOf(subject.facts, subject.family)) {
      for (const { chain, rule } of rulesIn(ruleset, 'filter')) {
        const forward = chain.name === 'FORWARD' || reached.has(chain.name) || jumpedTo(subject, chain.name);
        if (!forward || !stops(rule) || coversDestinationPort(rule, asked) !== true || coversDestinationPort(rule, target.port) === true)
          continue;
        if ((option(rule, '-p')?.values[0] ?? protocol) !== protocol || !coversSource(rule, subject.src.ip)) continue;
        const device = option(rule, '-i');
        if (device !== null && !device.negated && device.values[0] !== inDevice) continue;
        const better = rule.text
          .replace(/-m (tcp|udp) --dport \S+/, `-m conntrack --ctorigdstport ${asked} --ctdir ORIGINAL`)
          .replace(/^-A (\S+)/, `-I $1`);
        return {
          weight: 'note',
          sentence: `Rule ${rule.number} of ${chain.name} is for port ${asked}, yet it never meets this packet: behind the translation it carries port ${target.port}.`,
          evidence: [`${rule.text}${countedWords(rule.counters)}`],
          fix: `${ruleset.family === 'ip6' ? 'ip6tables' : 'iptables'} ${better}`,
          fixFor: 'To match the port as it was asked for',
        };
      }
    }
    return null;
  },
};

const jumpedTo = ({ verdict, facts }: Case, chain: string): boolean =>
  verdict.steps.some((step) => ruleAt(facts, step)?.target?.name === chain);
