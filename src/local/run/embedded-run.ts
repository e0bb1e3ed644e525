/**
 * Runs a whole job on this machine: plan, map, barrier, reduce, barrier, commit. It uses the same engine and the same
 * commit protocol as on AWS, with a file store, and with worker threads instead of Lambda functions.
 *
 * A run writes to a folder of its own (job-folder.ts) and publishes the result when it is complete. If a job fails or is
 * cancelled, the output folder stays unchanged.
 *
 * This module imports little. Before the first record is read, starting a worker takes longest; so the worker starts first,
 * and the rest (run-job.ts) is imported while it starts.
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
  /** Receives what user code prints on worker threads. Default: writes it to this process's own streams. */
  readonly onOutput?: (output: WorkerOutput) => void;
  /** Used by tests that kill workers. */
  readonly onPool?: (pool: WorkerPool) => void;
  /** Called with the reason when the run has to wait. Default: prints a line on stderr. */
  readonly onWait?: (message: string) => void;
}

/** Rejects with a MapReduceError after it has stopped everything that the job started and removed what it wrote. */
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
