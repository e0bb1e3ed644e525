/**
 * Makes the Lambda steps a host of src/stages/advance.ts. A step reports its outcome and gets the next state of the state
 * machine. Tasks run and barriers close in states of their own, so a decision is carried out by naming the next state.
 *
 * Called at the end of plan, of each barrier, and of a commit that found a damaged part. Idempotent.
 */
import { type JobState, toTravel } from '../../src/aws/protocol/job-state.ts';
import { itemsKey } from '../../src/aws/protocol/keys.ts';
import { WATCHED_TASKS_MIN } from '../../src/aws/protocol/watch-state.ts';
import { type RepairTarget, withDetails } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { stageList, taskCounts } from '../../src/plan/stages.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import { AWS_BOUNDS, advance, type Decision, type Fact, type JobProgress } from '../../src/stages/advance.ts';
import { jobFailure, type LastFailure } from '../../src/stages/job-failure.ts';
import type { StepEnvironment } from './environment.ts';
import { writeItems } from './items.ts';

export interface DecideOptions {
  readonly plan: JobPlan;
  readonly progress: JobProgress;
  readonly environment: Pick<
    StepEnvironment,
    'store' | 'codeHash' | 'maxConcurrency' | 'backupAttempts' | 'inlineTasksMax' | 'onDecision'
  >;
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
  const next = await carryOut(decision, options);
  return stateOf(plan.settings.jobId, next, { progress: toTravel(progress), codeHash: environment.codeHash });
}

type NextState = Pick<JobState, 'next'> & Partial<Pick<JobState, 'items' | 'tasks' | 'maxConcurrency'>>;

/** What a step returns. */
export function stateOf(
  jobId: JobState['jobId'],
  { next, items = '', tasks = [], maxConcurrency = 0 }: NextState,
  { progress, codeHash }: Pick<JobState, 'progress' | 'codeHash'>,
): JobState {
  return { jobId, next, items, tasks, maxConcurrency, progress, codeHash };
}

async function carryOut(
  decision: Decision,
  { plan, environment, discard }: DecideOptions,
): Promise<NextState> {
  switch (decision.kind) {
    case 'run':
      return await run(decision, plan, environment);
    case 'close':
      if (decision.discard.length > 0) await discard(decision.discard);
      return { next: `${decision.stage}-barrier` };
    case 'finish':
      return { next: 'commit' };
    case 'done':
    case 'fail':
      throw new Error(`the decision '${decision.kind}' ends the job, so no state follows it`);
  }
}

async function run(
  { stage, tasks, round }: Decision & { kind: 'run' },
  plan: JobPlan,
  environment: DecideOptions['environment'],
): Promise<NextState> {
  const count = taskCounts(plan)[stage];
  const { maxConcurrency } = environment;
  // Rounds that repeat tasks are short.
  const isWatched = environment.backupAttempts && tasks === 'all' && count >= WATCHED_TASKS_MIN;
  if (mapFor({ tasks: count, round }, environment) === 'inline') {
    const indexes = tasks === 'all' ? [...Array(count).keys()] : tasks;
    return {
      next: isWatched ? `${stage}-inline-watched` : `${stage}-inline`,
      tasks: indexes.map((index) => ({ index })),
      maxConcurrency: Math.min(maxConcurrency, LIMITS.inlineTasksMax),
    };
  }
  const items =
    tasks === 'all'
      ? itemsKey(plan.settings.jobId, stage)
      : await writeItems(environment.store, plan, stage, { number: round, only: tasks });
  return { next: isWatched ? `${stage}-watched` : stage, items, maxConcurrency };
}

/**
 * Which Map runs a round of a stage. An inline Map starts at once, but its events are part of the one history of the
 * execution, which holds 25,000. So it gets only small stages, each only once, and has little patience with a throttled
 * start. The tasks that it leaves go to the Distributed Map, which takes seconds to start.
 *
 * @param tasks  of the whole stage, even if the round repeats only some
 * @param round  1 is the first round of an execution
 */
export function mapFor(
  { tasks, round }: { readonly tasks: number; readonly round: number },
  { inlineTasksMax = LIMITS.inlineTasksMax }: Pick<StepEnvironment, 'inlineTasksMax'>,
): 'inline' | 'distributed' {
  return round === 1 && tasks <= Math.min(inlineTasksMax, LIMITS.inlineTasksMax) ? 'inline' : 'distributed';
}
