/** What `mapreduce run` does with the attempts of its job if a flag asks for it, whether or not the job succeeds. */
import { writeFile } from 'node:fs/promises';
import { MapReduceError } from '../../base/errors.ts';
import { type AttemptRow, encodeAttempts } from '../../report/attempt-rows.ts';
import { explainErrno } from '../../storage/file/file-errors.ts';
import { attemptLines } from '../display/attempts-table.ts';
import { paintFor } from '../display/paint.ts';
import { print, printToStderr } from '../display/terminal.ts';
import type { RunFlags } from '../flags/run-flags.ts';

export async function finishAttempts(
  rows: readonly AttemptRow[],
  { facts, slowest, json, quiet }: RunFlags,
  { hasSucceeded, startedAt }: { hasSucceeded: boolean; startedAt?: string },
): Promise<void> {
  if (slowest && !json && !quiet) {
    const stream = hasSucceeded ? process.stdout : process.stderr;
    const text = `\n${attemptLines(rows, { startedAt, paint: paintFor(stream) }).join('\n')}\n`;
    if (hasSucceeded) print(text);
    else printToStderr(text);
  }
  if (facts === undefined) return;
  try {
    await writeFile(facts, encodeAttempts(rows));
  } catch (error) {
    throw new MapReduceError(
      'StorageError',
      `the list of attempts cannot be written to ${facts}: ${explainErrno(error)}`,
      { cause: error },
    );
  }
}
