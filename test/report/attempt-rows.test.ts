import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../simulation/seeded-random.ts';
import { attemptId, type TaskId, taskId } from '../../src/base/ids.ts';
import {
  type AttemptRow,
  committedRow,
  encodeAttempts,
  otherRow,
  slowestAttempts,
} from '../../src/report/attempt-rows.ts';
import { parseAttempts } from '../../src/report/parse-attempts.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';

const STARTED = Date.parse('2026-11-30T12:00:00.000Z');

function summaryOf(task: TaskId, random = seededRandom(1)): TaskSummary {
  const upTo = (max: number) => Math.floor(random() * max);
  const hex = (digits: number) => Array.from({ length: digits }, () => upTo(16).toString(16)).join('');
  const phasesMs = [upTo(9_000), upTo(3_000), upTo(20_000), upTo(3_000), upTo(3_000), upTo(9_000)];
  return {
    taskId: task,
    attemptId: attemptId(task, `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`),
    recordsRead: upTo(1e7),
    bytesRead: upTo(2 ** 30),
    plainBytesRead: 0,
    recordsWritten: upTo(1e7),
    bytesWritten: upTo(2 ** 28),
    spills: upTo(4),
    bytesSpilled: upTo(2 ** 28),
    elapsedMs: phasesMs.reduce((sum, ms) => sum + ms, 0) + upTo(500),
    crc32: '',
    counters: {},
    facts: {
      startedAtMs: STARTED + upTo(600_000),
      environment: environments[upTo(environments.length)]!,
      ...(random() < 0.05 ? { coldStartMs: upTo(900) } : {}),
      phasesMs,
      peakMemoryBytes: upTo(1.7e9),
      requests: [upTo(2_000), upTo(40)],
    },
  };
}

const ids = seededRandom(2);
/** As many as Lambda gives an account at first. */
const environments = Array.from({ length: 1_000 }, () =>
  Array.from({ length: 32 }, () => Math.floor(ids() * 16).toString(16)).join(''),
);

const FAILED: AttemptRow = otherRow({
  attemptId: attemptId(taskId('map', 7), 'death-1'),
  outcome: 'failed',
  endedAt: '2026-11-30T12:00:09.000Z',
  error: { name: 'TaskTimedOutError', message: 'x'.repeat(5_000) },
});

describe('the list of attempts', () => {
  it('reads back what was written, in the order of tasks', () => {
    const [a, b] = [taskId('map', 0), taskId('reduce', 3)].map((task) => committedRow(summaryOf(task)));

    const read = parseAttempts(encodeAttempts([b!, FAILED, a!]), 'the file');

    expect(read).toEqual([a, FAILED, b]);
    expect(read[1]!.error!.length).toBe(300);
  });

  it('has phases that add up to the time of the attempt', () => {
    const row = committedRow(summaryOf(taskId('map', 0)));
    const { waitingMs, readingMs, userMs, sortingMs, spillingMs, writingMs, otherMs } = row;

    const phases = [waitingMs, readingMs, userMs, sortingMs, spillingMs, writingMs, otherMs];

    expect(phases.reduce((sum, ms) => sum! + ms!, 0)).toBe(row.elapsedMs);
  });

  it('takes at most 3 MB for 20,000 attempts', () => {
    const random = seededRandom(3);
    const rows = Array.from({ length: 20_000 }, (_, i) => committedRow(summaryOf(taskId('map', i), random)));

    const bytes = encodeAttempts(rows);

    expect(bytes.length).toBeLessThan(3e6);
    expect(parseAttempts(bytes, 'the file').length).toBe(rows.length);
  });

  it('gives the slowest attempts, without those whose time is not known', () => {
    const rows = [3, 900, 20].map((elapsedMs, i) => ({
      ...committedRow(summaryOf(taskId('map', i))),
      elapsedMs,
    }));

    expect(slowestAttempts([...rows, FAILED], 2).map(({ elapsedMs }) => elapsedMs)).toEqual([900, 20]);
  });

  it.each([
    ['is not compressed', Buffer.from('{}\n'), 'cannot be decompressed'],
    ['is not JSON', gzipSync('nothing\n'), 'line 1 is not JSON'],
    ['was cut', gzipSync(gunzipSync(encodeAttempts([FAILED])).subarray(0, -1)), 'its last line is cut'],
    ['has other fields', gzipSync('{"taskId":"m-00001"}\n'), 'line 1: attemptId'],
    [
      'has a negative time',
      gzipSync(`${JSON.stringify({ ...FAILED, elapsedMs: -1 })}\n`),
      'line 1: elapsedMs',
    ],
  ])('is refused if it %s', (_, bytes, why) => {
    expect(() => parseAttempts(bytes, 'the file')).toThrow(
      expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(why) }),
    );
  });
});
