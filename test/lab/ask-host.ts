/** What lab tests ask of one host of theirs: the program about a question, and the host whether a command really succeeds there. */
import type { Verdict } from '../../src/path/verdict.ts';
import type { LabHost } from './lab.ts';
import { run } from './program.ts';

export interface Explained extends Verdict {
  readonly reply: Verdict | null;
  readonly why: readonly string[];
}

/** Runs a shell command in a container, on the `host` or `outside`. */
export const at = (host: LabHost, where: string, command: string): Promise<string> =>
  where === 'host' ? host.sh(command) : where === 'outside' ? host.outside(command) : host.container(where, command);

export const explainOn = async (host: LabHost, ...question: readonly string[]): Promise<Explained> => {
  const { code, stdout, stderr } = await run(['explain', ...question, '--json'], host.wrap);
  if (code !== 0) throw new Error(`explain ${question.join(' ')}: exit ${code}: ${stderr}`);
  return JSON.parse(stdout) as Explained;
};

/** The command finds in $WAIT for how long it may try. */
export const succeedsAt = (host: LabHost, where: string, waitSec: number, command: string): Promise<boolean> =>
  at(host, where, `WAIT=${waitSec}; ${command}`).then(
    () => true,
    () => false,
  );

export const bridgeOf = async (host: LabHost, network: string): Promise<string> =>
  `br-${(await host.sh(`docker network inspect -f '{{.Id}}' ${network}`)).trim().slice(0, 12)}`;
