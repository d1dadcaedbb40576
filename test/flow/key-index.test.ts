import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowKey } from '../../src/flow/key.ts';
import { KeyIndex } from '../../src/flow/key-index.ts';

/** A key that says nothing but its number, with a hash that many others share. */
const keyOf = (value: number): FlowKey => {
  const key = new FlowKey(0);
  key.words[7] = value;
  key.hash = value % 3;
  return key;
};

describe('the index', () => {
  it('holds what a map holds, through collisions, removals and growth', () => {
    const step = fc.tuple(fc.constantFrom('insert', 'insert', 'remove'), fc.nat({ max: 40 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let slots = 4;
        const index = new KeyIndex(slots);
        const model = new Map<number, number>();
        const free: number[] = [0, 1, 2, 3];
        for (const [action, value] of steps) {
          const slot = model.get(value);
          expect(index.find(keyOf(value))).toBe(slot ?? -1);
          if (action === 'remove' && slot !== undefined) {
            index.remove(slot);
            model.delete(value);
            free.push(slot);
          } else if (action === 'insert' && slot === undefined) {
            if (free.length === 0) {
              index.grow(slots * 2);
              for (let i = slots; i < slots * 2; i++) free.push(i);
              slots *= 2;
            }
            const taken = free.pop() as number;
            index.insert(keyOf(value), taken);
            model.set(value, taken);
          }
        }
        for (let value = 0; value <= 40; value++) expect(index.find(keyOf(value))).toBe(model.get(value) ?? -1);
      }),
    );
  });
});
