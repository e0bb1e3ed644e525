import { expect, test } from 'vitest';
import type { CorpusName } from '../../../bench/corpora.ts';
import { appFile, corpusFile, inputFile, linesOf, runApp } from '../run-app.ts';
import { shell } from '../shell.ts';

const sample = appFile('sort', 'sample.txt');

test('sorts the sample by whole lines', async () => {
  const { text } = await runApp('sort', { inputs: [sample] });

  expect(linesOf(text)).toEqual([
    ...[
      '10 of spades',
      '9 of hearts',
      'Zucchini 9',
      'apple 2',
      'apple 7',
      'fig 0',
      'fig 1',
      'pear 3',
      'élan 4',
    ],
  ]);
});

test('sorts the sample by three characters and keeps the input order of equal keys', async () => {
  const { text } = await runApp('sort', { inputs: [sample], params: { 'key-length': '3' } });

  expect(linesOf(text)).toEqual([
    ...[
      '10 of spades',
      '9 of hearts',
      'Zucchini 9',
      'apple 7',
      'apple 2',
      'fig 1',
      'fig 0',
      'pear 3',
      'élan 4',
    ],
  ]);
});

test.each([
  ['-1', 'key-length must be a whole number from 0 up; received -1'],
  ['2.5', 'key-length must be a whole number from 0 up; received 2.5'],
  ['Infinity', "parameter 'key-length' must be a finite number; received 'Infinity'"],
])('rejects key-length=%s', async (length, message) => {
  await expect(
    runApp('sort', { inputs: [sample], params: { 'key-length': length }, attemptsMax: 1 }),
  ).rejects.toThrow(message);
});

test.each<{ corpus: CorpusName; partsFilledMin: number }>([
  { corpus: 'records', partsFilledMin: 5 },
  { corpus: 'skewed-records', partsFilledMin: 2 },
])('sorts 8 MiB of $corpus by ten bytes into five parts like sort -s', async ({ corpus, partsFilledMin }) => {
  const input = corpusFile(corpus, 8 << 20);

  const { text, report } = await runApp('sort', {
    inputs: [input],
    params: { 'key-length': '10' },
    splitSizeBytes: 1 << 20,
    reducers: 5,
  });

  expect(report.parts).toHaveLength(5);
  expect(report.parts.filter((part) => part.records > 0).length).toBeGreaterThanOrEqual(partsFilledMin);
  expect(text === shell('sort -s -k1.1,1.10 -- "$1"', input)).toBe(true);
});

test('agrees with sort on whole lines of all lengths and letters', async () => {
  const alphabet = ['a', 'b', 'B', ' ', '\t', '!', 'é', 'ÿ', '字', '\uffee', '😀', '𐐔', '\0', '\\'];
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const made = Array.from({ length: 60_000 }, () =>
    Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join(''),
  );
  const input = inputFile('letters.txt', `${made.join('\n')}\n`);

  const { text } = await runApp('sort', { inputs: [input], splitSizeBytes: 100_000, reducers: 4 });

  expect(text === shell('sort -- "$1"', input)).toBe(true);
});

test('treats a character of two UTF-16 units as one and never cuts it in half', async () => {
  const { text } = await runApp('sort', {
    inputs: [inputFile('emoji.txt', '😀b 1\n😀a 2\n😁 3\n😀\n')],
    params: { 'key-length': '1' },
  });

  expect(text).toBe('😀b 1\n😀a 2\n😀\n😁 3\n');
});
