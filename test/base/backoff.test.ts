import { expect, test } from 'vitest';
import { backoffMs } from '../../src/base/backoff.ts';

const policy = { backoffMsBase: 50, backoffMsMax: 2_000 };

test('the ceiling doubles with each failure and stops at its maximum', () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 7, 20, 2_000].map((failures) => backoffMs(failures, policy, () => 1));

  expect(ceilings).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
});

test('the jitter is full: any delay from 0 to the ceiling', () => {
  expect(backoffMs(3, policy, () => 0)).toBe(0);
  expect(backoffMs(3, policy, () => 0.25)).toBe(50);
});
