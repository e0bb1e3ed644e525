/**
 * A task as people name it: `m-00003`, `m-3` for short, or the id of one of its attempts, as errors and logs print it.
 */
import { MapReduceError } from '../../base/errors.ts';
import { STAGES, type Stage, type TaskId, taskId } from '../../base/ids.ts';
import { stagesOf, taskCounts } from '../../plan/stages.ts';
import type { JobPlan } from '../../plan/task.ts';

export interface NamedTask {
  readonly stage: Stage;
  readonly index: number;
  readonly taskId: TaskId;
}

/** @throws UsageError that says how tasks are named */
export function parseTaskName(text: string): NamedTask {
  const match = /^([a-z])-(\d{1,9})(?:\..+)?$/.exec(text.trim());
  const index = Number(match?.[2]);
  const stage = STAGES.find((each) => match !== null && taskId(each, 0).startsWith(`${match[1]}-`));
  if (stage === undefined) {
    throw new MapReduceError(
      'UsageError',
      `a task is named m-00003 (a map task) or r-00001 (a reduce task), as errors and 'mapreduce logs' name it; received '${text}'`,
    );
  }
  return { stage, index, taskId: taskId(stage, index) };
}

/** @throws UsageError that says which tasks there are */
export function assertPlanned({ stage, index, taskId: task }: NamedTask, plan: JobPlan): void {
  const counts = taskCounts(plan);
  if (index < counts[stage]) return;
  const stages = stagesOf(plan.settings);
  const there = stages.includes(stage)
    ? `it has ${rangeOf(stage, counts[stage])}`
    : `it has only the stage ${stages.map((each) => `${each}, with ${rangeOf(each, counts[each])}`).join('; ')}`;
  throw new MapReduceError('UsageError', `job ${plan.settings.jobId} has no task ${task}: ${there}`);
}

function rangeOf(stage: Stage, tasks: number): string {
  if (tasks === 0) return `no ${stage} tasks`;
  const first = taskId(stage, 0);
  return tasks === 1
    ? `one ${stage} task, ${first}`
    : `${stage} tasks ${first} to ${taskId(stage, tasks - 1)}`;
}
