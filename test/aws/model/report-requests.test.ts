import { describe, expect, test } from 'vitest';
import { storageRequests } from '../../../src/aws/model/report-requests.ts';
import type { JobReport } from '../../../src/report/report.ts';

describe('the requests of a job that has run', () => {
  test('grows with the product of map and reduce tasks for reads, and with their sum for writes', () => {
    const report = (maps: number, reduces: number) =>
      ({
        input: { files: 1, splits: maps, bytes: 0 },
        reducers: reduces,
        stages: [maps, reduces].map((tasks) => ({
          tasks,
          attempts: tasks,
          bytesRead: tasks,
          bytesWritten: 0,
        })),
      }) as unknown as JobReport;

    const [small, large] = [storageRequests(report(10, 10)), storageRequests(report(100, 100))];

    // A stage of 10 tasks has no list of items.
    const lists = 2;
    expect(large.s3Writes - small.s3Writes).toBe(180 + lists);
    // Input, footers, settings of both stages, looks for a cancellation, parts; and the index, which is larger.
    expect(large.s3Reads - small.s3Reads).toBe(100 * 100 - 10 * 10 + 8 * 90 + (177 - 10) + lists);
  });

  test('counts a look of each attempt every five seconds, based on their median time', () => {
    const report = (medianMs: number) =>
      ({
        input: { files: 1, splits: 10, bytes: 0 },
        reducers: 0,
        stages: [{ tasks: 10, attempts: 12, bytesRead: 0, bytesWritten: 0, taskTimes: { medianMs } }],
      }) as unknown as JobReport;

    const [short, long] = [storageRequests(report(4_900)), storageRequests(report(31_000))];

    expect(long.s3Reads - short.s3Reads).toBe(12 * 6 * 3);
    expect(long.s3Writes).toBe(short.s3Writes);
  });
});
