/**
 * Questions that only the job's own code can answer before any task exists: the description of the job, and its plan
 * (setup checks the parameters, and byRange() runs map on a sample of the input). A worker thread answers them. The
 * coordinator never imports the job module, because the module could end or block the process.
 */
import { fileURLToPath } from 'node:url';
import type { JobDescription } from '../../api/job-description.ts';
import { MapReduceError } from '../../base/errors.ts';
import type { PlanOptions } from '../../plan/plan-job.ts';
import type { JobPlan } from '../../plan/task.ts';
import type { StagePolicy } from '../../stages/policy.ts';
import { causeOfDeath } from '../threads/worker-errors.ts';
import type { WorkerPool } from '../threads/worker-pool.ts';
import type { ThreadEnd } from '../threads/worker-thread.ts';

export type JobQuestion =
  | { readonly kind: 'describe' }
  | { readonly kind: 'plan'; readonly options: PlanQuestion };

export type PlanQuestion = Omit<PlanOptions, 'job' | 'inputs' | 'watched'>;

/** The first worker, which also runs the first attempt. */
const WORKER = 0;

export interface AskOptions {
  readonly jobModule: URL;
  readonly policy: Pick<StagePolicy, 'startTimeoutMs' | 'stallTimeoutMs'>;
  readonly signal: AbortSignal | undefined;
}

/** @throws JobDefinitionError if the module does not load, whatever the reason */
export async function askDescription(
  pool: WorkerPool,
  { jobModule, policy: { startTimeoutMs }, signal }: AskOptions,
): Promise<JobDescription> {
  const path = jobModule.protocol === 'file:' ? fileURLToPath(jobModule) : jobModule.href;
  const answer = await pool.ask(WORKER, { kind: 'describe' } satisfies JobQuestion, {
    where: `while it was loading the job module ${path}`,
    signal,
    stallTimeoutMs: startTimeoutMs,
    stalled: () =>
      new MapReduceError(
        'JobDefinitionError',
        `the job module ${path} was still loading after ${startTimeoutMs} ms; its worker was stopped. Check the module for an infinite loop, or raise --stall-timeout if loading may take that long`,
      ),
    ended: (end) => notLoadedError(path, end),
  });
  // The cast: job-runner.ts returns this for the kind 'describe'.
  return answer as JobDescription;
}

/** @throws what planJob() throws; WorkerDiedError or TaskStalledError if user code ends or blocks its worker */
export async function askPlan(
  pool: WorkerPool,
  options: PlanQuestion,
  { policy: { stallTimeoutMs }, signal }: AskOptions,
): Promise<JobPlan> {
  const question: JobQuestion = { kind: 'plan', options };
  const answer = await pool.ask(WORKER, question, {
    where:
      "while it was planning the job, which calls the job's setup and, with byRange(), map on a sample of the input",
    signal,
    stallTimeoutMs,
    stalled: () =>
      new MapReduceError(
        'TaskStalledError',
        `planning the job made no progress for ${stallTimeoutMs} ms; its worker was stopped. Planning calls the job's setup and, with byRange(), map on a sample of the input: check them for an infinite loop, or raise --stall-timeout if one call may take that long`,
      ),
  });
  // The cast: job-runner.ts returns this for the kind 'plan'.
  return answer as JobPlan;
}

function notLoadedError(path: string, end: ThreadEnd): MapReduceError | undefined {
  if (end.error?.code === 'ERR_WORKER_OUT_OF_MEMORY') return undefined;
  const isWaiting = end.error === undefined && end.exitCall === undefined;
  const { what, userStack } = causeOfDeath(end);
  const problem = isWaiting
    ? 'never finishes loading: a promise that it awaits at its top level never settles'
    : `does not load: while it was loading, ${what}. A job module should only define the job; do other work in setup or map`;
  return new MapReduceError('JobDefinitionError', `the job module ${path} ${problem}`, {
    details: userStack === undefined ? {} : { userStack },
    cause: end.error,
  });
}
