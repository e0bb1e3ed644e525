import { describe, expect, test } from 'vitest';
import { ratio, spread } from '../../bench/statistics.ts';

describe('spread', () => {
  test('takes the middle value of an odd number of values, whatever their order', () => {
    const values = [30, 9, 10];

    const result = spread(values);

    expect(result).toEqual({ median: 10, min: 9, max: 30 });
    expect(values).toEqual([30, 9, 10]);
  });

  test('takes the mean of the middle two of an even number of values', () => {
    expect(spread([4, 1, 3, 2]).median).toBe(2.5);
  });

  test('refuses no values at all', () => {
    expect(() => spread([])).toThrow(RangeError);
  });
});

describe('ratio', () => {
  test('is below 1 where ours is less', () => {
    expect(ratio({ ours: 5, peer: 8 })).toBe(0.625);
  });

  test('is unknown against nothing', () => {
    expect(ratio({ ours: 5, peer: 0 })).toBeUndefined();
  });
});
