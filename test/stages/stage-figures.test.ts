import { describe, expect, it } from 'vitest';
import { attemptId, taskId } from '../../src/base/ids.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { stageFigures } from '../../src/stages/stage-figures.ts';

function summary(index: number, elapsedMs: number): TaskSummary {
  return {
    taskId: taskId('map', index),
    attemptId: attemptId(taskId('map', index), 0),
    recordsRead: 10,
    bytesRead: 100,
    plainBytesRead: 100,
    recordsWritten: 5,
    bytesWritten: 50,
    spills: 1,
    bytesSpilled: 20,
    elapsedMs,
    crc32: '',
    counters: {},
  };
}

describe('the figures of a stage', () => {
  it('are sums over the attempts that committed, and the times of its tasks', () => {
    const times = [300, 100, 9_000, 200, 250];

    const figures = stageFigures(times.map((elapsedMs, index) => summary(index, elapsedMs)));

    expect(figures).toEqual({
      recordsRead: 50,
      bytesRead: 500,
      recordsWritten: 25,
      bytesWritten: 250,
      spills: 5,
      bytesSpilled: 100,
      taskTimes: { medianMs: 250, p95Ms: 300, maxMs: 9_000, slowestTask: 'm-00002' },
    });
  });

  it('have no times if there were no tasks', () => {
    expect(stageFigures([])).toEqual({
      recordsRead: 0,
      bytesRead: 0,
      recordsWritten: 0,
      bytesWritten: 0,
      spills: 0,
      bytesSpilled: 0,
    });
  });
});
