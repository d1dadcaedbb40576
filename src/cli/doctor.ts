/** `vethscope doctor`: what is missing for full function here, with the command that mends it. Exit 3 where something is missing. */
import { readFile } from 'node:fs/promises';
import { EXIT_CODES } from '../base/errors.ts';
import { doctorJson, doctorText } from '../report/doctor.ts';
import { jsonDocument } from '../report/json.ts';
import type { CommandContext } from './context.ts';
import { doctorChecks } from './doctor-checks.ts';
import { findPackageManager } from './packages.ts';

export const runDoctor = async (context: CommandContext): Promise<number> => {
  const { terminal, globals } = context;
  const { startAgent } = await import('../agent/client.ts');
  const agent = await startAgent({ dockerHost: globals.dockerHost ?? null });
  try {
    const capabilities = await agent.probe();
    const kernel = {
      ipForward: await setting('/proc/sys/net/ipv4/ip_forward'),
      bridgeNfCallIptables: await setting('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    };
    const checks = doctorChecks(capabilities, kernel, findPackageManager());
    if (globals.json === true) {
      terminal.line(jsonDocument({ ...doctorJson(checks), dockerAnswers: capabilities.docker.error === null, capabilities }));
    } else terminal.lines(doctorText(checks, terminal.style(globals.color)));
    return checks.some((check) => check.status === 'missing') ? EXIT_CODES.missing : 0;
  } finally {
    await agent.close();
  }
};

/** A sysctl of this namespace; null where the kernel has none of that name. */
const setting = async (path: string): Promise<string | null> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return null;
  }
};
