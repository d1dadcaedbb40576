/** `vethscope explain --matrix`: who can reach whom, with the deciding rule in each cell. */
import { EXIT_CODES, usageError, VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { type MatrixQuestion, matrixOf } from '../path/matrix.ts';
import { compileHost } from '../path/model.ts';
import { wholeOutcome } from '../path/proxied-leg.ts';
import { jsonDocument } from '../report/json.ts';
import { matrixJson } from '../report/matrix-json.ts';
import type { CommandContext } from './context.ts';
import type { ExplainCommandOptions } from './explain.ts';
import { dockerFailure, hostOf, remarkTrouble, withWorkspace } from './host-access.ts';
import { whatIfOf } from './rules-files.ts';

export const runExplainMatrix = async (
  question: MatrixQuestion,
  options: Pick<ExplainCommandOptions, 'expect' | 'rules'>,
  context: CommandContext,
): Promise<number> =>
  withWorkspace(
    context,
    'facts',
    async (workspace) => {
      const host = hostOf(workspace);
      // Everybody is asked about, and nobody but the host and outside could be seen.
      const unseen = host.facts.containers.length === 0 && (question.from === null || question.to === null) ? dockerFailure(host) : null;
      if (unseen?.kind === 'missing') throw unseen;
      const { terminal, globals } = context;
      const model = compileHost(host.facts);
      const matrix = (() => {
        try {
          return matrixOf(model, host.topology, question);
        } catch (error) {
          throw (error instanceof VethscopeError && error.kind === 'usage' ? dockerFailure(host) : null) ?? error;
        }
      })();
      remarkTrouble(context, host);
      if (globals.json === true) {
        terminal.line(jsonDocument(matrixJson(matrix)));
      } else {
        const { matrixText } = await import('../report/matrix-text.ts');
        terminal.lines(matrixText(matrix, terminal.style(globals.color), terminal.columns));
      }
      const { expect } = options;
      return expect !== null && matrix.cells.some((cell) => wholeOutcome(cell.verdict) !== expect) ? EXIT_CODES.expectation : 0;
    },
    [],
    await whatIfOf(options.rules ?? {}, context),
  );

/** `web1,web2`: the names of a list, none of them empty. */
export const namesOf = (text: string, option: string): readonly string[] => {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === ''))
    throw usageError(`${option} "${printable(text)}" has an empty name`, { hint: `${option} web1,web2` });
  return [...new Set(names)];
};
