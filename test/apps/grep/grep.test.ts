import { expect, test } from 'vitest';
import { appFile, corpusFile, inputFile, linesOf, runApp } from '../run-app.ts';
import { shell } from '../shell.ts';

const sample = appFile('grep', 'sample.txt');

test('prints the matching lines of the sample', async () => {
  const { text } = await runApp('grep', { inputs: [sample], params: { pattern: 'ERROR' } });

  expect(text).toBe(
    '2026-03-01 08:01:17 ERROR worker 3: connection refused\n' +
      '2026-03-01 08:03:09 ERROR worker 5: connection reset\n',
  );
});

test('supports ignore-case, invert and with-file', async () => {
  const run = async (params: Record<string, string>) =>
    linesOf((await runApp('grep', { inputs: [sample], params: { pattern: 'ERROR', ...params } })).text);

  expect(await run({ 'ignore-case': 'true' })).toHaveLength(3);
  expect(await run({ invert: 'true' })).toHaveLength(4);
  expect(await run({ 'ignore-case': 'true', invert: 'true' })).toHaveLength(3);
  expect((await run({ 'with-file': 'true' }))[0]).toBe(
    `${sample}:2026-03-01 08:01:17 ERROR worker 3: connection refused`,
  );
});

test('prints nothing if no line matches', async () => {
  expect((await runApp('grep', { inputs: [sample], params: { pattern: 'FATAL' } })).text).toBe('');
});

test('treats a letter outside ASCII as one character', async () => {
  const inputs = [inputFile('letters.txt', '𐐔b\nÉb\n__b\n')];

  const { text } = await runApp('grep', { inputs, params: { pattern: '^\\p{Lu}b$' } });

  expect(text).toBe('𐐔b\nÉb\n');
});

test('reports a missing pattern and an invalid one', async () => {
  await expect(runApp('grep', { inputs: [sample] })).rejects.toThrow("parameter 'pattern' is required");
  await expect(
    runApp('grep', { inputs: [sample], params: { pattern: '[a' }, attemptsMax: 1 }),
  ).rejects.toThrow('Invalid regular expression: /[a/u: Unterminated character class');
});

test('agrees byte for byte with grep -E on 8 MiB in many splits', async () => {
  const input = corpusFile('words', 8 << 20);
  const pattern = 'z[aeiou]k[a-z]*[aeiou]|^Y';

  const { text, report } = await runApp('grep', {
    inputs: [input],
    params: { pattern },
    splitSizeBytes: 1 << 20,
  });

  expect(report.stages[0]!.tasks).toBe(8);
  expect(linesOf(text).length).toBeGreaterThan(1000);
  expect(text).toBe(shell('grep -E -e "$1" -- "$2"', pattern, input));
});
