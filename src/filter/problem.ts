/** A display filter that cannot be understood: where, why, and what to write instead. */
export class FilterProblem extends Error {
  /** Index of the first character that is wrong. */
  readonly at: number;
  readonly hint: string;

  constructor(message: string, at: number, hint: string) {
    super(message);
    this.name = 'FilterProblem';
    this.at = at;
    this.hint = hint;
  }
}
