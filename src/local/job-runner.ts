/** The runner of production: a job, its stores on local disks, and the engine's tasks. */
import type { Job } from '../job.ts';
import { FileStore } from '../storage/file-store.ts';
import type { TaskEnvironment } from '../task.ts';
import type { LocalJob } from './local-job.ts';
import { runTask } from './run-task.ts';
import type { AttemptToRun, TaskRunner } from './task-runner.ts';

export function jobRunner(job: Job, memoryBytes: number): TaskRunner<LocalJob> {
  return {
    run: (attempt) => runTask(attempt.spec, attempt.attemptId, localEnvironment(job, memoryBytes, attempt)),
  };
}

export function localEnvironment(
  job: Job,
  memoryBytes: number,
  attempt: Pick<AttemptToRun<LocalJob>, 'configuration' | 'scratchFolder' | 'progress' | 'control'>,
): TaskEnvironment {
  const { configuration, scratchFolder, progress, control } = attempt;
  const { settings, layout, storeRoot } = configuration;
  return {
    job,
    settings,
    layout,
    inputs: new FileStore({ root: '/' }),
    store: new FileStore({ root: storeRoot }),
    scratchFolder,
    memoryBytes,
    progress,
    control,
  };
}
