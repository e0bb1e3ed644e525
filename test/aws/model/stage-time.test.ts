import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  firstSecondBytes,
  requestSeconds,
  runSeconds,
  type TaskRun,
  transferSeconds,
} from '../../../src/aws/model/stage-time.ts';

/** Starts each task when it is its turn and a slot is free. */
function simulated({ tasks, slots, startsPerSecond, taskSeconds }: TaskRun): number {
  const free = new Array<number>(slots).fill(0);
  let end = 0;
  for (let task = 0; task < tasks; task++) {
    const slot = free.indexOf(Math.min(...free));
    free[slot] = Math.max(free[slot]!, task / startsPerSecond) + taskSeconds;
    end = Math.max(end, free[slot]!);
  }
  return end;
}

describe('the time of a stage', () => {
  it('is that of a simulation which starts each task as soon as it can', () => {
    const run = fc.record({
      tasks: fc.integer({ min: 0, max: 200 }),
      slots: fc.integer({ min: 1, max: 40 }),
      startsPerSecond: fc.double({ min: 0.1, max: 100, noNaN: true }),
      taskSeconds: fc.double({ min: 0.01, max: 20, noNaN: true }),
    });

    fc.assert(
      fc.property(run, (given) => {
        expect(runSeconds(given)).toBeCloseTo(simulated(given), 6);
      }),
      { seed: 1 },
    );
  });

  it('of requests is bounded by a rate that grows', () => {
    expect(requestSeconds(11_000, { perSecond: 5_500, growthPerSecondSquared: 0 })).toBe(2);
    // 5,500 a second and 100 more each second: 55,000 + 5,000 in ten seconds.
    expect(requestSeconds(60_000, { perSecond: 5_500, growthPerSecondSquared: 100 })).toBeCloseTo(10, 9);
  });

  it('of a transfer is short for a burst, and steady after it', () => {
    const network = { burstBytes: 300, burstBytesPerSecond: 600, bytesPerSecond: 75 };

    expect(transferSeconds(150, network)).toBe(0.25);
    expect(transferSeconds(1_050, network)).toBe(0.5 + 10);
    expect(transferSeconds(firstSecondBytes(network), network)).toBe(1);
    expect(firstSecondBytes({ ...network, burstBytes: 900 })).toBe(600);
  });
});
