/** A bridge takes larger packets than the way out, and no rule tells TCP so (RFC 4821, iptables-extensions(8) TCPMSS). */
import type { Cause } from '../diagnosis.ts';
import { rulesetsOf, rulesIn } from '../rule-shape.ts';

export const mtuGap: Cause = {
  id: 'mtu-gap',
  find: ({ verdict, src, inDevice, outDevice, facts, family, protocol }) => {
    if (verdict.outcome !== 'accept' || protocol !== 'tcp' || inDevice === null || outDevice === null || src.container === null)
      return null;
    const mtuOf = (name: string): number | null => facts.self.links?.find((link) => link.name === name)?.mtu ?? null;
    const inner = mtuOf(inDevice);
    const outer = mtuOf(outDevice);
    if (inner === null || outer === null || outer === 0 || inner <= outer) return null;
    const clamped = rulesetsOf(facts, family).some((ruleset) => rulesIn(ruleset).some(({ rule }) => rule.target?.name === 'TCPMSS'));
    if (clamped) return null;
    return {
      weight: 'note',
      sentence: `${inDevice} takes packets of ${inner} bytes and ${outDevice} only ${outer}: connections begin and then hang with large data where the ICMP errors about it are lost (as in many VPNs).`,
      evidence: [`mtu ${inner} of ${inDevice}, mtu ${outer} of ${outDevice}; no rule sets TCPMSS`],
      fix: `${family === 6 ? 'ip6tables' : 'iptables'} -t mangle -A FORWARD -o ${outDevice} -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`,
      fixFor: 'To have TCP use smaller segments there (or set com.docker.network.driver.mtu)',
    };
  },
};
