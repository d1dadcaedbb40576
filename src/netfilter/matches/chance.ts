/**
 * Matches whose answer rests on what the kernel counted before, on the clock or on dice: limit, statistic, recent, hashlimit,
 * connlimit, quota, time and others. They answer unknown, each with its reason. iptables-extensions(8) and the xt_*.c named below.
 */
import { printOption } from '../print.ts';
import { type MatchModule, makeCondition, optionMatch } from './condition.ts';

/** One condition for the whole match: its options describe one single question. */
const undecidable = (name: string, reason: string, stateful: boolean): MatchModule => ({
  name,
  compile: (spec) => {
    const text = [`-m ${name}`, ...spec.options.map(printOption)].join(' ');
    return [makeCondition(text, false, stateful ? null : text, () => reason)];
  },
});

const rolled = 'it is a matter of chance';

/** xt_statistic.c: a probability of 1 or 0 leaves nothing to chance. */
const statistic: MatchModule = {
  name: 'statistic',
  compile: (spec) => {
    const option = (name: string) => spec.options.find((candidate) => candidate.name === name);
    const text = ['-m statistic', ...spec.options.map(printOption)].join(' ');
    const probability = option('--probability');
    const chance = Number(probability?.values[0]);
    const negated = probability?.negated ?? option('--every')?.negated ?? false;
    return [
      makeCondition(text, negated, null, () => {
        if (probability !== undefined && (chance === 1 || chance === 0)) return chance === 1;
        return probability === undefined ? 'it depends on how many packets came before' : rolled;
      }),
    ];
  },
};

/** xt_recent.c: --set always holds (it only writes); the others ask the list in /proc/net/xt_recent. */
const recent: MatchModule = {
  name: 'recent',
  compile: (spec) => {
    const text = ['-m recent', ...spec.options.map(printOption)].join(' ');
    const set = spec.options.find((option) => option.name === '--set');
    if (set !== undefined) return [makeCondition(text, set.negated, text, () => true)];
    const name = spec.options.find((option) => option.name === '--name')?.values[0] ?? 'DEFAULT';
    return [makeCondition(text, false, null, () => `who is in the list ${name} of recent addresses is not known`)];
  },
};

/** Rate limits: enough packets within a short time go over any of them. */
const spent = 'how much of the limit is used up is not known';

export const CHANCE_MATCHES: readonly MatchModule[] = [
  statistic,
  recent,
  undecidable('limit', spent, true),
  undecidable('hashlimit', spent, true),
  undecidable('connlimit', 'how many connections the address has is not known', false),
  undecidable('connbytes', 'how much the connection has carried is not known', false),
  undecidable('connlabel', "the connection's labels are not known", false),
  undecidable('quota', 'how much of the quota is left is not known', true),
  undecidable('rateest', 'the estimated rate is not known', true),
  undecidable('time', 'it depends on the time of day', false),
  undecidable('helper', "the connection's helper is not known", false),
  undecidable('realm', "the route's realm is not known", false),
  undecidable('cgroup', "the sender's control group is not known", false),
  undecidable('socket', 'whether a socket waits for the packet is not known', false),
  undecidable('ipvs', 'whether IPVS handles the connection is not known', false),
  undecidable('devgroup', "the device's group is not known", false),
  undecidable('cpu', 'which processor handles the packet is not known', true),
  undecidable('cluster', 'which node of the cluster is meant is not known', false),
  undecidable('string', "the packet's content is not searched", false),
  undecidable('osf', "the sender's operating system is not known", false),
  undecidable('nfacct', 'whether the accounting object is over its quota is not known', true),
];

/** -m esp and -m ah: the security parameters index is not decoded. xt_esp.c, ipt_ah.c. */
export const esp = optionMatch('esp', { '--espspi': () => () => 'the SPI of the packet is not known' });
export const ah = optionMatch('ah', { '--ahspi': () => () => 'the SPI of the packet is not known' });
