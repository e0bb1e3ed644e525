import { describe, expect, it } from 'vitest';
import { attemptId, taskId } from '../../../src/base/ids.ts';
import { attemptLines } from '../../../src/cli/display/attempts-table.ts';
import { type AttemptRow, otherRow } from '../../../src/report/attempt-rows.ts';

const START = '2026-11-30T12:00:00.000Z';
const plain = (_style: string, text: string) => text;

function row(index: number, elapsedMs: number, more: Partial<AttemptRow> = {}): AttemptRow {
  const measured = {
    elapsedMs,
    facts: {
      startedAtMs: Date.parse(START) + 1_000 * index,
      environment: '7dd0c4ff60164a4fb8ac1ca1ae2c3e1f',
      phasesMs: [elapsedMs / 2, 0, elapsedMs / 4, 0, 0, elapsedMs / 4],
      peakMemoryBytes: 150_000_000,
    },
  };
  const id = attemptId(taskId('map', index), 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef');
  return { ...otherRow({ attemptId: id, outcome: 'committed', endedAt: '', measured }), ...more };
}

describe('the table of the slowest attempts', () => {
  it('shows where the time of each went, slowest first, and leaves out columns that say nothing', () => {
    const lines = attemptLines([row(0, 400), row(1, 8_000)], { startedAt: START, paint: plain });

    expect(lines).toEqual([
      'the slowest of 2 attempts',
      '  task     attempt   environment   start    time    wait    user   write  memory',
      '  m-00001  c6af9ac6  7dd0c4ff     1.00 s  8.00 s  4.00 s  2.00 s  2.00 s  150 MB',
      '  m-00000  c6af9ac6  7dd0c4ff       0 ms  400 ms  200 ms  100 ms  100 ms  150 MB',
    ]);
  });

  it('has at most ten, and says why one failed, without what a terminal would obey', () => {
    const rows = Array.from({ length: 30 }, (_, i) => row(i, 100 + i));
    const failed = row(30, 9_000, {
      outcome: 'failed',
      error: 'UserCodeError: map threw \u001b[31mno\nat x',
    });

    const lines = attemptLines([...rows, failed], { paint: plain });

    expect(lines.length).toBe(1 + 1 + 10 + 1);
    expect(lines[3]).toMatch(/^ {4}failed: UserCodeError: map threw .*no$/);
    expect(lines[3]).not.toContain('\u001b');
  });

  it('says so if no attempt has ended', () => {
    expect(attemptLines([], { paint: plain })).toEqual(['no attempt has ended yet']);
  });
});
