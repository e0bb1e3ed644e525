import type { AttemptId } from '../../base/ids.ts';
import { runMapTask } from '../../map/map-task.ts';
import type { TaskEnvironment, TaskSpec } from '../../plan/task.ts';
import { runReduceTask } from '../../reduce/reduce-task.ts';
import type { TaskResult } from '../../report/task-summary.ts';

/** Runs a task of the engine: a map or a reduce task, depending on the spec. */
export function runTask(
  spec: TaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  return spec.stage === 'map'
    ? runMapTask(spec, attempt, environment)
    : runReduceTask(spec, attempt, environment);
}
