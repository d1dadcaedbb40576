/** An order that is made in slices is the order that would have been made at once, and the old one is shown until then. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowOrder, type OrderRequest } from '../../../src/session/flows/flow-order.ts';

interface Item {
  readonly id: number;
  readonly value: number;
}

const MANY = 10_000;

const itemsOf = (values: readonly number[]): Item[] => values.map((value, id) => ({ id, value }));

const request = (items: readonly Item[], change: Partial<OrderRequest<Item>> = {}): OrderRequest<Item> => ({
  key: 'value',
  revision: 1,
  count: items.length,
  items: () => items,
  matches: null,
  compare: (x, y) => x.value - y.value,
  ...change,
});

/** Asks until it is made, as a screen does that is told. */
const inSlices = async (wanted: OrderRequest<Item>): Promise<readonly Item[]> => {
  let tell: () => void = () => {};
  const made = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const order = new FlowOrder<Item>(tell);
  order.get({ ...wanted, key: 'another', count: 0, matches: () => false });
  expect(order.get({ ...wanted, count: MANY })).toEqual([]);
  await made;
  return order.get({ ...wanted, count: MANY });
};

describe('an order made in slices', () => {
  it('is that of a sort, equal ones as they came, whatever the values and however many', async () => {
    const values = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 5_000, size: 'max' });
    await fc.assert(
      fc.asyncProperty(values, async (some) => {
        const items = itemsOf(some);
        expect(await inSlices(request(items))).toEqual([...items].sort((x, y) => x.value - y.value));
      }),
      { numRuns: 30 },
    );
  });

  it('holds what is chosen only', async () => {
    const items = itemsOf(Array.from({ length: 3_000 }, (_, index) => index % 7));
    const chosen = await inSlices(request(items, { matches: ({ value }) => value === 3 }));
    expect(chosen).toEqual(items.filter(({ value }) => value === 3));
  });

  it('lets other work go on before it is done', async () => {
    const items = itemsOf(Array.from({ length: MANY }, (_, index) => (index * 7919) % MANY));
    let turns = 0;
    let isMade = false;
    const order = new FlowOrder<Item>(() => {
      isMade = true;
    });
    order.get(request([]));
    const busy = (item: Item): boolean => {
      const until = performance.now() + 0.005;
      while (performance.now() < until);
      return item.id >= 0;
    };
    order.get(request(items, { key: 'busy', matches: busy }));
    while (!isMade) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(turns).toBeGreaterThan(3);
  });
});

describe('an order', () => {
  it('is made at once where there are few, and again with each change', () => {
    const order = new FlowOrder<Item>(() => expect.unreachable());
    const items = itemsOf([3, 1, 2]);
    expect(order.get(request(items)).map(({ value }) => value)).toEqual([1, 2, 3]);
    items.push({ id: 3, value: 0 });
    expect(order.get(request(items))).toHaveLength(3);
    expect(order.get(request(items, { revision: 2 })).map(({ value }) => value)).toEqual([0, 1, 2, 3]);
  });

  it('is made at once where nothing has been shown yet', () => {
    const order = new FlowOrder<Item>(() => expect.unreachable());
    const items = itemsOf(Array.from({ length: MANY }, (_, index) => MANY - index));
    expect(order.get(request(items))[0]?.value).toBe(1);
  });

  it('that nobody wants any more does not take the place of the one that is wanted', async () => {
    const items = itemsOf(Array.from({ length: MANY }, (_, index) => index));
    let made = 0;
    const order = new FlowOrder<Item>(() => {
      made++;
    });
    order.get(request(items));
    order.get(request(items, { key: 'odd', matches: ({ value }) => value % 2 === 1 }));
    order.get(request(items, { key: 'ten', matches: ({ value }) => value < 10 }));
    await expect.poll(() => made).toBe(1);
    expect(order.get(request(items, { key: 'ten', matches: () => false }))).toHaveLength(10);
  });
});
