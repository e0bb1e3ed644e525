import { describe, expect, test } from 'vitest';
import { attemptId, jobId, taskId } from '../../../src/base/ids.ts';
import { firstLinesOf } from '../../../src/cli/display/first-lines.ts';
import { plainPaint } from '../../../src/cli/display/paint.ts';
import { skewOf, summaryLines } from '../../../src/cli/display/summary.ts';
import type { JobReport } from '../../../src/report/report.ts';

const REPORT: JobReport = {
  formatVersion: 1,
  jobId: jobId('words-1'),
  jobName: 'words',
  params: {},
  startedAt: '2026-01-01T00:00:00.000Z',
  wallMs: 1_834,
  input: { files: 236, bytes: 10_800_000, splits: 11 },
  reducers: 2,
  stages: [
    {
      stage: 'map',
      tasks: 11,
      attempts: 13,
      failedAttempts: 1,
      backupAttempts: 1,
      wallMs: 1_200,
      recordsRead: 233_000,
      bytesRead: 10_800_000,
      recordsWritten: 93_693,
      bytesWritten: 1_020_000,
      spills: 3,
      bytesSpilled: 2_000_000,
    },
    {
      stage: 'reduce',
      tasks: 2,
      attempts: 2,
      failedAttempts: 0,
      backupAttempts: 0,
      wallMs: 169,
      recordsRead: 93_693,
      bytesRead: 1_020_000,
      recordsWritten: 23_705,
      bytesWritten: 272_000,
      spills: 0,
      bytesSpilled: 0,
    },
  ],
  parts: [
    { name: 'part-r-00000.tsv', records: 12_000, bytes: 140_000, crc32: '00000000' },
    { name: 'part-r-00001.tsv', records: 11_705, bytes: 132_000, crc32: '00000000' },
  ],
  partitionRecords: [50_000, 43_693],
  counters: { 'bad lines': 12, lines: 233_000 },
  failures: [
    {
      taskId: taskId('map', 3),
      attemptId: attemptId(taskId('map', 3), 0),
      error: { name: 'WorkerDiedError', message: 'worker 1 died' },
    },
  ],
};

describe('the summary', () => {
  test('has times, records, bytes, spills, retries, skew, counters, first lines and the folder', () => {
    const firstLines = firstLinesOf('part-r-00000.tsv', 'a\t28607\nabandon\t81\n');

    expect(summaryLines(REPORT, { output: 'out/words', firstLines, paint: plainPaint })).toEqual([
      'words: 23,705 records, 272 kB in 1.83 s',
      '',
      '  stage   tasks    time  records in  bytes in  records out  bytes out       spills',
      '  map        11  1.20 s     233,000   10.8 MB       93,693    1.02 MB  3 (2.00 MB)',
      '  reduce      2  169 ms      93,693   1.02 MB       23,705     272 kB            0',
      '',
      '  input    236 files, 10.8 MB, 11 splits',
      '  retries  1 failed attempt, 1 backup attempt',
      '  skew     1.07  (the largest of 2 partitions, as a multiple of their mean)',
      '           m-00003.0: WorkerDiedError: worker 1 died',
      '',
      '  counters',
      '    bad lines       12',
      '    lines      233,000',
      '',
      '  first lines of part-r-00000.tsv',
      '    a\t28607',
      '    abandon\t81',
      '',
      'result  2 parts in out/words/  (part-r-00000.tsv to part-r-00001.tsv)',
    ]);
  });

  test('of an empty result shows no lines', () => {
    const lines = summaryLines(
      {
        ...REPORT,
        parts: [{ ...REPORT.parts[0]!, records: 0, bytes: 0 }],
        partitionRecords: [0],
        counters: {},
      },
      { output: 'out/', firstLines: undefined, paint: plainPaint },
    );

    expect(lines[0]).toBe('words: 0 records, 0 B in 1.83 s');
    expect(lines.join('\n')).not.toMatch(/skew|counters|first lines/);
    expect(lines.at(-1)).toBe('result  1 part in out/  (part-r-00000.tsv)');
  });

  test.each([
    ['\n\n\n\n# A\n\nb\n', 'first lines of part that are not blank', ['# A', 'b']],
    ['a\nb\nc\nd\ne\n\nf\n', 'first lines of part', ['a', 'b', 'c', 'd', 'e']],
    ['\n \t\n\n', 'the first lines of part are blank', []],
    ['one unfinished line', 'first lines of part', ['one unfinished line']],
  ])('of a result that begins with %j skips blank lines if there are others', (start, title, shown) => {
    const lines = summaryLines(
      { ...REPORT, counters: {} },
      { output: 'out/', firstLines: firstLinesOf('part', start), paint: plainPaint },
    );

    const at = lines.indexOf(`  ${title}`);
    expect(lines.slice(at + 1, -2)).toEqual(shown.map((line) => `    ${line}`));
    expect(at).toBeGreaterThan(0);
  });

  test('cuts long lines and replaces their control characters', () => {
    const firstLines = firstLinesOf('part-r-00000.tsv', `\u001b]0;title\u0007${'x'.repeat(500)}\n`);

    const shown = summaryLines(REPORT, { output: 'out', firstLines, paint: plainPaint }).find((line) =>
      line.includes('title'),
    );

    expect(shown).toMatch(/^ {4}·\]0;title·x+…$/);
    expect(shown!.length).toBeLessThanOrEqual(120);
  });

  test('shows twenty counters and the number of the others', () => {
    const counters = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`counter ${i}`, i]));

    const lines = summaryLines(
      { ...REPORT, counters },
      { output: 'out', firstLines: undefined, paint: plainPaint },
    );

    expect(lines).toContain('    and 10 more in manifest.json');
  });
});

test('skew is the largest partition as a multiple of the mean', () => {
  expect(skewOf([10, 10, 10, 10])).toBe(1);
  expect(skewOf([40, 0, 0, 0])).toBe(4);
  expect(skewOf([0, 0])).toBeUndefined();
  expect(skewOf([7])).toBeUndefined();
  expect(skewOf([])).toBeUndefined();
  expect(skewOf(Array.from({ length: 200_000 }, () => 1))).toBe(1);
});
