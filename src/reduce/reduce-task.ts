/**
 * Runs one attempt of a reduce task: merges the partition's runs from all shuffle objects, reduces them group by group,
 * and commits the part.
 *
 * Worker threads and Lambda functions call this, any number of times per task and even at the same time. Only one
 * attempt of a task can commit.
 */
import { createCounter } from '../api/user-code.ts';
import { sortedCounters } from '../base/counters.ts';
import { withDetails } from '../base/errors.ts';
import type { AttemptId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { Progress } from '../base/progress.ts';
import { releaseThreadMemory } from '../base/thread-memory.ts';
import { shuffleIndexKey } from '../commit/layout.ts';
import { namingRepair } from '../commit/repair.ts';
import { createFold } from '../fold/value-fold.ts';
import type { ReduceTaskSpec, TaskEnvironment } from '../plan/task.ts';
import type { TaskResult } from '../report/task-summary.ts';
import { resultOf } from '../report/task-summary.ts';
import { consumeMerge } from '../shuffle/consume-merge.ts';
import type { MergeTiming } from '../shuffle/merge-options.ts';
import { reduceRunCount } from '../shuffle/merge-runs.ts';
import { blockBytesOf, openRunsBudget } from '../shuffle/open-runs.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';
import { readPartitionSegments } from '../shuffle/shuffle-index.ts';
import type { CellStager } from '../shuffle/staged-cells.ts';
import { createGroupReducer, type GroupReducer, resultValueCodec } from './group-reducer.ts';
import { createResultOutput } from './result-output.ts';

export async function runReduceTask(
  spec: ReduceTaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  try {
    return await reducePartition(spec, attempt, environment);
  } catch (error) {
    throw withDetails(namingRepair(error), {
      jobName: environment.job.name,
      taskId: spec.taskId,
      attemptId: attempt,
    });
  }
}

async function reducePartition(
  spec: ReduceTaskSpec,
  attempt: AttemptId,
  environment: TaskEnvironment,
): Promise<TaskResult> {
  const { store, layout, meter, control, progress } = environment;
  const shuffle = environment.job.shuffle!;
  releaseThreadMemory();
  const segments = await readPartitionSegments(store, shuffleIndexKey(layout), spec.index);
  const bytesRead = segments.reduce((sum, { startBytes, endBytes }) => sum + endBytes - startBytes, 0);
  const { open, chunkBytes, merged } = await openableRuns(segments, environment);

  const { counters, count } = createCounter(progress);
  const output = await createResultOutput({
    taskId: spec.taskId,
    attemptId: attempt,
    environment,
    keyCodec: shuffle.key,
    valueCodec: resultValueCodec(shuffle),
  });
  let reducer: GroupReducer | undefined;
  try {
    reducer = createGroupReducer(environment, output, count);
    const onStretch = progressOf(reducer, { open, merged, bytesRead, progress });
    const timing: MergeTiming = { phases: meter.phases, fetch: 'waiting', consume: 'user' };
    await consumeMerge(open, { consumer: reducer, sink: output, chunkBytes, control, onStretch, timing });
    control.check();
    meter.phases.enter('writing');
    const { committed, summary } = await output.commit({
      recordsRead: reducer.recordsRead + merged.recordsFolded,
      bytesRead,
      plainBytesRead: 0,
      counters: sortedCounters(counters),
      spills: merged.runs + (reducer.values?.spills ?? 0),
      bytesSpilled: merged.bytes + (reducer.values?.bytesSpilled ?? 0),
    });
    return resultOf(summary, committed);
  } catch (error) {
    await output.abort();
    throw error;
  } finally {
    reducer?.values?.close();
  }
}

/** Totals of the runs that were merged before the final merge. */
interface MergedRuns {
  runs: number;
  bytes: number;
  /** The number of records that folding removed. */
  recordsFolded: number;
}

/** Merges runs until no more are left than may be open at once. */
async function openableRuns(
  segments: readonly RunSegment[],
  { job, settings, memoryBytes, scratchFolder, staging, meter, progress, control }: TaskEnvironment,
): Promise<{ open: readonly RunSegment[]; chunkBytes: number; merged: MergedRuns }> {
  const budget = openRunsBudget(
    memoryBytes * LIMITS.openRunsFraction,
    blockBytesOf(segments),
    segments.length,
  );
  const { key } = job.shuffle!;
  const fold = createFold(job.shuffle!, progress);
  const merged: MergedRuns = { runs: 0, bytes: 0, recordsFolded: 0 };
  const stager =
    staging === undefined
      ? undefined
      : await newStager(segments, {
          space: staging,
          chunkBytes: budget.chunkBytes,
          folder: scratchFolder,
          memoryBytes: memoryBytes * LIMITS.openRunsFraction,
          control,
          phases: meter.phases,
        });
  const open = await reduceRunCount(segments, {
    budget,
    stager,
    folding: fold && { fold, key },
    control,
    timing: { phases: meter.phases, fetch: 'waiting', consume: 'spilling' },
    scratch: { folder: scratchFolder, compression: settings.compression, blockBytes: LIMITS.blockBytes },
    onMerged: ({ bytes, recordsFolded }) => {
      merged.runs++;
      merged.bytes += bytes;
      merged.recordsFolded += recordsFolded;
    },
  });
  const near = await stager?.stage(open);
  return { open: near?.segments ?? open, chunkBytes: budget.chunkBytes, merged };
}

/** Loaded only where it is needed, because start-up time counts. */
async function newStager(...parameters: ConstructorParameters<typeof CellStager>): Promise<CellStager> {
  const staged = await import('../shuffle/staged-cells.ts');
  return new staged.CellStager(...parameters);
}

/** Estimates the bytes read from the number of records consumed, because runs read their blocks ahead. */
function progressOf(
  reducer: GroupReducer,
  {
    open,
    merged: { recordsFolded },
    bytesRead,
    progress,
  }: { open: readonly RunSegment[]; merged: MergedRuns; bytesRead: number; progress: Progress },
): () => void {
  const recordsTotal = recordsFolded + open.reduce((sum, { records }) => sum + records, 0);
  return () => {
    progress.recordsRead = reducer.recordsRead + recordsFolded;
    progress.bytesRead = Math.round((bytesRead * progress.recordsRead) / recordsTotal);
  };
}
