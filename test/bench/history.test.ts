import { expect, test } from 'vitest';
import {
  describeWorse,
  figuresOf,
  type HistoryRecord,
  readHistory,
  saveRecord,
  worseThanBefore,
} from '../../bench/history.ts';
import type { WorkloadResult } from '../../bench/suite.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';

function record(wall: number, more: Partial<HistoryRecord> = {}): HistoryRecord {
  return {
    ...{ date: '2026-11-30T00:00:00.000Z', commit: 'abc', cpu: 'x', cores: 2, node: 'v24' },
    ...{ scale: 1, workers: 2, runs: 3 },
    figures: { sort: { wall, cpu: 10, peakMib: 300 } },
    ...more,
  };
}

test('reports a figure that is worse than the median of the last ten records, and no other', () => {
  const old = Array.from({ length: 20 }, () => record(50));
  const recent = Array.from({ length: 10 }, (_, i) => record(95 + i));

  const worse = worseThanBefore(record(130), [...old, ...recent]);

  expect(worse).toEqual([{ workload: 'sort', figure: 'wall', ratio: 130 / 99.5, records: 10 }]);
  expect(describeWorse(worse)).toMatch(
    /WORSE than before: sort, wall time .*: 1\.31 times .* last 10 records/,
  );
  expect(worseThanBefore(record(110), recent)).toEqual([]);
});

test('compares only with records of the same machine, threads and scale, and only with three or more', () => {
  const others = [record(1, { cpu: 'y' }), record(1, { scale: 0.1 }), record(1, { workers: 1 })];
  const twice = [record(1), record(1)];

  expect(worseThanBefore(record(100), [...others, ...twice])).toEqual([]);
  expect(worseThanBefore(record(100), [...twice, record(1)])).toHaveLength(1);
  expect(describeWorse([])).toBeUndefined();
});

test('keeps the last hundred records, oldest first', () => {
  const folder = folderOfTest('bench-history');

  for (let i = 0; i < 103; i++) saveRecord(folder, record(i));

  const kept = readHistory(folder).map(({ figures }) => figures.sort!.wall);
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([100, 3, 102]);
});

test('divides the times of each form of our job by the time of the reference loop', () => {
  const of = (value: number) => ({ median: value, min: value, max: value });
  const contender = (name: string, wallMs: number) => ({
    ...{ name, runs: [], digest: undefined, verdict: 'equal' as const, failure: undefined },
    summary: {
      ...{ wallMs: of(wallMs), cpuUserMs: of(1_500), cpuSystemMs: of(500), peakBytes: of(300 * 2 ** 20) },
      ...{ movedBytes: undefined, recordsPerSecond: 1, bytesPerSecond: 1 },
    },
  });
  const result: WorkloadResult = {
    ...{ workload: 'word-count', title: '' },
    input: { corpus: 'words', files: 1, bytes: 1, records: 1 },
    contenders: [contender('mapreduce', 1_000), contender('mapreduce-bytes', 600), contender('duckdb', 1)],
  };

  expect(figuresOf(result, 40)).toEqual([
    ['word-count', { wall: 25, cpu: 50, peakMib: 300 }],
    ['word-count/bytes', { wall: 15, cpu: 50, peakMib: 300 }],
  ]);
});
