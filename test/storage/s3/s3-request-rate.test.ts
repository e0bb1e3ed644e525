import { describe, expect, it } from 'vitest';
import { S3_LIMITS } from '../../../src/storage/s3/s3-limits.ts';
import { RequestRate } from '../../../src/storage/s3/s3-request-rate.ts';

/** A rate of `perSecond`, after a throttle at `atMs`. */
function cutTo(perSecond: number, atMs = 10_000): RequestRate {
  const rate = new RequestRate(S3_LIMITS, () => 0);
  for (let sent = 0; sent < perSecond / S3_LIMITS.rateCutFactor; sent++) {
    rate.sends(atMs - 1_000 + (sent * 1_000 * S3_LIMITS.rateCutFactor) / perSecond);
  }
  rate.throttled({ sentMs: atMs - 10, nowMs: atMs });
  return rate;
}

describe('RequestRate', () => {
  it('is unlimited until S3 throttles', () => {
    const rate = new RequestRate(S3_LIMITS, () => 0);

    for (let sent = 0; sent < 10_000; sent++) {
      expect(rate.waitMs(0)).toBe(0);
      rate.sends(0);
    }

    expect(rate.perSecond(0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is cut from what was sent in the last second', () => {
    const rate = cutTo(70);

    expect(rate.perSecond(10_000)).toBeGreaterThan(60);
    expect(rate.perSecond(10_000)).toBeLessThan(85);
  });

  it('is cut once for all requests that were sent before', () => {
    const rate = cutTo(70);
    const before = rate.perSecond(10_010);

    for (let late = 0; late < 63; late++) rate.throttled({ sentMs: 9_999, nowMs: 10_010 });
    const same = rate.perSecond(10_010);
    rate.throttled({ sentMs: 10_005, nowMs: 10_010 });

    expect(same).toBe(before);
    expect(rate.perSecond(10_010)).toBeLessThan(0.75 * before);
  });

  it('spaces requests, whoever asks how often', () => {
    const rate = cutTo(50);
    let sent = 0;
    for (let nowMs = 10_000; nowMs < 10_500; nowMs++) {
      while (rate.waitMs(nowMs) === 0) {
        rate.sends(nowMs);
        sent += 1;
      }
    }

    expect(sent).toBeGreaterThanOrEqual(22);
    expect(sent).toBeLessThanOrEqual(35);
  });

  it('never falls below its minimum, however often S3 throttles', () => {
    const rate = cutTo(50);

    for (let nowMs = 10_001; nowMs < 10_100; nowMs++) rate.throttled({ sentMs: nowMs, nowMs });

    expect(rate.perSecond(10_099)).toBeGreaterThanOrEqual(S3_LIMITS.ratePerSecondMin);
    expect(rate.perSecond(10_099)).toBeLessThan(1);
  });

  it('grows ever faster, and is unlimited in the end', () => {
    const rate = cutTo(50);

    const [one, two, three] = [11_000, 12_000, 13_000].map((nowMs) => rate.perSecond(nowMs)) as [
      number,
      number,
      number,
    ];
    expect(two / one).toBeGreaterThan(1.3);
    expect(three / two).toBeGreaterThan(two / one);
    expect(rate.perSecond(20_000)).toBe(Number.POSITIVE_INFINITY);
  });
});
