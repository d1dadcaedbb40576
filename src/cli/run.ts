/** From the words on the command line to an exit code. Errors that are meant for people are printed here and nowhere else. */
import { EXIT_CODES, messageOf, VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { splitAtDashes } from './command-line.ts';
import { onInterrupt } from './interrupt.ts';
import { type OutputStream, Terminal } from './terminal.ts';
import { readVersion } from './version.ts';

export interface ProcessIo {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

/** `argv` without node and script. */
export const run = async (argv: readonly string[], io: ProcessIo): Promise<number> => {
  const terminal = new Terminal(io);
  let code: number;
  try {
    code = await runCommand(argv, io, terminal);
  } catch (error) {
    code = report(error, terminal);
  }
  terminal.flush();
  if (terminal.failure !== null) {
    terminal.remark(`vethscope: writing to standard output failed: ${messageOf(terminal.failure)}`);
    return EXIT_CODES.failure;
  }
  return code;
};

/** extcap(4): a program in Wireshark's folder is called with these options; the launcher puts `extcap` before them. */
const isExtcap = (argv: readonly string[]): boolean =>
  argv[0] === 'extcap' || argv.some((word, at) => word.startsWith('--extcap-') && !argv.slice(0, at).includes('--'));

const runCommand = async (argv: readonly string[], io: ProcessIo, terminal: Terminal): Promise<number> => {
  // Scripts ask for the version often; they need not load the parser for it.
  if (argv.length === 1 && argv[0] === '--version') {
    terminal.line(readVersion());
    return 0;
  }
  // Wireshark asks so for each interface when it starts; its options are not of the kind that people type.
  if (isExtcap(argv)) {
    const { runExtcap } = await import('./extcap/extcap.ts');
    return runExtcap(argv[0] === 'extcap' ? argv.slice(1) : argv, terminal);
  }
  const { createProgram } = await import('./program.ts');
  const { words, afterDashes } = splitAtDashes(argv);
  let code = 0;
  const program = createProgram({
    writeOut: (text) => terminal.line(text.replace(/\n$/, '')),
    writeErr: (text) => terminal.remark(text.replace(/\n$/, '')),
    isInteractive: io.stdin.isTTY === true && io.stdout.isTTY === true,
    context: (globals) => ({ terminal, globals, interruption: onInterrupt }),
    afterDashes,
    done: (exitCode) => {
      code = exitCode;
    },
  });
  await program.parseAsync([...words], { from: 'user' });
  return code;
};

/** The one printing place: what was being done, what the system said, what to try. */
const report = (error: unknown, terminal: Terminal): number => {
  if (error instanceof VethscopeError) {
    terminal.remark(`vethscope: ${printable(error.message)}`);
    if (error.detail !== null) terminal.remark(`  ${printable(error.detail)}`);
    if (error.hint !== null) terminal.remark(`  try: ${printable(error.hint)}`);
    return EXIT_CODES[error.kind];
  }
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  terminal.remark(`vethscope: this is a defect of vethscope: ${printable(messageOf(error))}`);
  if (error instanceof Error && error.stack !== undefined)
    for (const line of error.stack.split('\n').slice(1)) terminal.remark(printable(line));
  return EXIT_CODES.failure;
};

/** Commander has printed its message already. Told by shape, so that the class need not be loaded. */
const isCommanderError = (error: unknown): error is { readonly exitCode: number } =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('commander.') && 'exitCode' in error;
