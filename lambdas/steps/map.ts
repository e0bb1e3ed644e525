import type * as v from 'valibot';
import { readDocument } from '../../src/aws/documents.ts';
import type { mapEventSchema } from '../../src/aws/job-state.ts';
import { splitKey } from '../../src/aws/keys.ts';
import { jobId, taskId } from '../../src/ids.ts';
import { runMapTask } from '../../src/map/map-task.ts';
import type { MapTaskSpec, SplitPiece, TaskResult } from '../../src/task.ts';
import { runAttempt } from './attempt.ts';
import type { Invocation, StepEnvironment } from './environment.ts';

export async function mapStep(
  event: v.InferOutput<typeof mapEventSchema>,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<TaskResult | undefined> {
  const job = jobId(event.jobId);
  const { index, pieces } = event.item;
  const task = taskId('map', index);
  const split = {
    // Written by our own plan step; its shape was checked there.
    pieces:
      (pieces as SplitPiece[] | undefined) ??
      (await readDocument<{ pieces: SplitPiece[] }>(environment.store, splitKey(job, task))).pieces,
  };
  const spec: MapTaskSpec = { stage: 'map', index, taskId: task, split };
  return await runAttempt(
    {
      jobId: job,
      spec,
      retry: event.retry,
      run: (_, attempt, taskEnvironment) => runMapTask(spec, attempt, taskEnvironment),
    },
    environment,
    invocation,
  );
}
