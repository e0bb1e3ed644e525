/** The entry module of a worker thread. WorkerPool starts it once per thread, and the thread then loads the job. */
import { jobRunner } from '../run/job-runner.ts';
import { loadJob } from '../run/load-job.ts';
import type { LocalJob, LocalWorkerData } from '../run/local-job.ts';
import { serveAttempts } from './worker-loop.ts';

serveAttempts<LocalJob>(async (data) => {
  // The cast: embedded-run.ts creates the pool with this data.
  const { jobModule, memoryBytes } = data as LocalWorkerData;
  return jobRunner(await loadJob(new URL(jobModule)), memoryBytes);
});
