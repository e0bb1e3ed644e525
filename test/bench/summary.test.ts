import { expect, test } from 'vitest';
import type { ContenderResult, WorkloadResult } from '../../bench/suite.ts';
import { describeSummary, summaryRows } from '../../bench/summary.ts';

function contender(
  name: string,
  wallMs: number,
  verdict: ContenderResult['verdict'] = 'equal',
): ContenderResult {
  const of = (value: number) => ({ median: value, min: value, max: value });
  const summary = {
    wallMs: of(wallMs),
    cpuUserMs: of(wallMs),
    cpuSystemMs: of(100),
    peakBytes: of(2 ** 20),
    movedBytes: of(2_500),
    recordsPerSecond: 1,
    bytesPerSecond: 1,
  };
  return { name, runs: [], summary, digest: undefined, verdict, failure: undefined };
}

function result(contenders: readonly ContenderResult[]): WorkloadResult {
  const input = { corpus: 'words', files: 1, bytes: 1_000, records: 10 } as const;
  return { workload: 'word-count', title: 'Word count', input, contenders };
}

test('compares each form of our job with the fastest of each group', () => {
  const contenders = [
    contender('mapreduce', 3_000),
    contender('mapreduce-bytes', 1_500),
    ...[contender('duckdb', 2_000), contender('duckdb-direct', 6_000)],
    ...[contender('polars', 2_500), contender('polars-direct', 4_000)],
    ...[contender('mawk', 20_000), contender('rust', 750)],
  ];

  const [text, bytes] = summaryRows([result(contenders)]);

  expect(text).toMatchObject({
    ...{ contender: 'mapreduce', wallMs: 3_000, cpuMs: 3_100, movedPerByte: 2.5 },
    engine: { name: 'duckdb', ratio: 1.5 },
    direct: { name: 'polars-direct', ratio: 0.75 },
    tool: { name: 'mawk', ratio: 0.15 },
    limit: { name: 'rust', ratio: 4 },
  });
  expect([bytes!.contender, bytes!.engine!.ratio]).toEqual(['mapreduce-bytes', 0.75]);
});

test('the usual query is the fastest one where a peer has no other', () => {
  const contenders = [
    contender('mapreduce', 1_000),
    contender('duckdb', 500),
    contender('polars-direct', 800),
  ];

  expect(summaryRows([result(contenders)])[0]!.direct).toMatchObject({ name: 'duckdb', ratio: 2 });
});

test('does not compare with a peer whose result is wrong', () => {
  const contenders = [
    contender('mapreduce', 1_000),
    contender('duckdb', 10, 'different'),
    contender('polars', 500),
  ];

  expect(summaryRows([result(contenders)])[0]!.engine!.name).toBe('polars');
  expect(describeSummary([result(contenders)])).toMatch(
    /^word-count +1\.00 +1\.10 +1 MiB +2\.50 +polars 0\.50 +2\.00x/m,
  );
});
