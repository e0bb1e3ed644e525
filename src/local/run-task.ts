import type { AttemptId } from '../ids.ts';
import { runMapTask } from '../map/map-task.ts';
import { runReduceTask } from '../reduce/reduce-task.ts';
import type { TaskEnvironment, TaskResult, TaskSpec } from '../task.ts';

/** The engine's two kinds of task, by what the spec says. */
export function runTask(
  spec: TaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  return spec.stage === 'map'
    ? runMapTask(spec, attempt, environment)
    : runReduceTask(spec, attempt, environment);
}
