import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedList } from '../../src/base/bounded-list.ts';

test('keeps the newest items in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: 0, max: 12 }), (items, itemsMax) => {
      const list = new BoundedList<number>(itemsMax);

      for (const item of items) list.add(item);

      expect(list.toArray()).toEqual(itemsMax === 0 ? [] : items.slice(-itemsMax));
    }),
    { numRuns: 1_000 },
  );
});
