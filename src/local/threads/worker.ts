/** What a worker thread runs. Started by WorkerPool, once a thread; loads the job while the coordinator still plans. */
import { jobRunner } from '../run/job-runner.ts';
import { loadJob } from '../run/load-job.ts';
import type { LocalJob, LocalWorkerData } from '../run/local-job.ts';
import { serveAttempts } from './worker-loop.ts';

serveAttempts<LocalJob>(async (data) => {
  const { jobModule, memoryBytes } = data as LocalWorkerData;
  return jobRunner(await loadJob(new URL(jobModule)), memoryBytes);
});
