import { conformance, env, skb } from '../support.ts';

const back = (answer: boolean | null) => env({ reversePath: () => answer });
const onlyLoose = env({ reversePath: (_skb, { loose }) => loose });

conformance('ipt_rpfilter.c; iptables-extensions(8), rpfilter', [
  ['-m rpfilter', skb(), true, back(true)],
  ['-m rpfilter', skb(), false, back(false)],
  ['-m rpfilter --invert', skb(), true, back(false)],
  ['-m rpfilter --loose', skb(), true, onlyLoose],
  ['-m rpfilter --validmark', skb(), false, onlyLoose],
  ['-m rpfilter', skb({ inDev: 'lo' }), true, back(false)],
  ['-m rpfilter --invert', skb({ inDev: 'lo' }), false, back(false)],
  ['-m rpfilter', skb(), 'unknown', back(null)],
]);

const ipsec = (answer: boolean | null) => env({ ipsec: () => answer });

conformance('policy_mt in xt_policy.c; iptables-extensions(8), policy', [
  ['-m policy --dir in --pol none', skb(), true],
  ['-m policy --dir in --pol ipsec', skb(), false],
  ['-m policy --dir in --pol none', skb(), false, ipsec(true)],
  ['-m policy --dir in --pol ipsec', skb(), true, ipsec(true)],
  ['-m policy --dir in --pol ipsec --strict --reqid 5', skb(), 'unknown', ipsec(true)],
  ['-m policy --dir out --pol none', skb(), 'unknown', ipsec(null)],
]);
