/** `vethscope explain SRC DST PROTO[:PORT]`: what would happen to such a packet, without traffic. */
import { EXIT_CODES } from '../base/errors.ts';
import type { VerdictOutcome } from '../path/verdict.ts';
import { jsonDocument } from '../report/json.ts';
import { verdictJson } from '../report/verdict-json.ts';
import type { CommandContext } from './context.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';

export interface ExplainCommandOptions {
  readonly whyNot: boolean;
  readonly expect: Exclude<VerdictOutcome, 'undetermined'> | null;
}

export const runExplain = (
  src: string,
  dst: string,
  proto: string,
  options: ExplainCommandOptions,
  context: CommandContext,
): Promise<number> =>
  withWorkspace(context, 'facts', async (workspace) => {
    remarkTrouble(context, hostOf(workspace));
    const answer = workspace.explain(src, dst, proto, { whyNot: options.whyNot });
    const { terminal, globals } = context;
    if (globals.json === true) {
      terminal.line(
        jsonDocument({
          ...verdictJson(answer.verdict),
          question: answer.question,
          reply: answer.reply === null ? null : verdictJson(answer.reply),
          why: answer.why,
        }),
      );
    } else {
      const { explainText } = await import('../report/explain-text.ts');
      terminal.lines(explainText(answer, terminal.style(globals.color)));
    }
    return options.expect !== null && options.expect !== answer.verdict.outcome ? EXIT_CODES.expectation : 0;
  });
