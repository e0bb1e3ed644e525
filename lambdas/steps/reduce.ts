import type * as v from 'valibot';
import type { DryRun, reduceEventSchema } from '../../src/aws/protocol/job-state.ts';
import { taskId } from '../../src/base/ids.ts';
import type { ReduceTaskSpec } from '../../src/plan/task.ts';
import { runReduceTask } from '../../src/reduce/reduce-task.ts';
import type { TaskResult } from '../../src/report/task-summary.ts';
import { type AttemptRequest, runAttempt } from './attempt.ts';
import { runDry } from './dry-run.ts';
import type { Invocation, StepEnvironment } from './environment.ts';

/** @param run  runs an attempt of the task; simulations give another one */
export async function reduceStep(
  event: v.InferOutput<typeof reduceEventSchema>,
  environment: StepEnvironment,
  invocation: Invocation,
  run = runReduceTask,
): Promise<TaskResult | DryRun | undefined> {
  const { index } = event.item;
  const spec: ReduceTaskSpec = { stage: 'reduce', index, taskId: taskId('reduce', index) };
  const request: AttemptRequest = {
    jobId: event.jobId,
    spec,
    retry: event.retry,
    deaths: event.deaths,
    death: event.death,
    backup: event.backup,
    run: (attempt, taskEnvironment) => run(spec, attempt, taskEnvironment),
  };
  return await (event.dryRun ? runDry : runAttempt)(request, environment, invocation);
}
