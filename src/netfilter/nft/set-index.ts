/**
 * Sets and maps made ready for look-up: exact keys by hash, single ranges by bisection, concatenated ranges by the hash of their first
 * exact part. nft(8) "SETS", "MAPS"; net/netfilter/nft_set_{hash,rbtree,pipapo}.c hold the same.
 */
import { type Datatype, type Interval, intervalOf, type Value } from './datatypes.ts';
import { listOf, namedBody, unwrapElement } from './json.ts';

export interface SetElement {
  /** As it stands in the JSON. */
  readonly key: unknown;
  /** Null in sets without values. */
  readonly data: unknown;
}

export type SetAnswer =
  | { readonly kind: 'element'; readonly element: SetElement }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly reason: string };

const NONE: SetAnswer = { kind: 'none' };

interface Box {
  readonly intervals: readonly Interval[];
  readonly answer: SetAnswer;
}

export class SetIndex {
  readonly elements: readonly SetElement[];
  readonly #exact = new Map<Value, SetAnswer>();
  readonly #ranges: { readonly from: Value; readonly to: Value; readonly answer: SetAnswer }[] = [];
  /** Concatenations with ranges: by their first part where that is exact, else all. */
  readonly #boxesByFirst = new Map<Value, Box[]>();
  readonly #boxes: Box[] = [];
  #catchAll: SetAnswer = NONE;
  #unreadable: string | null = null;

  constructor(types: readonly Datatype[], json: readonly unknown[], isMap: boolean) {
    this.elements = json.map((item) => (isMap ? mapElement(item) : { key: item, data: null }));
    for (const element of this.elements) this.#add(types, element);
    this.#ranges.sort((x, y) => (x.from < y.from ? -1 : x.from > y.from ? 1 : 0));
  }

  find(values: readonly Value[]): SetAnswer {
    const [first] = values;
    if (first === undefined) return NONE;
    const exact = this.#exact.get(values.length === 1 ? first : values.join('|'));
    if (exact !== undefined) return exact;
    const found = values.length === 1 ? this.#inRange(first) : this.#inBox(values, first);
    if (found !== null) return found;
    if (this.#unreadable !== null) return { kind: 'unknown', reason: this.#unreadable };
    return this.#catchAll;
  }

  /** Whether the keys 0 to `count` - 1, moved by `offset`, all have an element. */
  covers(offset: number, count: number): boolean {
    if (count > 4096) return false;
    for (let value = offset; value < offset + count; value++) if (this.find([value]).kind !== 'element') return false;
    return true;
  }

  #add(types: readonly Datatype[], element: SetElement): void {
    const answer: SetAnswer = { kind: 'element', element };
    const { value } = unwrapElement(element.key);
    if (value === '*' && types[0]?.name !== 'ifname') {
      this.#catchAll = answer;
      return;
    }
    const named = namedBody(value);
    const parts = named?.name === 'concat' ? listOf(named.body) : types.length === 1 ? [value] : null;
    const intervals =
      parts === null || parts.length !== types.length ? null : parts.map((part, at) => intervalOf(types[at] as Datatype, part));
    if (intervals === null || intervals.includes(null)) {
      this.#unreadable = `the element ${JSON.stringify(value)} is not understood`;
      return;
    }
    this.#place(intervals as readonly Interval[], answer);
  }

  #place(intervals: readonly Interval[], answer: SetAnswer): void {
    const [first] = intervals;
    if (first === undefined) return;
    if (intervals.every(({ from, to }) => from === to)) {
      this.#exact.set(intervals.length === 1 ? first.from : intervals.map(({ from }) => from).join('|'), answer);
    } else if (intervals.length === 1) this.#ranges.push({ ...first, answer });
    else if (first.from !== first.to) this.#boxes.push({ intervals, answer });
    else {
      const boxes = this.#boxesByFirst.get(first.from);
      if (boxes === undefined) this.#boxesByFirst.set(first.from, [{ intervals, answer }]);
      else boxes.push({ intervals, answer });
    }
  }

  /** Ranges of one set never overlap, so the last that begins at or before the value decides. */
  #inRange(value: Value): SetAnswer | null {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle] as { from: Value }).from <= value) low = middle + 1;
      else high = middle;
    }
    const candidate = this.#ranges[low - 1];
    return candidate !== undefined && value <= candidate.to ? candidate.answer : null;
  }

  #inBox(values: readonly Value[], first: Value): SetAnswer | null {
    const holds = ({ intervals }: Box): boolean =>
      intervals.every(({ from, to }, at) => (values[at] as Value) >= from && (values[at] as Value) <= to);
    return (this.#boxesByFirst.get(first)?.find(holds) ?? this.#boxes.find(holds))?.answer ?? null;
  }
}

const mapElement = (item: unknown): SetElement => {
  const [key, data] = listOf(item) ?? [];
  return { key, data };
};
