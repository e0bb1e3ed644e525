/** What the jobs of schedules produce in the embedded run, which has no faults. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ExpectedResult,
  moduleOf,
  plainNameOf,
  SMALL_JOBS,
  type SmallJob,
} from '../../../simulation/schedules/small-jobs.ts';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';

/** By SmallJob.id. */
export async function expectedResults(): Promise<ExpectedResult[]> {
  const results: ExpectedResult[] = [];
  for (const job of SMALL_JOBS) results.push(await expectedResult(job));
  return results;
}

async function expectedResult({
  app,
  files,
  splitSizeBytes,
  reducers,
  merge,
}: SmallJob): Promise<ExpectedResult> {
  const folder = mkdtempSync(join(tmpdir(), 'mapreduce-expected-'));
  try {
    mkdirSync(join(folder, 'in'));
    for (const [index, text] of files.entries()) writeFileSync(join(folder, 'in', `${index}.txt`), text);
    const output = join(folder, 'out');
    const { parts, counters, stages, partitionRecords } = await runEmbedded({
      jobModule: moduleOf(app),
      inputs: [join(folder, 'in')],
      output,
      workers: 'sequential',
      splitSizeBytes,
      merge,
      ...(reducers === 0 ? {} : { reducers }),
    });
    return {
      files: Object.fromEntries(
        parts.map(({ name }) => [plainNameOf(name), readFileSync(join(output, name), 'latin1')]),
      ),
      counters,
      recordsRead: stages.map(({ recordsRead }) => recordsRead),
      recordsWritten: stages.map(({ recordsWritten }) => recordsWritten),
      partitionRecords,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
