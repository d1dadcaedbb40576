/** `vethscope read FILE [FILTER]`: what `capture` shows, on a saved pcap or pcapng. */

import { EXIT_CODES, usageError } from '../base/errors.ts';
import { grouped } from '../base/grouped.ts';
import { printable } from '../base/printable.ts';
import { jsonLine } from '../report/json.ts';
import { bytesText, countText } from '../report/time.ts';
import { compileDisplayFilter } from '../session/flows/display-filter.ts';
import type { RewriteResult } from '../session/state/workspace.ts';
import { isAnonymised } from './anonymise-option.ts';
import type { CommandContext } from './context.ts';
import { keepMemoryFlat } from './flat-memory.ts';
import { follow } from './follow.ts';
import { withWorkspace } from './host-access.ts';
import { type RulesOptions, whatIfOf } from './rules-files.ts';
import { checkFileName } from './save-options.ts';
import type { TransformArguments } from './transform-option.ts';

export interface ReadCommandOptions extends RulesOptions, TransformArguments {
  /** File to write instead of showing what is in it. */
  readonly write?: string;
  readonly count?: number;
  readonly packets?: boolean;
  readonly displayFilter?: string;
  readonly rules?: boolean;
  readonly unused?: boolean;
}

export const runRead = async (
  file: string,
  filterWords: readonly string[],
  options: ReadCommandOptions,
  context: CommandContext,
): Promise<number> => {
  const { write } = options;
  checkRules(options);
  if (write !== undefined) return runRewrite(file, write, filterWords.join(' ').trim(), options, context);
  const lone = options.headersOnly === true ? '--headers-only' : isAnonymised(options) ? '--anonymise' : null;
  if (lone !== null) throw usageError(`${lone} says how a session is written, and there is no -w FILE`);
  keepMemoryFlat();
  const shows = options.displayFilter === undefined ? null : compileDisplayFilter(options.displayFilter);
  return withWorkspace(
    context,
    'file',
    async (workspace) => {
      // Loaded first: whoever observes must do so in the turn in which the file is opened.
      const rules = options.rules === true ? await import('./read-rules.ts') : null;
      const view = await workspace.openFile(file, {
        filter: filterWords.join(' ').trim(),
        keepPackets: false,
        // Lines of packets look their flows up, and a table of rules all flows.
        keepEnded: options.packets === true || options.rules === true,
        ...(options.count === undefined ? {} : { packetLimit: options.count }),
      });
      if (rules !== null) return rules.printRules(view, workspace, options.unused === true, context);
      return follow(
        view,
        { packets: options.packets === true, shows, live: false, silent: false, packetLimit: options.count ?? null, durationMs: null },
        context,
      );
    },
    [],
    await whatIfOf(options, context),
  );
};

/** A table of rules counts all flows; what it would take no notice of is refused. */
const checkRules = ({ rules, unused, write, packets, displayFilter }: ReadCommandOptions): void => {
  if (rules !== true) {
    if (unused === true) throw usageError('--unused belongs to --rules', { hint: 'vethscope read FILE --rules --unused' });
    return;
  }
  const other = write !== undefined ? '-w' : packets === true ? '--packets' : displayFilter !== undefined ? '-Y' : null;
  if (other === null) return;
  throw usageError(`--rules counts what all flows met, which ${other} does not go with`, {
    hint: 'a capture filter chooses packets: vethscope read FILE --rules tcp port 80',
  });
};

/** `read FILE -w OUT`: the file, or a part of it, written anew. */
const runRewrite = async (
  file: string,
  to: string,
  filter: string,
  options: ReadCommandOptions,
  context: CommandContext,
): Promise<number> => {
  checkFileName(to);
  const rules = (['iptables', 'ip6tables', 'nft'] as const).find((name) => options[name] !== undefined);
  if (rules !== undefined)
    throw usageError(`-w writes what was captured, and --${rules} asks what other rules would have done: not both at once`);
  if (options.packets === true) throw usageError('read -w shows no packets: leave out --packets, or -w');
  return withWorkspace(context, 'file', async (workspace) => {
    // With it comes all that anonymises, which nobody needs to read a file.
    const { transformOf } = await import('./transform-option.ts');
    const result = await workspace.rewriteFile(file, to, {
      filter,
      only: options.displayFilter === undefined ? null : compileDisplayFilter(options.displayFilter),
      packetLimit: options.count ?? null,
      transform: transformOf(options),
    });
    const { terminal, globals } = context;
    for (const problem of result.problems) terminal.remark(`vethscope: ${printable(problem)}`);
    // A file can be read up to where it is cut off or damaged, which is said and no failure; one with nothing before that is one.
    const isBadFile = result.problems.length > 0 && result.read === 0;
    if (globals.json === true && to !== '-') terminal.line(jsonLine(rewrittenJson(to, result)));
    else for (const line of rewrittenLines(to, result)) terminal.remark(line);
    return isBadFile ? EXIT_CODES.failure : 0;
  });
};

const rewrittenJson = (path: string, { read, packets, bytes, leftOut }: RewriteResult): Record<string, unknown> => ({
  type: 'end',
  packets: read,
  saved: { path, packets, bytes, blocksLeftOut: leftOut },
});

const rewrittenLines = (path: string, { read, packets, bytes, leftOut }: RewriteResult): string[] => [
  printable(`wrote ${grouped(packets)} of ${countText(read, 'packet')}, ${bytesText(bytes)} to ${path}`),
  ...(leftOut === 0 ? [] : [`${countText(leftOut, 'block')} that nobody here understands left out`]),
];
