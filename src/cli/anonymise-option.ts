/** `--anonymise`: its options, as every command that writes a session or a snapshot has them. */
import type { Command } from 'commander';

export interface AnonymiseArguments {
  readonly anonymise?: boolean;
  /** The other spelling. */
  readonly anonymize?: boolean;
  readonly anonymiseKey?: string;
}

export const addAnonymiseOptions = (command: Command): Command =>
  command
    .option('--anonymise', 'exchange addresses, names and rules together, and cut off what packets carry')
    .option('--anonymize', 'the same')
    .option('--anonymise-key <file>', 'the same stand-ins wherever this file is given; keep it to yourself');

export const isAnonymised = ({ anonymise, anonymize }: AnonymiseArguments): boolean => anonymise === true || anonymize === true;
