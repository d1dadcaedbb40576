/**
 * `vethscope extcap ARGUMENTS`: vethscope as a capture program of Wireshark's, tshark's and dumpcap's. Called by the launcher that
 * `install-extcap` puts in place; extcap(4).
 */
import { EXIT_CODES, messageOf, usageError, VethscopeError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { CommandContext } from '../context.ts';
import { hostOf, withWorkspace } from '../host-access.ts';
import { onInterrupt } from '../interrupt.ts';
import type { Terminal } from '../terminal.ts';
import { readVersion } from '../version.ts';
import { type ExtcapArguments, parseExtcapArguments } from './arguments.ts';
import { captureInto } from './capture.ts';
import { extcapInterfaces } from './interfaces.ts';
import { againAsRoot, isPrivileged, noPrivilege } from './privilege.ts';
import { configSentences, linkTypeSentence, sentence } from './sentences.ts';

const HELP = 'https://www.wireshark.org/docs/man-pages/extcap.html';

/** `argv` behind the word `extcap`. */
export const runExtcap = async (argv: readonly string[], terminal: Terminal): Promise<number> => {
  const plan = parseExtcapArguments(argv);
  const context: CommandContext = {
    terminal,
    globals: { color: false, ...(plan.dockerHost === null ? {} : { dockerHost: plan.dockerHost }) },
    interruption: onInterrupt,
  };
  switch (plan.step) {
    case 'interfaces':
      return listInterfaces(argv, context);
    case 'dlts':
      terminal.line(linkTypeSentence());
      return 0;
    case 'config':
      terminal.lines(configSentences());
      return 0;
    case 'check-filter':
      return checkFilter(plan.filter, terminal);
    case 'capture':
      return capture(argv, plan, context);
  }
};

/** Wireshark asks when it starts: what cannot be listed is a remark, never a failure that it would tell each time. */
const listInterfaces = async (argv: readonly string[], context: CommandContext): Promise<number> => {
  const { terminal } = context;
  const lines = [sentence('extcap', { version: readVersion(), help: HELP, display: 'vethscope' })];
  try {
    const found = await withWorkspace(context, 'links', async (workspace) => {
      const { topology, facts } = hostOf(workspace);
      return { interfaces: extcapInterfaces(topology), dockerError: facts.dockerError };
    });
    // An ordinary user outside of the group docker sees no container; sudo may.
    if (found.dockerError !== null && !isPrivileged()) {
      const code = await againAsRoot(argv, onInterrupt);
      if (code === 0) return 0;
    }
    if (found.dockerError !== null) terminal.remark(`vethscope: ${printable(found.dockerError)}`);
    lines.push(...found.interfaces.map(({ value, display }) => sentence('interface', { value, display })));
  } catch (error) {
    terminal.remark(`vethscope: ${printable(messageOf(error))}`);
  }
  terminal.lines(lines);
  return 0;
};

/** Silence means that the filter is good; anything that is printed is shown as what is wrong with it. */
const checkFilter = async (filter: string, terminal: Terminal): Promise<number> => {
  const { compilePacketFilter } = await import('../../session/files/packet-filter.ts');
  try {
    await compilePacketFilter(filter);
  } catch (error) {
    // Without tcpdump nobody can say: the engine will.
    if (!(error instanceof VethscopeError)) throw error;
    if (error.kind !== 'missing') terminal.line(printable([error.message, error.detail].filter((part) => part !== null).join(': ')));
  }
  return 0;
};

const capture = async (argv: readonly string[], plan: ExtcapArguments, context: CommandContext): Promise<number> => {
  const { fifo } = plan;
  if (fifo === null) throw usageError('extcap: --capture needs --fifo');
  if (isPrivileged()) return captureInto(fifo, plan, context);
  if (plan.endsWithStdin) throw noPrivilege();
  const code = await againAsRoot(argv, context.interruption);
  if (code === null) throw noPrivilege();
  return code === 0 ? 0 : EXIT_CODES.failure;
};
