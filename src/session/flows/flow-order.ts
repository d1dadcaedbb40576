/**
 * Which flows are shown, and in which order. Where there are many, choosing and sorting them is done in slices, between which packets are taken in
 * and frames are drawn; until that is done, the order of before is shown. A live table need not be exact to the packet.
 */

/** An order of many flows is kept this long before it is made again. */
const REMAKE_MS = 400;
/** Below this many flows it costs nothing worth dividing. */
const SMALL = 2_000;
const SLICE_MS = 5;
/** Sorted at once, a millisecond's work. */
const RUN = 1_024;
/** Looked at in one go while the clock is not. */
const STEP = 64;

export interface OrderRequest<Item> {
  /** What is asked for, in one text: another one is another order. */
  readonly key: string;
  readonly revision: number;
  /** About how many items there are. */
  readonly count: number;
  readonly items: () => Iterable<Item>;
  /** Null: all. */
  readonly matches: ((item: Item) => boolean) | null;
  /** Null: as they come. */
  readonly compare: ((x: Item, y: Item) => number) | null;
}

interface Order<Item> {
  readonly key: string;
  readonly revision: number;
  readonly atMs: number;
  readonly items: readonly Item[];
}

interface Making<Item> extends Omit<Order<Item>, 'items'> {
  readonly work: Generator<void, readonly Item[]>;
}

export class FlowOrder<Item> {
  readonly #made: () => void;
  #shown: Order<Item> | null = null;
  #making: Making<Item> | null = null;

  /** `made` is called when an order is there that was not yet when it was asked for. */
  constructor(made: () => void) {
    this.#made = made;
  }

  get(request: OrderRequest<Item>): readonly Item[] {
    const { key, revision, count } = request;
    const shown = this.#shown;
    const isMany = count > SMALL;
    const nowMs = performance.now();
    const isSame = shown?.key === key;
    if (shown !== null && isSame && (shown.revision === revision || (isMany && nowMs - shown.atMs < REMAKE_MS))) return shown.items;
    if (shown !== null && isMany) {
      if (this.#making?.key !== key) this.#begin({ key, revision, atMs: nowMs, work: order(request) });
      return shown.items;
    }
    const work = order(request);
    let step = work.next();
    while (step.done !== true) step = work.next();
    this.#making = null;
    this.#shown = { key, revision, atMs: nowMs, items: step.value };
    return step.value;
  }

  #begin(making: Making<Item>): void {
    this.#making = making;
    const slice = (): void => {
      // Something else was asked for meanwhile.
      if (this.#making !== making) return;
      const until = performance.now() + SLICE_MS;
      let step = making.work.next();
      while (step.done !== true && performance.now() < until) step = making.work.next();
      if (step.done !== true) {
        setImmediate(slice);
        return;
      }
      this.#making = null;
      this.#shown = { key: making.key, revision: making.revision, atMs: performance.now(), items: step.value };
      this.#made();
    };
    setImmediate(slice);
  }
}

/** Yields where it may be interrupted. */
function* order<Item>({ items, matches, compare }: OrderRequest<Item>): Generator<void, readonly Item[]> {
  const all = [...items()];
  const found = matches === null ? all : yield* chosen(all, matches);
  return compare === null ? found : yield* sorted(found, compare);
}

function* chosen<Item>(all: readonly Item[], matches: (item: Item) => boolean): Generator<void, Item[]> {
  const found: Item[] = [];
  for (const [index, item] of all.entries()) {
    if (matches(item)) found.push(item);
    if (index % STEP === 0) yield;
  }
  return found;
}

/** Runs that are sorted at once, merged two by two. Equal items stay as they were. */
function* sorted<Item>(found: readonly Item[], compare: (x: Item, y: Item) => number): Generator<void, readonly Item[]> {
  let runs: Item[][] = [];
  for (let at = 0; at < found.length; at += RUN) {
    runs.push(found.slice(at, at + RUN).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: Item[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(yield* both(runs[at] ?? [], runs[at + 1] ?? [], compare));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* both<Item>(left: readonly Item[], right: readonly Item[], compare: (x: Item, y: Item) => number): Generator<void, Item[]> {
  const out: Item[] = [];
  let [l, r] = [0, 0];
  while (l < left.length && r < right.length) {
    const [x, y] = [left[l] as Item, right[r] as Item];
    if (compare(x, y) <= 0) {
      out.push(x);
      l++;
    } else {
      out.push(y);
      r++;
    }
    if (out.length % STEP === 0) yield;
  }
  for (; l < left.length; l++) out.push(left[l] as Item);
  for (; r < right.length; r++) out.push(right[r] as Item);
  return out;
}
