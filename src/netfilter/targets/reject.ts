/** REJECT: drops the packet and answers its sender. ipt_REJECT.c, ip6t_REJECT.c; iptables-extensions(8). */
import { findOption, type TargetModule } from './target.ts';

export const reject: TargetModule = {
  name: 'REJECT',
  compile: (spec, { family }) => {
    const rejectWith = findOption(spec, '--reject-with')?.values[0] ?? (family === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable');
    return { inert: false, run: () => ({ kind: 'verdict', verdict: 'reject', action: 'reject', rejectWith }) };
  },
};
