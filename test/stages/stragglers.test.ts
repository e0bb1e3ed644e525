import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../src/stages/policy.ts';
import { median, stragglerAfterMs } from '../../src/stages/stragglers.ts';

const after = (tasks: number, durationsMs: readonly number[]) =>
  stragglerAfterMs(tasks, durationsMs, DEFAULT_POLICY);

describe('a backup attempt starts', () => {
  test('only after three quarters of the tasks have committed', () => {
    expect(after(4, [10_000, 10_000])).toBeUndefined();
    expect(after(4, [10_000, 10_000, 10_000])).toBe(15_000);
  });

  test('only after another task has committed, and never for a single task', () => {
    expect(after(1, [])).toBeUndefined();
  });

  test('after one and a half times the median, but at least five seconds', () => {
    expect(after(4, [20_000, 4_000, 1_000_000])).toBe(30_000);
    expect(after(4, [10, 10, 10])).toBe(5_000);
  });
});

test('the median of an even number of values is the mean of the middle two', () => {
  expect(median([9, 1])).toBe(5);
  expect(median([3, 100, 1])).toBe(3);
});
