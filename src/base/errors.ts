/** The one family of errors meant for people: what was being done, to what, what the system said, what to try. */

/** Exit codes by kind (design: commands). */
export const EXIT_CODES = { failure: 1, usage: 2, missing: 3, expectation: 4 } as const;

export type ErrorKind = keyof typeof EXIT_CODES;

export interface VethscopeErrorParts {
  /** What to try next: a command or a sentence. */
  readonly hint?: string;
  /** What the system said: an errno text, a program's stderr. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** An error whose message may be shown as it is. Everything else that is thrown is a defect of this program. */
export class VethscopeError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | null;
  readonly detail: string | null;

  constructor(kind: ErrorKind, message: string, parts: VethscopeErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'VethscopeError';
    this.kind = kind;
    this.hint = parts.hint ?? null;
    this.detail = parts.detail ?? null;
  }
}

/** A failure without a better name: bad input, a refused system call. */
export const failure = (message: string, parts?: VethscopeErrorParts): VethscopeError => new VethscopeError('failure', message, parts);

/** The command line was wrong (exit 2). */
export const usageError = (message: string, parts?: VethscopeErrorParts): VethscopeError => new VethscopeError('usage', message, parts);

/** A privilege or a program is missing (exit 3). */
export const missingError = (message: string, parts?: VethscopeErrorParts): VethscopeError => new VethscopeError('missing', message, parts);

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
