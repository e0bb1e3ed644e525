import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { type Contender, engineAt, otherBuild } from '../../bench/contenders.ts';
import type { Measurement } from '../../bench/measure.ts';
import { compare, comparisonsOf } from '../../bench/paired.ts';
import { describeComparisons } from '../../bench/report.ts';
import { runWorkload } from '../../bench/suite.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';

const folder = folderOfFile('bench-paired');

function run(wallMs: number, cpuMs = wallMs): Measurement {
  return {
    wallMs,
    cpuUserMs: cpuMs / 2,
    cpuSystemMs: cpuMs / 2,
    peakBytes: 1,
    peakAnonymousBytes: undefined,
    movedBytes: undefined,
  };
}

test('a machine that slows down halfway does not make the later build look slower', () => {
  const theirs = [run(1000), run(1000), run(3000), run(3000), run(3000)];
  const ours = [run(1010), run(1020), run(3000), run(3030), run(3060)];

  const verdict = compare({ build: 'other', ours, theirs, isTiny: false });

  expect(verdict.wallRatio.median).toBeCloseTo(1.01, 6);
  expect(verdict.isSlower).toBe(false);
});

test('a build is slower by more than three percent, or by more than ten milliseconds if the job is tiny', () => {
  const hundredths = (more: number) =>
    compare({ build: 'o', ours: [run(1000 + more)], theirs: [run(1000)], isTiny: false });
  const tiny = (more: number) =>
    compare({ build: 'o', ours: [run(100 + more)], theirs: [run(100)], isTiny: true });

  expect([hundredths(30).isSlower, hundredths(31).isSlower]).toEqual([false, true]);
  expect([tiny(10).isSlower, tiny(11).isSlower]).toEqual([false, true]);
});

test('compares CPU time as well as wall time, and does not divide by zero if a run is too short to have any', () => {
  const verdict = compare({ build: 'o', ours: [run(50, 0)], theirs: [run(50, 0)], isTiny: true });

  expect(verdict.cpuRatio.median).toBe(1);
});

test('rejects runs without a partner', () => {
  const unequal = () => compare({ build: 'o', ours: [run(1), run(2)], theirs: [run(1)], isTiny: false });

  expect(unequal).toThrow('2 runs cannot be paired with 1');
});

test('builds alternate: the build that ran first in a pair runs second in the next', async () => {
  const contenders = [shell('mapreduce'), shell('other')];
  const notes: string[] = [];

  const result = await runWorkload('tiny', {
    contenders,
    scale: 1,
    runs: 3,
    workers: 1,
    alternates: true,
    folder,
    note: (text) => notes.push(text),
  });
  const comparisons = comparisonsOf(result, [contenders[1]!]);

  expect(notes.slice(1).map((text) => text.replace(/.*: /, ''))).toEqual([
    ...['mapreduce', 'other'],
    ...['other', 'mapreduce'],
    ...['mapreduce', 'other'],
  ]);
  expect(describeComparisons(comparisons)).toMatch(/this build \/ other, median \(extremes\) of 3 pairs/);
});

test('a build that failed gets no verdict', async () => {
  const failing = shell('other', 'exit 3');

  const result = await runWorkload('tiny', {
    contenders: [shell('mapreduce'), failing],
    scale: 1,
    runs: 2,
    workers: 1,
    alternates: true,
    folder,
    note: () => {},
  });

  expect(comparisonsOf(result, [failing])).toEqual([]);
  expect(result.contenders.map(({ verdict }) => verdict)).toEqual(['unchecked', 'failed']);
});

test('another build is named by its checkout or by its command', () => {
  const checkout = resolve('.');
  const command = join(checkout, 'bin', 'mapreduce.js');

  expect([engineAt(checkout), engineAt(command)]).toEqual([command, command]);
  expect(otherBuild({ engine: command, memory: undefined }).name).toBe(checkout);
});

function shell(name: string, script = 'mkdir "$1" && cp "$0" "$1/part-r-00000.tsv"'): Contender {
  return {
    name,
    version: '',
    command: ({ input, output }) => ({ command: ['sh', '-c', script, input, output] }),
  };
}
