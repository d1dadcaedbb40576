/** `vethscope read FILE --rules`: for each rule how many of the capture's packets it matches, beside what the kernel counted. */
import { printable } from '../base/printable.ts';
import { endJson } from '../report/end-json.ts';
import { jsonLine } from '../report/json.ts';
import { ruleTable, ruleUseJson } from '../report/rule-table.ts';
import { isUsed } from '../report/rule-use.ts';
import { summaryLines } from '../report/summary-lines.ts';
import type { CaptureView } from '../session/state/capture-view.ts';
import type { Workspace } from '../session/state/workspace.ts';
import type { CommandContext } from './context.ts';
import { fileExitCode } from './file-exit-code.ts';

export const printRules = async (view: CaptureView, workspace: Workspace, unused: boolean, context: CommandContext): Promise<number> => {
  const { terminal, globals } = context;
  let flows = 0;
  const counter = workspace.countRules(view);
  view.observe({
    flowEnded: () => {
      flows++;
    },
    event: ({ text }) => terminal.remark(`vethscope: ${printable(text)}`),
  });
  await Promise.race([view.finished, context.interruption()]);
  await view.stop();
  await view.finished;
  const uses = counter.uses();
  const state = view.getState();
  if (globals.json === true) {
    for (const use of uses.rules) if (unused || isUsed(use)) terminal.line(jsonLine(ruleUseJson(use)));
    terminal.line(jsonLine({ ...endJson(state, flows), followed: uses.packets, unplaced: uses.unplaced }));
  } else {
    terminal.lines(ruleTable(uses, terminal.style(globals.color), unused));
    for (const line of summaryLines(state, flows)) terminal.remark(line);
  }
  return fileExitCode(state);
};
