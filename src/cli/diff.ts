/** `vethscope diff FILE --iptables NEW [FILTER]`: which flows of a saved session other rules would decide otherwise. */
import { EXIT_CODES, usageError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { HostFacts } from '../host/facts.ts';
import { readFacts } from '../host/read-facts.ts';
import { diffEndJson, diffFlowJson } from '../report/diff-json.ts';
import { diffText } from '../report/diff-text.ts';
import { jsonLine } from '../report/json.ts';
import type { SessionDiff } from '../report/session-diff.ts';
import { diffSession } from '../session/replay/replay-diff.ts';
import type { SessionEvent } from '../session/state/capture-state.ts';
import type { CaptureView } from '../session/state/capture-view.ts';
import { WhatIf } from '../session/what-if.ts';
import type { CommandContext } from './context.ts';
import { fileExitCode } from './file-exit-code.ts';
import { withWorkspace } from './host-access.ts';
import { otherRulesOf, type RulesOptions } from './rules-files.ts';

export interface DiffCommandOptions extends RulesOptions {
  /** Another host's facts altogether. */
  readonly toHost?: string;
  readonly all?: boolean;
  readonly expectNoChange?: boolean;
}

export const runDiff = async (
  file: string,
  filterWords: readonly string[],
  options: DiffCommandOptions,
  context: CommandContext,
): Promise<number> => {
  if (file === '-') throw usageError('diff reads the file twice: standard input can be read once', { hint: 'save it as a file first' });
  const rules = await otherRulesOf(options, context);
  if (rules === null && options.toHost === undefined)
    throw usageError('diff needs rules to compare with', {
      hint: 'vethscope diff FILE --iptables NEW, where iptables-save has written NEW; or --to-host SNAPSHOT',
    });
  const { terminal, globals } = context;
  const interrupted = context.interruption();
  const filter = filterWords.join(' ').trim();
  const open = (whatIf: WhatIf, use: (open: () => Promise<CaptureView>) => Promise<SessionDiff>): Promise<SessionDiff> =>
    withWorkspace(context, 'file', (workspace) => use(() => workspace.openFile(file, { filter, keepPackets: false })), [], whatIf);
  const other = new WhatIf(rules, options.toHost === undefined ? null : await factsIn(options.toHost));
  const progress = { interrupted, event: ({ text }: SessionEvent) => terminal.remark(`vethscope: ${printable(text)}`) };
  const diff = await open(new WhatIf(null), (before) => open(other, (after) => diffSession({ before, after }, progress)));
  if (globals.json === true) {
    for (const changed of diff.changed) terminal.line(jsonLine(diffFlowJson(changed)));
    terminal.line(jsonLine(diffEndJson(diff)));
  } else {
    const offsetOf = (sec: number): number => -new Date(sec * 1000).getTimezoneOffset();
    const style = terminal.style(globals.color);
    terminal.lines(diffText(diff, { style, columns: terminal.columns, all: options.all === true, offsetOf }));
  }
  return options.expectNoChange === true && diff.changed.length > 0 ? EXIT_CODES.expectation : fileExitCode(diff.state);
};

const factsIn = async (path: string): Promise<HostFacts> => {
  const { readSnapshotFile } = await import('../session/snapshot-file.ts');
  return readFacts(await readSnapshotFile(path));
};
