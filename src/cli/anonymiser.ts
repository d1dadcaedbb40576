/**
 * Where the key of `--anonymise` comes from: a random one that is written nowhere, or one made from a file's text, so that several files
 * get the same stand-ins.
 */
import { randomBytes, scryptSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ANONYMISER_KEY_BYTES, type Anonymiser, createAnonymiser } from '../anonymise/anonymiser.ts';
import { failure, messageOf, usageError } from '../base/errors.ts';
import { type AnonymiseArguments, isAnonymised } from './anonymise-option.ts';

/** Guessing a short pass phrase from a file is to cost something: 16 MiB and some 50 ms a try. */
const SALT = 'vethscope anonymise 1';
/** A key file is a line or two; anything longer is a mistake in its name. */
const MAX_KEY_FILE_BYTES = 64 * 1024;

/** Null where nothing is to be anonymised. */
export const anonymiserOf = (options: AnonymiseArguments): Anonymiser | null => {
  const { anonymiseKey } = options;
  if (!isAnonymised(options)) {
    if (anonymiseKey !== undefined)
      throw usageError('--anonymise-key is about --anonymise, which is not there', { hint: 'add --anonymise' });
    return null;
  }
  return createAnonymiser(anonymiseKey === undefined ? randomBytes(ANONYMISER_KEY_BYTES) : keyFrom(anonymiseKey));
};

const keyFrom = (path: string): Uint8Array => {
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (error) {
    throw failure(`reading the key from ${path} failed`, { detail: messageOf(error), cause: error });
  }
  const phrase = text.toString('latin1').trim();
  if (phrase === '') throw usageError(`the key file ${path} is empty`, { hint: `head -c 32 /dev/urandom | base64 > ${path}` });
  if (text.length > MAX_KEY_FILE_BYTES) throw usageError(`the key file ${path} is longer than ${MAX_KEY_FILE_BYTES} bytes`);
  return scryptSync(Buffer.from(phrase, 'latin1'), SALT, ANONYMISER_KEY_BYTES);
};
