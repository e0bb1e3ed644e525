import { describe, expect, it } from 'vitest';
import { estimateJob } from '../../src/aws/model/estimate.ts';
import { deploymentShape, shapeOf } from '../../src/aws/model/job-shape.ts';
import { assumedTraits } from '../../src/aws/model/traits.ts';
import { estimateFacts, rangeText } from '../../src/report/estimate-facts.ts';

const FILE = { key: 'data/a.txt', sizeBytes: 200e6, etag: 'a', compression: 'none' as const };
const PLAN = {
  splits: [
    { pieces: [{ file: FILE, startBytes: 0, endBytes: 100e6 }] },
    { pieces: [{ file: FILE, startBytes: 100e6, endBytes: 200e6 }] },
  ],
  inputFiles: 1,
  settings: { reducers: 3, partition: { kind: 'hash' as const } },
};

describe('the estimate beside what a job needed', () => {
  it('shows time, requests and GB-seconds, each with its range', () => {
    const planned = estimateJob({
      job: shapeOf(PLAN, { taskMemoryMb: 1_769 }),
      traits: assumedTraits({ isMapOnly: false, hasCombiner: true }),
      deployment: deploymentShape({}),
    });

    const facts = estimateFacts({
      planned,
      afterMap: planned,
      actual: { seconds: 21, gbSeconds: 5.5, writes: 30, reads: 70 },
    });

    expect(facts.map(([name]) => name)).toEqual(['time', 'requests', 'GB-seconds']);
    expect(facts[0]![1]).toMatch(/^21 s, estimated \d+ s \(\d+ s to [\d a-z]+\)$/);
    expect(facts[1]![1]).toMatch(/^100, estimated \d+ \(\d+ to [\d,]+\), after the map stage \d+$/);
    expect(facts[2]![1]).toMatch(/^6 of tasks, estimated /);
  });

  it('shows no range for a figure that is exact', () => {
    expect(rangeText({ low: 3, likely: 3, high: 3 }, String)).toBe('3');
    expect(rangeText({ low: 5, likely: 3, high: 2 }, String)).toBe('3 (2 to 5)');
  });
});
