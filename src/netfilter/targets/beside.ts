/** Targets that act beside the packet or on what no rule asks for: copies, counters, classes, checksums. iptables-extensions(8). */
import { skbWith } from '../skb.ts';
import { findOption, inertTarget, type TargetModule } from './target.ts';

/** Sets filled by SET change only for later packets. xt_set.c */
const toSet: TargetModule = {
  ...inertTarget('SET', 'continue'),
  compile: (spec, context) => {
    const mapped = findOption(spec, '--map-set');
    if (mapped === undefined) return inertTarget('SET', 'continue').compile(spec, context);
    const reason = `the set ${mapped.values[0] ?? ''} may have changed the mark`;
    const touchesMark = spec.options.some((option) => option.name === '--map-mark');
    return {
      inert: !touchesMark,
      run: (skb) => ({ kind: 'continue', action: 'continue', skb: touchesMark ? skbWith(skb, { markUnknown: reason }) : skb }),
    };
  },
};

export const BESIDE_TARGETS: readonly TargetModule[] = [
  toSet,
  inertTarget('TEE', 'continue', (spec) => {
    const gateway = findOption(spec, '--gateway')?.values[0];
    return gateway === undefined ? undefined : `a copy goes to ${gateway}`;
  }),
  inertTarget('CLASSIFY', 'continue'),
  inertTarget('CHECKSUM', 'continue'),
  inertTarget('TCPMSS', 'continue'),
  inertTarget('TCPOPTSTRIP', 'continue'),
  inertTarget('RATEEST', 'continue'),
  inertTarget('IDLETIMER', 'continue'),
  inertTarget('LED', 'continue'),
  inertTarget('SECMARK', 'continue'),
  inertTarget('CONNSECMARK', 'continue'),
];
