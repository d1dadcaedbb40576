/** An anonymised session with a key that nobody keeps. */
import { randomBytes } from 'node:crypto';
import { ANONYMISER_KEY_BYTES, createAnonymiser } from '../../anonymise/anonymiser.ts';
import type { SessionTransform } from './transform.ts';

/** For one file: the next one gets other stand-ins. */
export const anonymised = (): SessionTransform => createAnonymiser(randomBytes(ANONYMISER_KEY_BYTES));
