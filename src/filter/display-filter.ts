/**
 * The display filter: an expression over flows, `verdict:drop container:web1 port:80 rule:DOCKER-ISOLATION`. Terms beside each other must
 * all hold; `or`, `not` and parentheses as usual; a bare word is searched in the whole row.
 */
import { FIELDS, fieldOf, wordFilter } from './fields.ts';
import { FilterProblem } from './problem.ts';
import type { RowFilter } from './row.ts';
import { type Token, tokenise } from './tokens.ts';

/** Deeper nesting than a person writes. */
const MAX_DEPTH = 64;

/** Every row for an empty text. Throws FilterProblem for a bad one. */
export const parseDisplayFilter = (text: string): RowFilter => {
  const parser = new Parser(text, tokenise(text));
  return parser.whole();
};

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  whole(): RowFilter {
    if (this.#tokens.length === 0) return () => true;
    const filter = this.#or();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw new FilterProblem('a ) without a (', rest.at, 'take it away, or put a ( before');
    return filter;
  }

  #or(): RowFilter {
    const parts = [this.#and()];
    while (this.#takes('or')) parts.push(this.#and());
    return parts.length === 1 ? (parts[0] as RowFilter) : (row) => parts.some((holds) => holds(row));
  }

  #and(): RowFilter {
    const parts = [this.#not()];
    for (;;) {
      const token = this.#tokens[this.#next];
      if (token === undefined || token.kind === 'or' || token.kind === 'close') break;
      if (token.kind === 'and') this.#next++;
      parts.push(this.#not());
    }
    return parts.length === 1 ? (parts[0] as RowFilter) : (row) => parts.every((holds) => holds(row));
  }

  #not(): RowFilter {
    let isNegated = false;
    while (this.#takes('not')) isNegated = !isNegated;
    const filter = this.#single();
    return isNegated ? (row) => !filter(row) : filter;
  }

  #single(): RowFilter {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw new FilterProblem('something is missing at the end', this.#text.length, 'for example verdict:drop');
    switch (token.kind) {
      case 'term':
        return compileTerm(token);
      case 'open': {
        if (++this.#depth > MAX_DEPTH) throw new FilterProblem('too many parentheses', token.at, `at most ${MAX_DEPTH} deep`);
        const filter = this.#or();
        if (!this.#takes('close')) throw new FilterProblem('a ( is not closed', token.at, 'put a ) behind what belongs together');
        this.#depth--;
        return filter;
      }
      case 'and':
      case 'or':
      case 'not':
      case 'close':
        throw new FilterProblem(
          `${this.#text.slice(token.at, token.end)} has nothing before it`,
          token.at,
          'for example verdict:drop or verdict:reject',
        );
    }
  }

  #takes(kind: Token['kind']): boolean {
    if (this.#tokens[this.#next]?.kind !== kind) return false;
    this.#next++;
    return true;
  }
}

const compileTerm = (term: Extract<Token, { kind: 'term' }>): RowFilter => {
  if (term.key === null) return wordFilter(term.values[0]?.text ?? '');
  const field = fieldOf(term.key);
  if (field === null) throw new FilterProblem(`there is no field ${term.key}`, term.at, fieldHint(term.key));
  if (field.ordered !== true && /[<>]/.test(term.comparison)) {
    throw new FilterProblem(`${field.name} has no order`, term.at, `write ${field.example}`);
  }
  return field.compile(term.comparison, term.values);
};

const fieldHint = (key: string): string => {
  const near = FIELDS.map(({ name }) => name).filter((name) => name.startsWith(key.slice(0, 2)));
  return near.length > 0 && key.length > 1
    ? `is it ${near.join(' or ')}? In quotation marks it is searched as it stands`
    : `fields: ${FIELDS.map(({ name }) => name).join(', ')}; in quotation marks it is searched as it stands`;
};
