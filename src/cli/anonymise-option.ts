/** `--anonymise`: its options, as every command that writes a session or a snapshot has them. */
import { Option } from 'commander';

export interface AnonymiseArguments {
  readonly anonymise?: boolean;
  /** The other spelling. */
  readonly anonymize?: boolean;
  readonly anonymiseKey?: string;
}

export const anonymiseOption = (): Option =>
  new Option('--anonymise', 'exchange addresses, names and rules together, and cut off what packets carry');

export const anonymizeOption = (): Option => new Option('--anonymize', 'the same').hideHelp();

export const anonymiseKeyOption = (): Option =>
  new Option('--anonymise-key <file>', 'the same stand-ins wherever this file is given; keep it to yourself');

export const isAnonymised = ({ anonymise, anonymize }: AnonymiseArguments): boolean => anonymise === true || anonymize === true;
