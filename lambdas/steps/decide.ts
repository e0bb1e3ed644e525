/**
 * Makes the Lambda steps a host of src/stages/advance.ts. A step reports its outcome and gets the next state of the state
 * machine. Tasks run and barriers close in states of their own, so a decision is carried out by naming the next state.
 *
 * Called at the end of plan, of each barrier, and of a commit that found a damaged part. Idempotent.
 */
import { type JobState, type NextStep, toTravel } from '../../src/aws/protocol/job-state.ts';
import { itemsKey } from '../../src/aws/protocol/keys.ts';
import { WATCHED_TASKS_MIN } from '../../src/aws/protocol/watch-state.ts';
import { type RepairTarget, withDetails } from '../../src/base/errors.ts';
import type { Stage } from '../../src/base/ids.ts';
import { stageList, taskCounts } from '../../src/plan/stages.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import { AWS_BOUNDS, advance, type Decision, type Fact, type JobProgress } from '../../src/stages/advance.ts';
import { jobFailure, type LastFailure } from '../../src/stages/job-failure.ts';
import type { StepEnvironment } from './environment.ts';
import { writeItems } from './items.ts';

export interface DecideOptions {
  readonly plan: JobPlan;
  readonly progress: JobProgress;
  readonly environment: Pick<StepEnvironment, 'store' | 'codeHash' | 'backupAttempts' | 'onDecision'>;
  /** Removes the committed objects of these tasks, so that they can commit again. */
  readonly discard: (targets: readonly RepairTarget[]) => Promise<void>;
  readonly lastFailure?: LastFailure;
}

/** @throws the error of the job if the decision is that it fails */
export async function decide(fact: Fact, options: DecideOptions): Promise<JobState> {
  const { plan, environment, lastFailure } = options;
  const { progress, decision } = advance(stageList(plan), options.progress, fact, AWS_BOUNDS);
  environment.onDecision?.(decision);
  if (decision.kind === 'fail') {
    throw withDetails(jobFailure(decision.reason, lastFailure), { jobId: plan.settings.jobId });
  }
  const { next, items } = await carryOut(decision, options);
  const { jobId } = plan.settings;
  return { jobId, next, items, progress: toTravel(progress), codeHash: environment.codeHash };
}

async function carryOut(
  decision: Decision,
  { plan, environment, discard }: DecideOptions,
): Promise<Pick<JobState, 'next' | 'items'>> {
  switch (decision.kind) {
    case 'run': {
      const { stage, tasks, round } = decision;
      if (tasks !== 'all') {
        const items = await writeItems(environment.store, plan, stage, { number: round, only: tasks });
        return { next: stage, items };
      }
      const next = firstRound(stage, taskCounts(plan)[stage], environment);
      return { next, items: itemsKey(plan.settings.jobId, stage) };
    }
    case 'close':
      if (decision.discard.length > 0) await discard(decision.discard);
      return { next: `${decision.stage}-barrier`, items: '' };
    case 'finish':
      return { next: 'commit', items: '' };
    case 'done':
    case 'fail':
      throw new Error(`the decision '${decision.kind}' ends the job, so no state follows it`);
  }
}

/** Returns the state of the first round of a stage. Later rounds are short and are not watched. */
function firstRound(
  stage: Stage,
  tasks: number,
  { backupAttempts }: Pick<StepEnvironment, 'backupAttempts'>,
): NextStep {
  return backupAttempts && tasks >= WATCHED_TASKS_MIN ? `${stage}-watched` : stage;
}
