import { describe, expect, it } from 'vitest';
import { cpusOf, FACTS, type Fact, transitionsPerSecond } from '../../../src/aws/model/facts.ts';

const ALL: [string, Fact][] = Object.entries(FACTS).flatMap(([service, facts]) =>
  Object.entries<Fact>(facts).map(([name, fact]): [string, Fact] => [`${service}: ${name}`, fact]),
);

describe('the facts of AWS', () => {
  it.each(ALL)('%s has a source, a date, and a value within its range', (_name, fact) => {
    const { value, low = value, high = value, source, asOf } = fact;

    expect(source).not.toBe('');
    expect(asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect((value - low) * (high - value)).toBeGreaterThanOrEqual(0);
  });

  it('give the quotas of a region', () => {
    expect([transitionsPerSecond('us-east-1'), transitionsPerSecond('eu-central-1')]).toEqual([5_000, 800]);
    expect(cpusOf(1_769)).toBe(1);
  });
});
