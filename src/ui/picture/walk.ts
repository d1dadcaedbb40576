/** Moving the selection over the picture: to what stands beside, above or below, and back by the same row. */
import type { Item, ItemColumn, Layout } from './layout.ts';

export interface Selection {
  readonly id: string | null;
  /** Row from which one came: what is tall is left again at the same height. */
  readonly row: number;
  readonly column: ItemColumn;
  /** Rows above the window. */
  readonly top: number;
}

export const INITIAL_SELECTION: Selection = { id: null, row: 0, column: 'name', top: 0 };

export type Step = 'up' | 'down' | 'left' | 'right' | 'page-up' | 'page-down' | 'first' | 'last';

/**
 * The selection as it stands in the picture now. What is selected stays where it was on the screen when things come and go above it;
 * where it is gone itself, its neighbour takes its place.
 */
export const settle = (layout: Layout, selection: Selection, height: number): Selection & { readonly item: Item | null } => {
  const found = layout.items.find((item) => item.id === selection.id);
  const item = found ?? nearest(layout.items, selection.column, selection.row) ?? layout.items[0] ?? null;
  if (item === null) return { ...selection, item: null, top: 0 };
  const row = item.rows === 1 ? item.row : Math.max(item.top, Math.min(item.top + item.rows - 1, selection.row));
  const moved = found === undefined || item.rows > 1 ? 0 : row - selection.row;
  const top = windowTop(selection.top + moved, row, item, layout.rows, height);
  return { id: item.id, row, column: item.column, top, item };
};

/** Keeps the row inside the window, with one more row above and below it where there are such. */
const windowTop = (wanted: number, row: number, item: Item, rows: number, height: number): number => {
  const above = Math.max(0, item.rows === 1 ? row - 1 : row);
  const below = Math.min(rows - 1, row + 2);
  let top = wanted;
  if (below >= top + height) top = below - height + 1;
  if (above < top) top = above;
  return Math.max(0, Math.min(top, rows - height));
};

const distance = (item: Item, row: number): number =>
  row < item.top ? item.top - row : row >= item.top + item.rows ? row - (item.top + item.rows - 1) : 0;

const nearest = (items: readonly Item[], column: ItemColumn, row: number): Item | undefined => {
  const there = items.filter((item) => item.column === column);
  return there.reduce<Item | undefined>(
    (best, item) => (best === undefined || distance(item, row) < distance(best, row) ? item : best),
    undefined,
  );
};

const ORDER: readonly ItemColumn[] = ['name', 'cable', 'box', 'host', 'ways'];

/** How far one may look up and down for something in the next column before the column after it is tried. */
const REACH = 6;

export const walk = (layout: Layout, from: Selection, step: Step, height: number): Selection => {
  const here = settle(layout, from, height);
  if (here.item === null) return here;
  const to = target(layout, here, here.item, step, height);
  if (to === null) return here;
  const row = to.item.rows === 1 ? to.item.row : Math.max(to.item.top, Math.min(to.item.top + to.item.rows - 1, to.row));
  const top = windowTop(here.top, row, to.item, layout.rows, height);
  return { id: to.item.id, row, column: to.item.column, top };
};

const target = (
  layout: Layout,
  here: Selection,
  item: Item,
  step: Step,
  height: number,
): { readonly item: Item; readonly row: number } | null => {
  switch (step) {
    case 'left':
    case 'right':
      return beside(layout, here, item, step);
    case 'first':
    case 'last': {
      const there = layout.items.filter((other) => other.column === item.column).sort((x, y) => x.row - y.row);
      const end = step === 'first' ? there[0] : there.at(-1);
      return end === undefined ? null : { item: end, row: end.row };
    }
    case 'up':
    case 'down':
    case 'page-up':
    case 'page-down': {
      const isUp = step === 'up' || step === 'page-up';
      const rows = step === 'up' || step === 'down' ? 1 : Math.max(1, height - 2);
      return alongside(layout, here, item, isUp, rows);
    }
  }
};

const beside = (layout: Layout, here: Selection, item: Item, step: 'left' | 'right') => {
  const at = ORDER.indexOf(item.column);
  const columns = step === 'right' ? ORDER.slice(at + 1) : ORDER.slice(0, at).reverse();
  for (const reach of [0, REACH, Number.POSITIVE_INFINITY]) {
    for (const column of columns) {
      const found = nearest(layout.items, column, here.row);
      if (found !== undefined && distance(found, here.row) <= reach) return { item: found, row: here.row };
    }
  }
  return null;
};

const alongside = (layout: Layout, here: Selection, item: Item, isUp: boolean, rows: number) => {
  const wanted = here.row + (isUp ? -rows : rows);
  const others = layout.items.filter(
    (other) => other.column === item.column && other.id !== item.id && (isUp ? other.row < item.row : other.row > item.row),
  );
  // What is tall and alone in its column, as the host is, is walked through row by row.
  if (others.length === 0) {
    const inside = Math.max(item.top, Math.min(item.top + item.rows - 1, wanted));
    return item.rows > 1 ? { item, row: inside } : null;
  }
  const next = others.reduce((best, other) => {
    if (rows === 1) return Math.abs(other.row - item.row) < Math.abs(best.row - item.row) ? other : best;
    return Math.abs(other.row - wanted) < Math.abs(best.row - wanted) ? other : best;
  });
  return { item: next, row: next.row };
};
