/** The table of connections is full; new ones are dropped before any rule is asked (nf_conntrack_core.c). */
import { sysctl } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

export const conntrackFull: Cause = {
  id: 'conntrack-full',
  find: (subject) => {
    const count = Number(sysctl(subject, 'net.netfilter.nf_conntrack_count') ?? Number.NaN);
    const most = Number(sysctl(subject, 'net.netfilter.nf_conntrack_max') ?? sysctl(subject, 'net.nf_conntrack_max') ?? Number.NaN);
    if (!(count >= most * 0.99) || most === 0) return null;
    return {
      sentence: "The kernel's table of connections is full, so new ones die at random, before any rule is asked.",
      evidence: [`nf_conntrack_count = ${count}, nf_conntrack_max = ${most}`],
      fix: `sysctl -w net.netfilter.nf_conntrack_max=${most * 2}`,
      fixFor: 'To make room',
    };
  },
};
