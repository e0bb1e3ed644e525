/**
 * Stops a job that needs more than its request allows. The plan step checks the estimate before any task runs; the barrier
 * checks it again when the shuffle is known, before it starts the next stage. After the last stage only the commit is left,
 * which costs too little to lose a result for.
 */
import { chargedScratchGb } from '../../src/aws/model/cost.ts';
import type { TaskFunction } from '../../src/aws/model/function-memory.ts';
import { pricesOf } from '../../src/aws/model/prices.ts';
import type { JobRequest } from '../../src/aws/protocol/job-request.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import type { JobId } from '../../src/base/ids.ts';
import { MiB } from '../../src/base/limits.ts';
import { formatCount } from '../../src/base/quantities.ts';
import { sumOf } from '../../src/base/sum.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import type { JobEstimate, Spread } from '../../src/report/estimate.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';

const MB_PER_GB = 1_024;

/** @throws BudgetExceededError */
export function assertWithinBudget(
  { maxTasks, maxDollars }: Pick<JobRequest, 'maxTasks' | 'maxDollars'>,
  { plan, estimate }: { plan: JobPlan; estimate: JobEstimate },
): void {
  const { jobId, reducers } = plan.settings;
  const maps = plan.splits.length;
  if (maxTasks !== undefined && maps + reducers > maxTasks) {
    throw overBudget(
      jobId,
      `the job would have ${formatCount(maps + reducers)} tasks (${formatCount(maps)} map, ${formatCount(reducers)} reduce), and maxTasks is ${formatCount(maxTasks)}. Raise maxTasks, choose larger splits (splitSizeBytes) or fewer reducers (reducers), or name less input`,
    );
  }
  const { total } = estimate.dollars;
  if (maxDollars === undefined || total.likely <= maxDollars) return;
  throw overBudget(
    jobId,
    `the job is likely to cost ${spreadText(total)}, and maxDollars is ${dollarsText(maxDollars)}. Raise maxDollars, or name less input. No task has run`,
  );
}

export interface SpentSoFar {
  readonly jobId: JobId;
  readonly maxDollars: number | undefined;
  /** Of all tasks of the stage that has ended. */
  readonly summaries: readonly TaskSummary[];
  readonly taskFunction: TaskFunction;
  /** Made now that the shuffle is known. */
  readonly estimate: JobEstimate;
}

/**
 * Replaces what the first stage was expected to take by what its committed attempts took.
 *
 * @throws BudgetExceededError
 */
export function assertSpending({ jobId, maxDollars, summaries, taskFunction, estimate }: SpentSoFar): void {
  if (maxDollars === undefined) return;
  const { gbSecond, scratchGbSecond } = pricesOf(estimate.region);
  const taskGb = taskFunction.memoryMb / MB_PER_GB;
  const taskSecond = taskGb * gbSecond + chargedScratchGb(taskFunction.scratchMb * MiB) * scratchGbSecond;
  const seconds = sumOf(summaries, ({ elapsedMs }) => elapsedMs) / 1_000;
  const spent = seconds * taskSecond;
  const expected = (estimate.stages[0]!.gbSeconds.likely / taskGb) * taskSecond;
  const total = estimate.dollars.total.likely - expected + spent;
  if (total <= maxDollars) return;
  throw overBudget(
    jobId,
    `the map tasks have cost about ${dollarsText(spent)} of Lambda, and the whole job is now likely to cost ${dollarsText(total)}; maxDollars is ${dollarsText(maxDollars)}. No reduce task has run. Submit the job again with a higher maxDollars, or with less input`,
  );
}

function overBudget(jobId: JobId, message: string): MapReduceError {
  return new MapReduceError('BudgetExceededError', message, { details: { jobId } });
}

function spreadText({ low, likely, high }: Spread): string {
  return `${dollarsText(likely)} (from ${dollarsText(low)} to ${dollarsText(high)})`;
}

/** Two significant digits, but cents at least: `$0.0031`, `$0.25`, `$12.40`. */
function dollarsText(dollars: number): string {
  const digits = dollars > 0 && dollars < 0.1 ? 1 - Math.floor(Math.log10(dollars)) : 2;
  return `$${dollars.toFixed(Math.min(digits, 6))}`;
}
