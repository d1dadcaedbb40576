/** `vethscope explain SRC DST PROTO[:PORT]`: what would happen to such a packet, without traffic. */
import { EXIT_CODES, VethscopeError } from '../base/errors.ts';
import { wholeOutcome } from '../path/proxied-leg.ts';
import type { VerdictOutcome } from '../path/verdict.ts';
import { jsonDocument } from '../report/json.ts';
import { verdictJson } from '../report/verdict-json.ts';
import type { ExplainAnswer, Workspace } from '../session/state/workspace.ts';
import type { CommandContext } from './context.ts';
import { dockerFailure, hostOf, remarkTrouble, withWorkspace } from './host-access.ts';
import { type RulesOptions, whatIfOf } from './rules-files.ts';

export interface ExplainCommandOptions {
  readonly whyNot: boolean;
  readonly expect: Exclude<VerdictOutcome, 'undetermined'> | null;
  /** Snapshots of other hosts, to which tunnels of this one lead. */
  readonly peers?: readonly string[];
  /** Other rules in the place of the host's. */
  readonly rules?: RulesOptions;
}

export const runExplain = async (
  src: string,
  dst: string,
  proto: string,
  options: ExplainCommandOptions,
  context: CommandContext,
): Promise<number> => {
  const whatIf = await whatIfOf(options.rules ?? {}, context);
  return withWorkspace(
    context,
    'facts',
    async (workspace) => {
      const answer = explained(workspace, src, dst, proto, options.whyNot);
      remarkTrouble(context, hostOf(workspace));
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
        terminal.lines(explainText(answer, terminal.style(globals.color), terminal.columns));
      }
      // Where docker-proxy takes the connection, the one that it makes to the container counts too.
      return options.expect !== null && options.expect !== wholeOutcome(answer.verdict) ? EXIT_CODES.expectation : 0;
    },
    options.peers,
    whatIf,
  );
};

/** A name that nobody knows is no mistake of the person's where containers could not be seen. */
const explained = (workspace: Workspace, src: string, dst: string, proto: string, whyNot: boolean): ExplainAnswer => {
  try {
    return workspace.explain(src, dst, proto, { whyNot });
  } catch (error) {
    const unseen = error instanceof VethscopeError && error.kind === 'usage' ? dockerFailure(hostOf(workspace)) : null;
    throw unseen ?? error;
  }
};
