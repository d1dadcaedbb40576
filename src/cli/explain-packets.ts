/**
 * `vethscope explain --packets FILE|-`: exact packets, one JSON a line in, one JSON a line out, in the same order. A line that is no
 * packet gets an object with `error` and its line number in its place, the others are answered all the same, and the exit code is 1.
 */
import { createReadStream } from 'node:fs';
import { EXIT_CODES, failure, messageOf, VethscopeError } from '../base/errors.ts';
import { judge } from '../path/judge.ts';
import { compileHost, type HostModel } from '../path/model.ts';
import { parsePacketSpec } from '../path/packet-spec.ts';
import { wholeOutcome } from '../path/proxied-leg.ts';
import { jsonLine } from '../report/json.ts';
import { verdictJson } from '../report/verdict-json.ts';
import type { CommandContext } from './context.ts';
import type { ExplainCommandOptions } from './explain.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';
import { whatIfOf } from './rules-files.ts';

export const runExplainPackets = async (file: string, options: ExplainCommandOptions, context: CommandContext): Promise<number> =>
  withWorkspace(
    context,
    'facts',
    async (workspace) => {
      const host = hostOf(workspace);
      remarkTrouble(context, host);
      const model = compileHost(host.facts);
      const { terminal } = context;
      let lineNumber = 0;
      let badLines = 0;
      let unexpected = 0;
      for await (const line of linesOf(file)) {
        lineNumber++;
        if (terminal.closed) break;
        if (line.trim() === '') continue;
        const answer = answerLine(line, model, options.whyNot);
        if (answer.kind === 'bad') {
          badLines++;
          terminal.line(jsonLine({ error: `line ${lineNumber}: ${answer.message}`, line: lineNumber }));
        } else {
          if (options.expect !== null && answer.outcome !== options.expect) unexpected++;
          terminal.line(answer.json);
        }
      }
      if (badLines > 0) return EXIT_CODES.failure;
      return unexpected > 0 ? EXIT_CODES.expectation : 0;
    },
    [],
    await whatIfOf(options.rules ?? {}, context),
  );

type Answer =
  | { readonly kind: 'verdict'; readonly outcome: string; readonly json: string }
  | { readonly kind: 'bad'; readonly message: string };

const answerLine = (line: string, model: HostModel, whyNot: boolean): Answer => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { kind: 'bad', message: `not JSON: ${messageOf(error)}` };
  }
  try {
    const verdict = judge(model, parsePacketSpec(value), { explain: whyNot });
    return { kind: 'verdict', outcome: wholeOutcome(verdict), json: jsonLine(verdictJson(verdict)) };
  } catch (error) {
    if (!(error instanceof VethscopeError)) throw error;
    return { kind: 'bad', message: error.detail === null ? error.message : `${error.message}: ${error.detail}` };
  }
};

/** Lines as they arrive, so that a program can ask and read the answer before it asks on. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  stream.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of stream) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw failure(`reading packets from ${file} failed`, { detail: messageOf(error), cause: error });
  }
  if (rest !== '') yield rest;
}
