/** Rules in display filters: `rule:DOCKER-ISOLATION`, `rule:FORWARD#9`, `rule:filter/FORWARD`, or any part of the rule's text. */
import type { Verdict } from '../path/verdict.ts';
import type { FilterRow } from './row.ts';
import { partMatch, wholeMatch } from './text-match.ts';

interface Place {
  readonly table?: string | null;
  readonly chain?: string | null;
  readonly rule?: number | null;
  readonly text: string;
}

type PlaceMatch = (place: Place) => boolean;

/** The value names a chain (or its beginning), with a table before it and a rule's number behind it, or a part of the rule's text. */
export const ruleMatch = (value: string): PlaceMatch => {
  const [, table, chain = '', rule] = /^(?:([^/#\s]+)\/)?([^/#\s]+)(?:#(\d+))?$/.exec(value) ?? [];
  const inText = partMatch(value);
  if (chain === '') return ({ text }) => inText(text);
  const isTable = table === undefined ? null : wholeMatch(table);
  const isChain = wholeMatch(rule === undefined && !/[*?]$/.test(chain) ? `${chain}*` : chain);
  const number = rule === undefined ? null : Number(rule);
  return (place) => {
    const isThere =
      isChain(place.chain ?? '') && (isTable === null || isTable(place.table ?? '')) && (number === null || place.rule === number);
    return isThere || (table === undefined && number === null && inText(place.text));
  };
};

/** What decided about the question or about its answer. */
export const isDecidedBy = (row: FilterRow, matches: PlaceMatch): boolean => verdictsOf(row).some((verdict) => matches(verdict.decidedBy));

/** Any rule on the way, also one that decided nothing. */
export const isOnTheWay = (row: FilterRow, matches: PlaceMatch): boolean =>
  verdictsOf(row).some((verdict) => verdict.steps.some((step) => matches(step)));

export const verdictsOf = ({ verdict }: FilterRow): readonly Verdict[] =>
  verdict === null ? [] : verdict.reply === null ? [verdict.verdict] : [verdict.verdict, verdict.reply];
