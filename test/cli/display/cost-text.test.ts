import { describe, expect, test } from 'vitest';
import type { EstimatedCost } from '../../../src/aws/client/estimated-cost.ts';
import { costOf, type Usage } from '../../../src/aws/model/cost.ts';
import { pricesOf } from '../../../src/aws/model/prices.ts';
import { costText, formatDollars } from '../../../src/cli/display/cost-text.ts';

const USAGE: Usage = {
  invocations: 1_000_000,
  gbSeconds: 75_000,
  scratchGbSeconds: 0,
  isUpperBound: false,
  transitions: 4_000,
  expressExecutions: 0,
  expressSeconds: 0,
  s3Writes: 2_000,
  s3Reads: 10_000,
};

function estimate(region: string, more: Partial<EstimatedCost> = {}): EstimatedCost {
  const prices = pricesOf(region);
  const cost = costOf(USAGE, prices);
  return { kind: 'estimate', usage: USAGE, cost, prices, region, isEmulator: false, executions: 1, ...more };
}

describe('the text of an estimated cost', () => {
  test('says that it is an estimate, and the region and date of its prices', () => {
    const here = costText(estimate('us-east-1'));
    const there = costText(
      estimate('sa-east-1', { usage: { ...USAGE, isUpperBound: true }, isEmulator: true }),
    );

    expect(here.total).toMatch(
      /^about \$1\.31 {2}\(an estimate, at prices of us-east-1 of \d{4}-\d\d-\d\d\)$/,
    );
    expect(here.parts).toEqual([
      'functions $1.20 for 75,000 GB-seconds, coordination $0.10 for 4,000 transitions, S3 $0.014 for 12,000 requests',
      expect.stringMatching(/^not in it: .*logs, .*wait for the job$/),
    ]);
    expect(there.total).toMatch(
      /^on AWS at most about \$1\.31 .*at prices of us-east-1 of .*; those of sa-east-1 are not known here, and may differ\)$/,
    );
  });

  test('names the region if the prices are those of the region', () => {
    expect(costText(estimate('eu-central-1')).total).toMatch(/at prices of eu-central-1 of 2026-08-31\)$/);
  });

  test('mentions redrives', () => {
    expect(costText(estimate('us-east-1', { executions: 3 })).parts.at(-1)).toBe(
      'of 3 executions, redrives counted',
    );
  });

  test('gives the reason if there is no estimate', () => {
    expect(costText({ kind: 'unknown', why: 'access denied' })).toEqual({
      total: 'not known: access denied',
      parts: [],
    });
    expect(costText({ kind: 'expired' }).total).toContain('90 days');
  });

  test.each([
    [12.345, '$12.35'],
    [0.0123, '$0.012'],
    [0.5, '$0.50'],
    [0.00001, 'less than $0.0001'],
  ])('prints %s dollars as %s', (dollars, text) => {
    expect(formatDollars(dollars)).toBe(text);
  });
});
