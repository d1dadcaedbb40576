/** What happens to a session on its way into a file, from the command line: headers only, anonymised. */
import { headersOnly } from '../session/saving/headers-only.ts';
import { composeTransforms, type SessionTransform } from '../session/saving/transform.ts';
import type { AnonymiseArguments } from './anonymise-option.ts';
import { anonymiserOf } from './anonymiser.ts';

/** What is asked of the packets that are written, by any command that writes a session. */
export interface TransformArguments extends AnonymiseArguments {
  readonly headersOnly?: boolean;
}

export const transformOf = (options: TransformArguments): SessionTransform | null => {
  const anonymiser = anonymiserOf(options);
  return composeTransforms([...(options.headersOnly === true ? [headersOnly()] : []), ...(anonymiser === null ? [] : [anonymiser])]);
};
