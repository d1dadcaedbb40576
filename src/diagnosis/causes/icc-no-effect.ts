/** Icc=false is set, but frames inside the bridge are not shown to iptables (br_netfilter). */
import { sysctl } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { given, rulesetsOf, rulesIn, stops } from '../rule-shape.ts';

export const iccNoEffect: Cause = {
  id: 'icc-no-effect',
  find: (subject) => {
    const { verdict, src, target, family } = subject;
    const bridge = src.bridge;
    if (verdict.outcome !== 'accept' || bridge === null || bridge !== target.bridge || subject.facts.self.sysctls === null) return null;
    const dropRule = rulesetsOf(subject.facts, family)
      .flatMap((ruleset) => rulesIn(ruleset, 'filter'))
      .find(({ rule }) => stops(rule) && given(rule, '-i') === bridge && given(rule, '-o') === bridge);
    const name = `net.bridge.bridge-nf-call-${family === 4 ? 'iptables' : 'ip6tables'}`;
    const value = sysctl(subject, name);
    if (dropRule === undefined || value === '1') return null;
    return {
      weight: 'note',
      sentence: `Network ${src.network?.name ?? bridge} has icc=false, yet ${src.name} and ${target.name} talk: the kernel does not show frames inside a bridge to the firewall here.`,
      evidence: [value === null ? `${name} is absent: br_netfilter is not loaded` : `${name} = ${value}`, dropRule.rule.text],
      fix: `modprobe br_netfilter && sysctl -w ${name}=1`,
      fixFor: 'To give icc=false its effect',
    };
  },
};
