import { describe, expect, test } from 'vitest';
import { chargedScratchGb, costOf, type Usage, watchOf } from '../../../src/aws/model/cost.ts';
import { pricesOf } from '../../../src/aws/model/prices.ts';
import { GiB, MiB } from '../../../src/base/limits.ts';

const US = pricesOf('us-east-1');
const USAGE: Usage = {
  invocations: 1_000_000,
  gbSeconds: 75_000,
  scratchGbSeconds: 400_000,
  isUpperBound: false,
  transitions: 4_000,
  expressExecutions: 0,
  expressSeconds: 0,
  s3Writes: 2_000,
  s3Reads: 10_000,
};

describe('the estimated cost', () => {
  test('is the usage multiplied by the prices', () => {
    const cost = costOf(USAGE, US);

    expect(cost.functions).toBeCloseTo(75_000 * 0.0000133334 + 400_000 * 0.0000000309 + 0.2, 9);
    expect(cost.coordination).toBeCloseTo(0.1, 9);
    expect(cost.storageRequests).toBeCloseTo(0.01 + 0.004, 9);
    expect(cost.total).toBeCloseTo(cost.functions + cost.coordination + cost.storageRequests, 9);
  });

  test('includes /tmp above the 512 MB that are free', () => {
    expect([256 * MiB, 512 * MiB, GiB, 10 * GiB].map(chargedScratchGb)).toEqual([0, 0, 0.5, 9.5]);
  });

  test('differs by region if the prices of that region are known', () => {
    expect(pricesOf('eu-central-1').s3Write).toBeGreaterThan(US.s3Write);
    expect(pricesOf('ap-northeast-1').s3Read).toBeLessThan(US.s3Read);
    expect(pricesOf('sa-east-1')).toEqual(US);
  });

  test('counts a look of the watch at a stage every 3 to 15 seconds until the stage ends', () => {
    // 3 + 4 + ... + 15 seconds are 117 seconds with 13 looks, then one every 15 seconds (docs/s3-requests.md).
    expect(watchOf({ tasks: 1_000, wallMs: 600_000 })).toMatchObject({
      looks: 46,
      s3Writes: 46,
      s3Reads: 138,
    });
    expect(watchOf({ tasks: 7_812, wallMs: 600_000 })).toMatchObject({ looks: 46, s3Writes: 8 * 46 });
    expect(watchOf({ tasks: 4, wallMs: 10 })).toMatchObject({ looks: 1, transitions: 4 });
  });
});
