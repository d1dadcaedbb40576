/** The kernel's own counters as the witness: which rules have counted between two looks. */
import type { LabHost } from './lab.ts';

/** Rule line with its table before it -> packets, from both backends and, for IPv4, all tables. */
export type RuleCounts = ReadonlyMap<string, number>;

export const readCounters = async (host: LabHost): Promise<RuleCounts> => {
  const counts = new Map<string, number>();
  let table = '';
  for (const line of (await host.sh('iptables-save -c')).split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const rule = /^\[(\d+):\d+\] (-A .*)$/.exec(line);
    if (rule !== null) counts.set(`${table} ${rule[2]}`, Number(rule[1]));
    const policy = /^:(\S+) (ACCEPT|DROP) \[(\d+):\d+\]$/.exec(line);
    if (policy !== null) counts.set(`${table} policy ${policy[1]}`, Number(policy[3]));
  }
  return counts;
};

/** Those that moved, with by how much. */
export const moved = (before: RuleCounts, after: RuleCounts): ReadonlyMap<string, number> =>
  new Map([...after].map(([rule, count]) => [rule, count - (before.get(rule) ?? 0)] as const).filter(([, difference]) => difference > 0));
