/** Commander drops `--` before a command sees it; `capture` and `read` must know what stood behind it. */

/** Global options that take the next word as their value. */
const VALUED_OPTIONS: ReadonlySet<string> = new Set([
  '--host',
  '--docker-host',
  '--on',
  '--engine',
  '--open',
  '--iptables',
  '--ip6tables',
  '--nft',
  '--in',
  '--out',
  '--local',
]);
const COMMANDS_WITH_FILTER: ReadonlySet<string> = new Set(['capture', 'read', 'diff']);

export interface SplitCommandLine {
  readonly words: readonly string[];
  /** Null where there was no `--`, or where it means nothing special. */
  readonly afterDashes: readonly string[] | null;
}

export const splitAtDashes = (argv: readonly string[]): SplitCommandLine => {
  const dashes = argv.indexOf('--');
  const head = dashes < 0 ? argv : argv.slice(0, dashes);
  if (dashes < 0 || !COMMANDS_WITH_FILTER.has(commandOf(head) ?? '')) return { words: argv, afterDashes: null };
  return { words: head, afterDashes: argv.slice(dashes + 1) };
};

const commandOf = (words: readonly string[]): string | null => {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (VALUED_OPTIONS.has(word)) index++;
    else if (!word.startsWith('-')) return word;
  }
  return null;
};
