/**
 * A task as people name it: `m-00003`, `m-3` for short, or the id of one of its attempts, as errors and logs print it.
 */
import { MapReduceError } from '../../base/errors.ts';
import { type Stage, type TaskId, taskId } from '../../base/ids.ts';
import type { JobPlan } from '../../plan/task.ts';

export interface NamedTask {
  readonly stage: Stage;
  readonly index: number;
  readonly taskId: TaskId;
}

/** @throws UsageError that says how tasks are named */
export function parseTaskName(text: string): NamedTask {
  const match = /^([mr])-(\d{1,9})(?:\..+)?$/.exec(text.trim());
  if (match === null) {
    throw new MapReduceError(
      'UsageError',
      `a task is named m-00003 (a map task) or r-00001 (a reduce task), as errors and 'mapreduce logs' name it; received '${text}'`,
    );
  }
  const stage = match[1] === 'm' ? 'map' : 'reduce';
  const index = Number(match[2]);
  return { stage, index, taskId: taskId(stage, index) };
}

/** @throws UsageError that says which tasks there are */
export function assertPlanned(
  { stage, index, taskId: task }: NamedTask,
  { settings, splits }: JobPlan,
): void {
  const tasks = stage === 'map' ? splits.length : settings.reducers;
  if (index < tasks) return;
  const there =
    stage === 'reduce' && tasks === 0
      ? `it is map-only, and has ${rangeOf('map', splits.length)}`
      : `it has ${rangeOf(stage, tasks)}`;
  throw new MapReduceError('UsageError', `job ${settings.jobId} has no task ${task}: ${there}`);
}

function rangeOf(stage: Stage, tasks: number): string {
  if (tasks === 0) return `no ${stage} tasks`;
  const first = taskId(stage, 0);
  return tasks === 1
    ? `one ${stage} task, ${first}`
    : `${stage} tasks ${first} to ${taskId(stage, tasks - 1)}`;
}
