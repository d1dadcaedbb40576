/** INPUT would have refused it, but a published port is translated and goes by FORWARD: the port is open. */
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { chainNamed, coversDestinationPort, coversSource, rulesetsOf, stops } from '../rule-shape.ts';

export const firewallBypassed: Cause = {
  id: 'firewall-bypassed',
  find: (subject) => {
    const { verdict, dnat, dst, target, inDevice, facts, src } = subject;
    if (
      verdict.outcome !== 'accept' ||
      dnat === null ||
      target.container === null ||
      inDevice === null ||
      networkOn(subject, inDevice) !== null
    )
      return null;
    for (const ruleset of rulesetsOf(facts, subject.family)) {
      const input = chainNamed(ruleset, 'filter', 'INPUT');
      if (input === null) continue;
      const ufw = ruleset.tables.some((table) => table.chains.some((chain) => chain.name.startsWith('ufw-')));
      const blocks = input.rules.find(
        (rule) =>
          stops(rule) &&
          coversSource(rule, src.ip) &&
          (dst.port === null || coversDestinationPort(rule, dst.port) !== false) &&
          rule.matches.length > 0,
      );
      if (blocks === undefined && !(input.policy === 'DROP')) continue;
      return {
        weight: 'note',
        sentence: `${ufw ? 'ufw says "deny"' : 'INPUT would refuse this'}, but a published port never gets there: it is translated and forwarded, and Docker's rules let it through. The port is open.`,
        evidence: [blocks === undefined ? 'policy of INPUT: DROP' : `never asked: ${blocks.text}`],
        fix: `docker run -p 127.0.0.1:${dst.port ?? 'PORT'}:${target.port ?? 'PORT'} …`,
        fixFor: 'To keep it to this machine (or write the rule into DOCKER-USER)',
      };
    }
    return null;
  },
};
