import { expect, test } from 'vitest';
import { describeIdle, idleOf, type RunTimes } from '../../bench/idle.ts';
import { busyThread } from '../../bench/profile.ts';
import type { JobReport } from '../../src/report/report.ts';

const ORIGIN_MS = Date.parse('2026-11-30T10:00:00.000Z');

function task(taskId: string, worker: number, [startMs, endMs]: [number, number]): RunTimes['rows'][number] {
  const at = (ms: number) => new Date(ORIGIN_MS + ms).toISOString();
  return {
    taskId: taskId as never,
    environment: `worker ${worker}`,
    startedAt: at(startMs),
    endedAt: at(endMs),
  };
}

function stage(name: 'map' | 'reduce', startMs: number, wallMs: number): JobReport['stages'][number] {
  // The cast: idle.ts reads only these.
  return { stage: name, startMs, wallMs } as JobReport['stages'][number];
}

function span(startMs: number, endMs: number) {
  return { startMs: ORIGIN_MS + startMs, endMs: ORIGIN_MS + endMs };
}

/** The job starts 50 ms after the process. Worker 1 maps one task, and waits for worker 0, which maps two. */
const RUN: RunTimes = {
  process: span(-50, 1_100),
  report: {
    startedAt: new Date(ORIGIN_MS).toISOString(),
    wallMs: 1_000,
    stages: [stage('map', 100, 600), stage('reduce', 720, 200)],
  },
  rows: [
    task('m-00000', 0, [100, 400]),
    task('m-00001', 1, [130, 450]),
    task('m-00002', 0, [410, 690]),
    task('r-00000', 1, [720, 920]),
  ],
  workers: 2,
  profiles: [
    { threadId: 2, busy: [span(0, 130), span(130, 440)] },
    { threadId: 0, busy: [span(-50, 100)] },
    { threadId: 1, busy: [span(110, 390), span(420, 690)] },
  ],
};

test('shows for each span of the run how long each thread was busy, waited, and had no task', () => {
  const { threads, windows } = idleOf(RUN);

  expect(threads).toEqual(['coordinator', 'worker 0', 'worker 1']);
  expect(windows.map(({ title, lengthMs }) => [title, lengthMs])).toEqual([
    ...[['start', 50] as const, ['plan', 100] as const, ['map', 600] as const, ['barrier', 20] as const],
    ...[['reduce', 200] as const, ['commit', 80] as const, ['end', 100] as const],
  ]);
  expect(windows[2]).toMatchObject({
    busyMs: [0, 280 + 270, 340],
    waitsMs: [undefined, 20 + 10, 10],
    withoutTaskMs: [undefined, 20, 280],
  });
  expect(windows[1]).toMatchObject({ busyMs: [100, 0, 100], withoutTaskMs: [undefined, 100, 100] });
});

test('shows when a worker has no task during a stage: before the first, between tasks, and in the tail', () => {
  const { stages } = idleOf(RUN);

  expect(stages).toEqual([
    {
      ...{ stage: 'map', tailMs: 250 },
      workers: [
        { tasks: 2, beforeMs: 0, betweenMs: 10, tailMs: 10 },
        { tasks: 1, beforeMs: 30, betweenMs: 0, tailMs: 250 },
      ],
    },
    {
      ...{ stage: 'reduce', tailMs: 200 },
      workers: [
        { tasks: 0, beforeMs: 0, betweenMs: 0, tailMs: 200 },
        { tasks: 1, beforeMs: 0, betweenMs: 0, tailMs: 0 },
      ],
    },
  ]);
  expect(describeIdle(idleOf(RUN))).toMatch(/^map, worker 1 +1 +0\.030 +0\.000 +0\.25$/m);
});

test('a thread without a profile has no busy time', () => {
  const { windows } = idleOf({ ...RUN, profiles: [] });

  expect(windows[2]!.busyMs).toEqual([undefined, undefined, undefined]);
  expect(windows[2]!.withoutTaskMs).toEqual([undefined, 20, 280]);
});

test('a profile is busy in all its samples but the idle ones', () => {
  const node = (id: number, functionName: string) => ({
    id,
    callFrame: { functionName, url: '', lineNumber: 0 },
  });
  const profile = {
    ...{ threadId: 3, startTime: 5_000_000, nodes: [node(1, '(idle)'), node(2, 'f'), node(3, 'g')] },
    ...{ samples: [2, 3, 1, 2], timeDeltas: [1_000, 2_000, 10_000, 500] },
  };

  expect(busyThread(profile, 1_000)).toEqual({
    threadId: 3,
    busy: [
      { startMs: 6_000, endMs: 6_003 },
      { startMs: 6_013, endMs: 6_013.5 },
    ],
  });
});
