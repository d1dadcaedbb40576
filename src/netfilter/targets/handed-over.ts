/** Targets that leave the packet to something this program cannot see: a program behind a queue, a local socket. iptables-extensions(8). */
import { findOption, type TargetModule, unknownTarget } from './target.ts';

const queue: TargetModule = {
  name: 'NFQUEUE',
  compile: (spec) => {
    const number = findOption(spec, '--queue-num')?.values[0] ?? findOption(spec, '--queue-balance')?.values[0] ?? '0';
    return unknownTarget(`a program that listens on queue ${number} decides`, 'queue');
  },
};

export const HANDED_OVER_TARGETS: readonly TargetModule[] = [
  queue,
  { name: 'QUEUE', compile: () => unknownTarget('a program that listens on queue 0 decides', 'queue') },
  { name: 'TPROXY', compile: () => unknownTarget('TPROXY hands the packet to a local socket where one waits, and drops it otherwise') },
  { name: 'SYNPROXY', compile: () => unknownTarget('SYNPROXY answers the handshake itself and lets only finished ones through') },
  { name: 'CLUSTERIP', compile: () => unknownTarget('which node of the cluster answers is not known') },
];
