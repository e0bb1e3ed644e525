import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptId, taskId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { jobBadRecords } from '../../src/stages/job-bad-records.ts';
import { KeptBadRecords } from '../../src/stages/kept-bad-records.ts';

function summaryOf(task: number, bad: number): TaskSummary {
  const id = taskId('map', task);
  const listed = Math.min(bad, LIMITS.badRecordsListedMax);
  const first = Array.from({ length: listed }, (_, offset) => ({ file: `f${task}`, offset, message: 'bad' }));
  return {
    ...{ taskId: id, attemptId: attemptId(id, '1'), recordsRead: bad, bytesRead: 0, plainBytesRead: 0 },
    ...{
      recordsWritten: 0,
      bytesWritten: 0,
      spills: 0,
      bytesSpilled: 0,
      elapsedMs: 0,
      crc32: '',
      counters: {},
    },
    ...(bad === 0 ? {} : { badRecords: { count: bad, first } }),
  };
}

describe('the bad records that a barrier keeps', () => {
  it('are those that it would list if it kept all, whatever the order in which the tasks arrive', () => {
    const counts = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3_000 })), {
      maxLength: 25,
      size: 'max',
    });
    fc.assert(
      fc.property(counts, fc.infiniteStream(fc.nat()), (bad, random) => {
        const all = bad.map((count, task) => summaryOf(task, count));
        const kept = new KeptBadRecords();
        const order = [...bad.keys()].map((task) => ({ task, at: random.next().value as number }));
        const arrived: TaskSummary[] = [];
        for (const { task } of order.sort((a, b) => a.at - b.at)) arrived[task] = kept.keep(task, all[task]!);

        expect(jobBadRecords(arrived)).toEqual(jobBadRecords(all));
        const held = arrived.reduce((sum, { badRecords }) => sum + (badRecords?.first.length ?? 0), 0);
        expect(held).toBeLessThanOrEqual(5 * LIMITS.badRecordsListedMax);
      }),
      { numRuns: 200 },
    );
  });
});
