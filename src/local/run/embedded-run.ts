/**
 * A whole job on this machine: plan, map, barrier, reduce, barrier, commit. The same engine and the same commit
 * protocol as on AWS, over a file store, with worker threads in the place of Lambdas.
 *
 * A run writes below a folder of its own (job-folder.ts) and publishes its result when that is whole; a job that fails or
 * is cancelled leaves the output folder as it was.
 *
 * This module loads little: a worker takes longer to start than anything else before the first record is read, and the
 * rest (run-job.ts) is loaded meanwhile.
 */
import { resolve } from 'node:path';
import type { JobReport } from '../../report/report.ts';
import { JobFolder } from '../output/job-folder.ts';
import { resolveOutputRoot } from '../output/output-root.ts';
import { type LocalPool, localPool } from '../threads/local-pool.ts';
import type { WorkerOutput } from '../threads/worker-output.ts';
import type { WorkerPool } from '../threads/worker-pool.ts';
import { type CheckedNumbers, checkOptions } from './check-options.ts';
import type { EmbeddedRunOptions } from './run-options.ts';
import { Scratch } from './scratch.ts';

export interface EmbeddedRunHooks {
  /** What user code prints on worker threads. Default: to this process's own streams. */
  readonly onOutput?: (output: WorkerOutput) => void;
  /** For tests that kill workers. */
  readonly onPool?: (pool: WorkerPool) => void;
  /** Told that the run waits, and for what. Default: a line on stderr. */
  readonly onWait?: (message: string) => void;
}

/** Rejects with a MapReduceError, after all that the job had started is stopped and removed. */
export async function runEmbedded(
  options: EmbeddedRunOptions,
  hooks: EmbeddedRunHooks = {},
): Promise<JobReport> {
  const startedAt = new Date();
  const startedMs = performance.now();
  const numbers = checkOptions(options);
  for (const text of numbers.notices) options.onEvent?.({ kind: 'notice', text });
  const folder = new JobFolder(await resolveOutputRoot(options.output));
  const scratch = new Scratch(options.scratch === undefined ? folder.path : resolve(options.scratch));
  const local = startPool(options, { numbers, scratch, hooks });
  try {
    const { runJob } = await import('./run-job.ts');
    const onWait = hooks.onWait ?? printWait;
    return await runJob(options, { numbers, scratch, local, folder, onWait, startedAt, startedMs });
  } finally {
    await local.pool.close();
  }
}

function printWait(message: string): void {
  process.stderr.write(`${message}\n`);
}

function startPool(
  { jobModule, signal }: EmbeddedRunOptions,
  { numbers, scratch, hooks }: { numbers: CheckedNumbers; scratch: Scratch; hooks: EmbeddedRunHooks },
): LocalPool {
  const { onOutput, onPool } = hooks;
  const local = localPool({ ...numbers, jobModule, scratch, signal, ...(onOutput ? { onOutput } : {}) });
  onPool?.(local.pool);
  return local;
}
