import { describe, expect, test } from 'vitest';
import { ratio, spread } from '../../bench/statistics.ts';

describe('spread', () => {
  test('takes the middle value of an odd number of values, in any order', () => {
    const values = [30, 9, 10];

    const result = spread(values);

    expect(result).toEqual({ median: 10, min: 9, max: 30 });
    expect(values).toEqual([30, 9, 10]);
  });

  test('takes the mean of the two middle values of an even number of values', () => {
    expect(spread([4, 1, 3, 2]).median).toBe(2.5);
  });

  test('rejects an empty list', () => {
    expect(() => spread([])).toThrow(RangeError);
  });
});

describe('ratio', () => {
  test('is below 1 if ours is less', () => {
    expect(ratio({ ours: 5, peer: 8 })).toBe(0.625);
  });

  test('is unknown if the other value is zero', () => {
    expect(ratio({ ours: 5, peer: 0 })).toBeUndefined();
  });
});
