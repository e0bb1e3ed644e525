import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeMatrix, flatnessOf, type MatrixResult, runMatrix } from '../../bench/matrix.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';

const MIB = 1 << 20;
const folder = folderOfFile('bench-matrix');

function cell(inputBytes: number, wallMs: number, threads = 2): MatrixResult {
  const figures = { wallMs, cpuMs: wallMs, peakBytes: MIB, failure: undefined };
  return { workload: 'sort', threads, inputBytes, ...figures };
}

test('compares time per byte from 0.5 GiB on, for each number of threads', () => {
  const results = [
    cell(64 * MIB, 9_000),
    cell(512 * MIB, 1_000),
    ...[cell(512 * MIB, 2_000, 1), cell(2048 * MIB, 4_000, 1), cell(4096 * MIB, 10_000, 1)],
    cell(2048 * MIB, 4_400),
  ];

  expect(flatnessOf(results).map(({ threads, growth }) => [threads, growth])).toEqual([
    [2, 1.1],
    [1, 1.25],
  ]);
  expect(describeMatrix(results)).toMatch(/^sort +2 +1\.10x +flat\nsort +1 +1\.25x +not flat$/m);
});

test('refuses inputs for which the disk has no room, before anything runs', async () => {
  const started: string[] = [];
  const contender = { name: 'mapreduce', version: '', command: () => undefined };

  const refused = runMatrix({
    workloads: ['sort'],
    sizesBytes: [64 * MIB, 2 ** 50],
    threads: [1],
    runs: 1,
    contender,
    folder,
    note: (text) => started.push(text),
  });

  await expect(refused).rejects.toThrow(
    /needs \d+ MiB of free disk .*bench-matrix.* has \d+ MiB.*--data <folder>/,
  );
  expect(started).toEqual([]);
});

test('runs each cell, and removes the inputs that it generates', async () => {
  const contender = {
    name: 'mapreduce',
    version: '',
    command: ({ input, output }: { input: string; output: string }) => ({
      command: ['sh', '-c', 'test -s "$0" && cp "$0" "$1"', input, output],
    }),
  };

  const results = await runMatrix({
    workloads: ['word-count', 'sort', 'grep'],
    sizesBytes: [MIB, 2 * MIB],
    threads: [1, 2],
    runs: 2,
    contender,
    folder,
    note: () => {},
  });

  expect(results.map(({ workload, threads, failure }) => [workload, threads, failure])).toEqual(
    [0, 1].flatMap(() =>
      ['word-count', 'grep', 'sort'].flatMap((name) => [1, 2].map((threads) => [name, threads, undefined])),
    ),
  );
  expect(readdirSync(folder)).toEqual([]);
});
