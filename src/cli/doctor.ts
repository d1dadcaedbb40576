/** `vethscope doctor`: what is missing for full function here, with the command that mends it. Exit 3 where something is missing. */
import { EXIT_CODES } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { doctorJson, doctorText } from '../report/doctor.ts';
import { jsonDocument } from '../report/json.ts';
import type { CommandContext } from './context.ts';
import { doctorChecks } from './doctor-checks.ts';
import { checkOneHost } from './host-access.ts';
import { findPackageManager } from './packages.ts';

export const runDoctor = async (context: CommandContext): Promise<number> => {
  const { terminal, globals } = context;
  checkOneHost(globals);
  const { startAgent } = await import('../agent/client.ts');
  const agent = await startAgent({ dockerHost: globals.dockerHost ?? null, on: globals.on ?? null });
  try {
    const capabilities = await agent.probe();
    if (agent.remote !== null) terminal.remark(printable(`vethscope: ${agent.remote}`));
    // Which package manager another machine has is not known.
    const checks = doctorChecks(capabilities, agent.remote === null ? findPackageManager() : null);
    if (globals.json === true) {
      terminal.line(jsonDocument({ ...doctorJson(checks), dockerAnswers: capabilities.docker.error === null, capabilities }));
    } else terminal.lines(doctorText(checks, terminal.style(globals.color)));
    return checks.some((check) => check.status === 'missing') ? EXIT_CODES.missing : 0;
  } finally {
    await agent.close();
  }
};
