import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import { folderOfFile } from '../../helpers/temporary-folder.ts';

const SLOW_STEPS = new URL('../run/jobs/slow-steps.ts', import.meta.url);
/** Each step takes 100 ms, and the steps of one call take three seconds. */
const STALL_TIMEOUT_MS = 1_500;

const folder = folderOfFile('stalls-test');

/** One file per map task. Each task emits one value for the only group of the reducer. */
function run(slow: string, files = 1) {
  const input = mkdtempSync(join(folder, 'input-'));
  mkdirSync(input, { recursive: true });
  for (let i = 0; i < files; i++) writeFileSync(join(input, `${i}.txt`), 'line\n');
  return runEmbedded({
    jobModule: SLOW_STEPS,
    inputs: [input],
    output: join(folder, `output-${slow}`),
    params: { slow },
    workers: 1,
    reducers: 1,
    splitSizeBytes: 5,
    attemptsMax: 1,
    backupAttempts: false,
    stallTimeoutMs: STALL_TIMEOUT_MS,
  });
}

// They sleep, so they run at the same time.
describe('an attempt that works for longer than the stall timeout in one call is not killed', () => {
  it.concurrent.each([
    ['its map emits', 'map', 1],
    ['its map counts', 'count', 1],
    ['its combiner is called', 'combine', 1],
    ['its reduce reads values', 'values', 30],
    ['its reduce emits', 'emit', 1],
  ])('while %s', async (_while, slow, files) => {
    const report = await run(slow, files);

    expect(report.failures).toEqual([]);
  });
});

it('an attempt that takes no step is stopped, and the message explains what a step is and names the flag', async () => {
  await expect(run('nothing')).rejects.toThrow(
    'made no progress for 1500 ms: it read no record and no value, and called neither emit() nor count(); its worker was stopped. Check the job for an infinite loop. If one step of the job may take that long, raise --stall-timeout (stallTimeoutMs), or call count() in between.',
  );
});
