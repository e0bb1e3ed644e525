import { describe, expect, test } from 'vitest';
import { attemptId, jobId, taskId } from '../../../src/base/ids.ts';
import { plainPaint } from '../../../src/cli/display/paint.ts';
import { liveLines, plainLine } from '../../../src/cli/display/progress-lines.ts';
import {
  afterEvent,
  fractionDone,
  NOTHING_YET,
  type ProgressState,
  ratesOf,
  remainingMsOf,
} from '../../../src/cli/display/progress-state.ts';
import type { JobEvent, StageProgress } from '../../../src/report/report.ts';

const PLANNED: JobEvent & { kind: 'planned' } = {
  kind: 'planned',
  jobId: jobId('words-1'),
  files: 236,
  bytes: 1_200_000_000,
  stages: [
    { stage: 'map', tasks: 18 },
    { stage: 'reduce', tasks: 4 },
  ],
};
const MAP_STARTED: JobEvent = { kind: 'stage-started', stage: 'map', tasks: 18 };
const MAP_ENDED: JobEvent = {
  kind: 'stage-ended',
  report: {
    stage: 'map',
    tasks: 18,
    attempts: 18,
    failedAttempts: 0,
    backupAttempts: 0,
    wallMs: 12_000,
    recordsRead: 24_000_000,
    bytesRead: 1_200_000_000,
    recordsWritten: 1,
    bytesWritten: 1,
    spills: 0,
    bytesSpilled: 0,
  },
};

function progress(more: Partial<StageProgress>): JobEvent {
  return {
    kind: 'progress',
    progress: {
      stage: 'map',
      tasks: 18,
      done: 0,
      running: 2,
      failedAttempts: 0,
      records: 0,
      bytes: 0,
      bytesTotal: 1_200_000_000,
      elapsedMs: 0,
      ...more,
    },
  };
}

function failed(distinction: number, message: string): JobEvent {
  const task = taskId('map', 3);
  return {
    kind: 'attempt-failed',
    taskId: task,
    attemptId: attemptId(task, distinction),
    worker: 0,
    error: { name: 'UserCodeError', message },
    willRetry: true,
  };
}

function after(...events: JobEvent[]): ProgressState {
  return events.reduce(afterEvent, NOTHING_YET);
}

function live(state: ProgressState, columns = 120): string[] {
  return liveLines(state, { jobName: 'words', elapsedMs: 4_200, columns, paint: plainPaint });
}

const HALFWAY = [
  PLANNED,
  MAP_STARTED,
  progress({ done: 9, bytes: 600_000_000, records: 12_000_000, elapsedMs: 4_000 }),
];

describe('a progress display', () => {
  test('shows that it reads the input until the job is planned', () => {
    expect(live(NOTHING_YET)).toEqual(['words  looking at the input  5 s']);
    expect(plainLine(NOTHING_YET, { jobName: 'words', elapsedMs: 1_000 })).toBe(
      'words: 1 s, looking at the input',
    );
  });

  test('shows a bar, counts, rates and the time left of the running stage, and the waiting stage', () => {
    expect(live(after(...HALFWAY))).toEqual([
      'words  236 files, 1.20 GB  5 s',
      `map     ${'█'.repeat(15)}${'░'.repeat(15)}   50 %  9 of 18 tasks done, 2 running  3.00 M records/s  150 MB/s  4 s left`,
      `reduce  ${'░'.repeat(30)}         4 tasks`,
    ]);
  });

  test('shows the same in one line if it cannot draw', () => {
    expect(plainLine(after(...HALFWAY), { jobName: 'words', elapsedMs: 4_200 })).toBe(
      'words: 5 s, map 50 %, 9 of 18 tasks done, 2 running, 3.00 M records/s, 150 MB/s, 4 s left',
    );
  });

  test('keeps the time of a finished stage', () => {
    const lines = live(after(...HALFWAY, MAP_ENDED, { kind: 'stage-started', stage: 'reduce', tasks: 4 }));

    expect(lines[1]).toBe(`map     ${'█'.repeat(30)}  100 %  18 tasks  2.00 M records/s  100 MB/s  12.0 s`);
    expect(lines[2]).toBe(`reduce  ${'░'.repeat(30)}    0 %  0 of 4 tasks done`);
  });

  test('has no reduce stage for a map-only job', () => {
    expect(
      live(after({ ...PLANNED, stages: [{ stage: 'map', tasks: 18 }] })).map((line) => line.slice(0, 6)),
    ).toEqual(['words ', 'map   ']);
  });

  test('counts failed attempts and shows the last one, without control characters', () => {
    const state = after(...HALFWAY, failed(0, 'first'), failed(1, 'red \u001b[31m alert\nmore'));

    expect(live(state).at(-1)).toBe('2 attempts failed; the last, m-00003.1: UserCodeError: red ·[31m alert');
  });

  test('counts backup attempts', () => {
    const backup: JobEvent = {
      kind: 'attempt-started',
      taskId: taskId('map', 1),
      attemptId: attemptId(taskId('map', 1), 1),
      worker: 1,
      backup: true,
    };

    expect(live(after(...HALFWAY, backup)).at(-1)).toBe('1 backup attempt');
  });

  test.each([40, 60, 80, 100, 200])('fits a terminal %d columns wide', (columns) => {
    const state = after(...HALFWAY, failed(0, 'x'.repeat(500)));

    for (const line of live(state, columns)) expect(line.length).toBeLessThanOrEqual(columns);
  });
});

describe('progress in numbers', () => {
  const mapOf = (state: ProgressState) => state.stages[0]!;

  test('rates cover the last seconds, not all the time', () => {
    const events = Array.from({ length: 101 }, (_, tick) => {
      const elapsedMs = tick * 250;
      const slowMs = Math.min(elapsedMs, 20_000);
      // 10 bytes per millisecond for 20 seconds, then 100.
      return progress({ elapsedMs, bytes: slowMs * 10 + (elapsedMs - slowMs) * 100, records: elapsedMs });
    });

    expect(ratesOf(mapOf(after(PLANNED, MAP_STARTED, ...events)))).toEqual({
      recordsPerSecond: 1_000,
      bytesPerSecond: 100_000,
    });
  });

  test('limits the number of samples', () => {
    const events = Array.from({ length: 10_000 }, (_, tick) =>
      progress({ elapsedMs: tick * 250, bytes: tick }),
    );

    expect(mapOf(after(PLANNED, MAP_STARTED, ...events)).samples.length).toBeLessThan(30);
  });

  test('counts tasks that have read ahead only as running', () => {
    const stage = mapOf(after(PLANNED, MAP_STARTED, progress({ done: 1, running: 2, bytes: 1_200_000_000 })));

    expect(fractionDone(stage)).toBeCloseTo(3 / 18);
  });

  test('counts tasks if the total number of bytes is unknown', () => {
    const stage = mapOf(
      after(PLANNED, MAP_STARTED, progress({ done: 6, bytesTotal: undefined, elapsedMs: 10_000 })),
    );

    expect(fractionDone(stage)).toBeCloseTo(1 / 3);
    expect(remainingMsOf(stage)).toBeCloseTo(20_000);
  });

  test('does not divide by zero for a stage without tasks or an input without bytes', () => {
    const stage = mapOf(
      after(
        { ...PLANNED, stages: [{ stage: 'map', tasks: 0 }] },
        { ...MAP_STARTED, tasks: 0 },
        progress({ tasks: 0, running: 0, bytesTotal: 0, elapsedMs: 2_000 }),
      ),
    );

    expect(fractionDone(stage)).toBe(0);
    expect(ratesOf(stage)).toBeUndefined();
    expect(remainingMsOf(stage)).toBeUndefined();
  });
});
