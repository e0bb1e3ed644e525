import type * as v from 'valibot';
import { findDocument, readDocument } from '../../src/aws/protocol/documents.ts';
import type { DryRun, MapItem, mapEventSchema } from '../../src/aws/protocol/job-state.ts';
import { itemsKey, splitKey } from '../../src/aws/protocol/keys.ts';
import { isReadable } from '../../src/aws/protocol/request-scope.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { fieldOf, textFieldOf } from '../../src/base/field-of.ts';
import { type JobId, taskId } from '../../src/base/ids.ts';
import { runMapTask } from '../../src/map/map-task.ts';
import type { SplitPiece } from '../../src/read/input-file.ts';
import type { TaskResult } from '../../src/report/task-summary.ts';
import { type AttemptRequest, runAttempt, settingsOf } from './attempt.ts';
import { runDry } from './dry-run.ts';
import type { Invocation, StepEnvironment } from './environment.ts';

/** @param run  runs an attempt of the task; simulations give another one */
export async function mapStep(
  event: v.InferOutput<typeof mapEventSchema>,
  environment: StepEnvironment,
  invocation: Invocation,
  run = runMapTask,
): Promise<TaskResult | DryRun | undefined> {
  const { jobId: job } = event;
  const { index, pieces } = event.item;
  const task = taskId('map', index);
  assertPiecesReadable(pieces, environment);
  const spec = { stage: 'map', index, taskId: task } as const;
  const request: AttemptRequest = {
    jobId: job,
    spec,
    retry: event.retry,
    deaths: event.deaths,
    death: event.death,
    backup: event.backup,
    run: async (attempt, taskEnvironment) => {
      const split = {
        // This cast is safe: the plan step wrote the pieces and checked their shape.
        pieces: (pieces as SplitPiece[] | undefined) ?? (await storedPieces(environment, job, index)),
      };
      return await run({ ...spec, split }, attempt, taskEnvironment);
    },
  };
  return await (event.dryRun ? runDry : runAttempt)(request, environment, invocation);
}

/** The plan step has checked its pieces, but anyone who may invoke the function can pass other ones. */
function assertPiecesReadable(
  pieces: readonly unknown[] = [],
  { readablePrefixes }: Pick<StepEnvironment, 'readablePrefixes'>,
): void {
  for (const piece of pieces) {
    const key = textFieldOf(fieldOf(piece, 'file'), 'key');
    // Generated input has no file.
    if (key === '' || (key !== undefined && isReadable(key, readablePrefixes))) continue;
    throw new MapReduceError(
      'UsageError',
      `the piece ${JSON.stringify(piece)} of this task is not from an input that jobs of this deployment may read`,
    );
  }
}

/**
 * Reads the pieces of a task that receives only its index: one of a small stage, one whose split is too long for an item, or
 * a backup attempt.
 */
async function storedPieces(
  environment: StepEnvironment,
  job: JobId,
  index: number,
): Promise<readonly SplitPiece[]> {
  const { store } = environment;
  const { pieces: ofTasks } = await settingsOf(job, environment);
  const carried = ofTasks?.[index];
  if (carried !== undefined && carried !== null) return carried;
  const own = await findDocument<{ pieces: SplitPiece[] }>(store, splitKey(job, taskId('map', index)));
  if (own !== undefined) return own.pieces;
  const items = ofTasks === undefined ? await readDocument<MapItem[]>(store, itemsKey(job, 'map')) : [];
  const pieces = items[index]?.pieces;
  if (pieces !== undefined) return pieces;
  throw new MapReduceError('UsageError', `job ${job} has no map task with the index ${index}`, {
    details: { jobId: job },
  });
}
