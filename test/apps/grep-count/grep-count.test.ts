import { expect, test } from 'vitest';
import { appFile, corpusFile, runApp, sortedLines } from '../run-app.ts';
import { shell } from '../shell.ts';

const sample = appFile('grep-count', 'sample');

test('counts the matching lines of each file of the sample that has any', async () => {
  const { text } = await runApp('grep-count', { inputs: [sample], params: { pattern: 'ERROR' } });

  expect(text).toBe(`${sample}/monday.txt\t2\n${sample}/tuesday.txt\t1\n`);
});

test('--set by=match counts every occurrence of each matching text', async () => {
  const { text } = await runApp('grep-count', {
    inputs: [sample],
    params: { pattern: 'error|worker \\d', 'ignore-case': 'true', by: 'match' },
  });

  expect(text).toBe('ERROR\t4\nworker 3\t5\nworker 5\t1\n');
});

test('agrees with grep -c and grep -o on 8 MiB in many splits', async () => {
  const input = corpusFile('words', 8 << 20);
  const pattern = 'z[aeiou]k[a-z]*[aeiou]';
  const options = { inputs: [input], splitSizeBytes: 1 << 20, reducers: 2 };

  const byFile = await runApp('grep-count', { ...options, params: { pattern } });
  const byMatch = await runApp('grep-count', { ...options, params: { pattern, by: 'match' } });

  expect(byFile.text).toBe(`${input}\t${shell('grep -c -E -e "$1" -- "$2"', pattern, input)}`);
  expect(`${sortedLines(byMatch.text).join('\n')}\n`).toBe(
    shell(`grep -o -E -e "$1" -- "$2" | sort | uniq -c | awk '{ print $2 "\\t" $1 }' | sort`, pattern, input),
  );
});
