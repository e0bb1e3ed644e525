/**
 * Runs a task for `mapreduce invoke`. The attempt does everything that an attempt does, but commits nothing. It writes no
 * failure note, so that a failure does not count against the task. It also runs if the task is done or the job cancelled.
 */
import { rm } from 'node:fs/promises';
import type { DryRun } from '../../src/aws/protocol/job-state.ts';
import { jobLayout } from '../../src/aws/protocol/keys.ts';
import { serializeError } from '../../src/base/errors.ts';
import { attemptId } from '../../src/base/ids.ts';
import { newProgress } from '../../src/base/progress.ts';
import { AttemptMeter } from '../../src/report/attempt-meter.ts';
import type { TaskResult } from '../../src/report/task-summary.ts';
import { type AttemptRequest, checkDeadline, freshFolder, settingsOfTask } from './attempt.ts';
import { DiscardingStore } from './discarding-store.ts';
import type { Invocation, StepEnvironment } from './environment.ts';
import { TurnTakingStore } from './turn-taking-store.ts';

/** Returns a failure instead of throwing it, so that the caller gets the file, the offset and the user's stack. */
export async function runDry(
  { jobId, spec, run }: Pick<AttemptRequest, 'jobId' | 'spec' | 'run'>,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<DryRun> {
  const attempt = attemptId(spec.taskId, `dry-${invocation.requestId}`);
  const { clock } = environment;
  const startedMs = clock.nowMs();
  const elapsedMs = () => Math.round(clock.nowMs() - startedMs);
  try {
    const { app, settings, outputPrefix } = await settingsOfTask({ jobId, spec }, environment);
    const job = await environment.jobs.find(app);
    const store = new TurnTakingStore(new DiscardingStore(environment.store), clock);
    const scratchFolder = await freshFolder(environment.scratchParent, attempt);
    try {
      const result = await run(attempt, {
        job,
        settings,
        layout: jobLayout(jobId, outputPrefix),
        inputs: store,
        store,
        scratchFolder,
        memoryBytes: environment.memoryBytes,
        meter: new AttemptMeter({ clock, now: environment.now, ...environment.instance.begin() }),
        progress: newProgress(),
        control: { check: () => checkDeadline(invocation) },
      });
      return { dryRun: true, elapsedMs: elapsedMs(), result: { ...result, committed: false } };
    } finally {
      await rm(scratchFolder, { recursive: true, force: true });
    }
  } catch (error) {
    return { dryRun: true, elapsedMs: elapsedMs(), error: serializeError(error) };
  }
}

/** Shortens the result for the log. The response includes the last 4 KB of the log, which should show what the task logged. */
export function loggedResult(result: TaskResult | DryRun | undefined): unknown {
  if (result === undefined || !('dryRun' in result)) return result;
  const { error, ...rest } = result;
  return error === undefined ? rest : { ...rest, failed: error.name };
}
