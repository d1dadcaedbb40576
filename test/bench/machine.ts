/** What the figures were measured on. */
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly kernel: string;
}

export const thisMachine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  kernel: release(),
});

/** The load of the last minute. This program makes about 1 of it, so anything above says that others were at work. */
export const load = (): number => Math.round((loadavg()[0] ?? 0) * 10) / 10;

export const describeMachine = ({ cpu, cores, memoryGiB, node, kernel }: Machine): string =>
  `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, Linux ${kernel}`;
