import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import { folderOfFile } from '../../helpers/temporary-folder.ts';

const folder = folderOfFile('distinct-test');

// Folding from the left would compare each line with all earlier ones: 3.2 billion comparisons, which takes hours.
test('distinct() folds 80,000 different lines of one key, with the same result in one split and in many', async () => {
  const input = join(folder, 'lines.txt');
  const lines = Array.from(
    { length: 80_000 },
    (_, i) => `line ${String((i * 7919) % 80_021).padStart(6, '0')}`,
  );
  writeFileSync(input, `${lines.join('\n')}\n`);

  const run = async (splitSizeBytes: number) => {
    const output = join(folder, `output-${splitSizeBytes}`);
    const report = await runEmbedded({
      jobModule: new URL('./jobs/distinct-lines.ts', import.meta.url),
      inputs: [input],
      output,
      workers: 2,
      reducers: 1,
      splitSizeBytes,
    });
    return report.parts.map((part) => readFileSync(join(output, part.name), 'utf8')).join('');
  };

  const whole = await run(64 * 1024 * 1024);
  const split = await run(100_000);

  expect(whole).toBe(`lines\t${lines.toSorted().join('\t')}\n`);
  expect(split === whole).toBe(true);
});
