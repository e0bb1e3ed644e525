import { describe, expect, it } from 'vitest';
import { attemptId, taskId } from '../../../src/base/ids.ts';
import { rowOf } from '../../../src/local/schedule/ended-attempt.ts';
import { newStageTask, type RunningAttempt } from '../../../src/local/schedule/stage-task.ts';
import type { Measured } from '../../../src/report/attempt-meter.ts';
import { mapTasks } from './scripted-pool.ts';

const NOW = new Date('2026-11-30T12:00:10.000Z');
const MEASURED: Measured = {
  elapsedMs: 1_500,
  facts: {
    startedAtMs: Date.parse('2026-11-30T12:00:08.000Z'),
    environment: '',
    coldStartMs: 90,
    phasesMs: [100, 200, 300, 400, 0, 500],
    peakMemoryBytes: 5_000_000,
  },
};
const PROGRESS = {
  ...{ recordsRead: 7, bytesRead: 70, recordsWritten: 3, bytesSpilled: 0, spills: 0 },
  ...{ pieceIndex: 0, chunkOffsetBytes: 0, steps: 0 },
};

function attempt(measured: Measured | undefined): RunningAttempt {
  const task = newStageTask(0, mapTasks(1)[0]!);
  const own: RunningAttempt = {
    ...{ task, id: attemptId(taskId('map', 0), 1), worker: 3, backup: false, sequence: 2, startedMs: 7_000 },
    ...{ stopAskedMs: undefined, begun: true, progressSum: 0, quietMs: 0 },
    handle: {
      result: new Promise(() => {}),
      progress: () => PROGRESS,
      measured: () => measured,
      checks: () => 0,
      cancel: () => {},
      kill: () => {},
    },
  };
  const earlier = { ...own, id: attemptId(taskId('map', 0), 0) };
  const failure = { isRetryable: true, isExcused: false, error: new Error('no') };
  task.failures.push({ ...failure, attempt: earlier }, { ...failure, attempt: own });
  return own;
}

describe('what an attempt of an embedded run did', () => {
  it('is what its thread measured, with its worker and the failures before it', () => {
    const error = { name: 'UserCodeError', message: 'map() threw' };

    const row = rowOf(attempt(MEASURED), { outcome: 'failed', error, nowMs: 9_999, now: NOW });

    expect(row).toMatchObject({
      outcome: 'failed',
      startedAt: '2026-11-30T12:00:08.000Z',
      endedAt: '2026-11-30T12:00:09.500Z',
      elapsedMs: 1_500,
      environment: 'worker 3',
      coldStartMs: 90,
      retry: 1,
      userMs: 300,
      otherMs: 0,
      recordsRead: 7,
      error: 'UserCodeError: map() threw',
    });
  });

  it('is what the coordinator saw if its thread was killed: its time and its progress', () => {
    const row = rowOf(attempt(undefined), { outcome: 'stopped', nowMs: 9_000, now: NOW });

    expect(row).toMatchObject({
      outcome: 'stopped',
      startedAt: '2026-11-30T12:00:08.000Z',
      endedAt: NOW.toISOString(),
      elapsedMs: 2_000,
      environment: 'worker 3',
      recordsRead: 7,
    });
    expect(row.userMs).toBeUndefined();
  });
});
