import { expect, test } from 'vitest';
import { appFile, inputFile, linesOf, runApp } from '../run-app.ts';

test('prints the largest numbers of the sample, and equal numbers in the order of their lines', async () => {
  const { text } = await runApp('top', { inputs: [appFile('top', 'sample.txt')], params: { n: '3' } });

  expect(text).toBe('and\t12\nof\t12\nthe\t8\n');
});

test('finds the most frequent words in the parts of a word count', async () => {
  const content = Array.from({ length: 50_000 }, (_, i) => `word${(i * i) % 977}\t${(i * 7919) % 49_999}\n`);
  const expected = content
    .map((line) => line.trimEnd())
    .sort((a, b) => Number(b.split('\t')[1]) - Number(a.split('\t')[1]) || (a < b ? -1 : 1));

  const { text } = await runApp('top', {
    inputs: [inputFile('counts.txt', content.join(''))],
    params: { n: '500' },
    splitSizeBytes: 100_000,
  });

  expect(linesOf(text)).toEqual(expected.slice(0, 500));
});

test('counts lines that do not end in a finite number', async () => {
  const { text, report } = await runApp('top', { inputs: [inputFile('odd.txt', 'a\t1\nb\nc\td\n2\n')] });

  expect(text).toBe('2\na\t1\n');
  expect(report.counters).toEqual({ 'bad lines': 2 });
});

test.each(['0', '1001', '1.5'])('rejects n=%s', async (n) => {
  await expect(
    runApp('top', { inputs: [appFile('top', 'sample.txt')], params: { n }, attemptsMax: 1 }),
  ).rejects.toThrow(`n must be a whole number from 1 to 1000; received ${n}`);
});

test('counts infinities, and texts that only start like a number, as bad lines, and the job succeeds', async () => {
  const { text, report } = await runApp('top', {
    inputs: [
      inputFile(
        'top.txt',
        'a\t5\nb\tInfinity\nc\t1e999\nd\t7\ne\tinf\nf\t12 apples\ng\t0x10\nh\t \ni\t1e-7\nj\t-0\n',
      ),
    ],
  });

  expect(text).toBe('d\t7\na\t5\ni\t1e-7\nj\t-0\n');
  expect(report.counters).toEqual({ 'bad lines': 6 });
});

test('--set separator=comma reads the last column of CSV', async () => {
  const { text, report } = await runApp('top', {
    inputs: [inputFile('counts.csv', 'word,count\nbe,3\n"a,b",12\ncat,7\tx\n')],
    params: { separator: 'comma' },
  });

  expect(text).toBe('"a,b",12\nbe,3\n');
  expect(report.counters).toEqual({ 'bad lines': 2 });
});
