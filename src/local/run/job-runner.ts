/** The task runner of production: it runs the engine's tasks of one job on local file stores. */
import type { Job } from '../../api/job.ts';
import { planJob } from '../../plan/plan-job.ts';
import type { TaskEnvironment } from '../../plan/task.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import { runTask } from '../threads/run-task.ts';
import type { AttemptToRun, TaskRunner } from '../threads/task-runner.ts';
import type { JobQuestion } from './job-questions.ts';
import type { LoadedJob } from './load-job.ts';
import type { LocalJob } from './local-job.ts';

export function jobRunner({ job, description }: LoadedJob, memoryBytes: number): TaskRunner<LocalJob> {
  return {
    run: (attempt) => runTask(attempt.spec, attempt.attemptId, localEnvironment(job, memoryBytes, attempt)),
    async answer(question, watched) {
      // The cast: job-questions.ts asks all of them.
      const asked = question as JobQuestion;
      if (asked.kind === 'describe') return description;
      return planJob({ ...asked.options, job, inputs: localInputs(), watched });
    },
  };
}

function localEnvironment(job: Job, memoryBytes: number, attempt: AttemptToRun<LocalJob>): TaskEnvironment {
  const { configuration, scratchFolder, meter, progress, control } = attempt;
  const { settings, layout, storeRoot } = configuration;
  return {
    job,
    settings,
    layout,
    inputs: localInputs(),
    store: new FileStore({ root: storeRoot }),
    scratchFolder,
    memoryBytes,
    meter,
    progress,
    control,
  };
}

function localInputs(): FileStore {
  return new FileStore({ root: '/' });
}
