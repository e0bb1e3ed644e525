/** The stages of a planned job, and the tasks of each. */
import { type Stage, taskId } from '../base/ids.ts';
import type { JobEvent } from '../report/report.ts';
import type { JobPlan, JobSettings, TaskSpec } from './task.ts';

/** The job's stages, in order. A job without reducers is map-only. */
export function stagesOf({ reducers }: Pick<JobSettings, 'reducers'>): readonly Stage[] {
  return reducers === 0 ? ['map'] : ['map', 'reduce'];
}

/** The stage whose tasks write the parts of the result. */
export function lastStage(settings: Pick<JobSettings, 'reducers'>): Stage {
  return stagesOf(settings).at(-1)!;
}

/** The stages in their order, each with its number of tasks. */
export function stageList(plan: Pick<JobPlan, 'splits' | 'settings'>): { stage: Stage; tasks: number }[] {
  const counts = taskCounts(plan);
  return stagesOf(plan.settings).map((stage) => ({ stage, tasks: counts[stage] }));
}

/** The event with which a host reports the plan. */
export function plannedEvent(plan: JobPlan): JobEvent & { readonly kind: 'planned' } {
  const { settings, inputBytes, inputFiles, inputs } = plan;
  return {
    kind: 'planned',
    jobId: settings.jobId,
    files: inputFiles,
    bytes: inputBytes,
    ...(inputs === undefined ? {} : { inputs }),
    stages: stageList(plan),
  };
}

/** How many tasks each stage has; 0 for a stage that the job does not have. */
export function taskCounts({
  splits,
  settings,
}: Pick<JobPlan, 'splits' | 'settings'>): Record<Stage, number> {
  return { map: splits.length, reduce: settings.reducers };
}

/** All tasks of a stage, by index. */
export function tasksOf(plan: JobPlan, stage: Stage): TaskSpec[] {
  return Array.from({ length: taskCounts(plan)[stage] }, (_, index) => taskOf(plan, stage, index));
}

export function taskOf({ splits }: JobPlan, stage: Stage, index: number): TaskSpec {
  const common = { index, taskId: taskId(stage, index) };
  return stage === 'map' ? { stage, ...common, split: splits[index]! } : { stage, ...common };
}
