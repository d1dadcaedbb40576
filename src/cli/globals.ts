/** What every command can be told: which host to work on, and how to answer. */

export interface GlobalOptions {
  /** A saved snapshot instead of this host. */
  readonly host?: string;
  readonly dockerHost?: string;
  /** Another machine, by ssh. */
  readonly on?: string;
  readonly json?: boolean;
  /** False by `--no-color`. */
  readonly color: boolean;
}
