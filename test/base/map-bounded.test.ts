import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { mapBounded } from '../../src/base/map-bounded.ts';

describe('mapBounded', () => {
  test('gives the results in the order of the items, with at most that many calls at once', async () => {
    let running = 0;
    let most = 0;

    const doubled = await mapBounded([5, 1, 4, 2, 3], 2, async (milliseconds) => {
      most = Math.max(most, ++running);
      await delay(milliseconds);
      running--;
      return milliseconds * 2;
    });

    expect(doubled).toEqual([10, 2, 8, 4, 6]);
    expect(most).toBe(2);
  });

  test('starts no call after a failure, and is rejected with the first one when every call has ended', async () => {
    const started: number[] = [];
    const ended: number[] = [];

    const mapped = mapBounded([1, 30, 60, 1], 3, async (milliseconds, index) => {
      started.push(index);
      await delay(milliseconds);
      ended.push(index);
      if (index < 2) throw new Error(`call ${index}`);
    });

    await expect(mapped).rejects.toThrow('call 0');
    expect(started).toEqual([0, 1, 2]);
    expect(ended).toEqual([0, 1, 2]);
  });
});
