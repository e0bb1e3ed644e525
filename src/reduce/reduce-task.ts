/**
 * One attempt of one reduce task: merge the partition's runs from all shuffle objects, reduce group by group, commit
 * the part.
 *
 * Called by whoever runs attempts, any number of times for one task, also at the same time: the commit decides which
 * attempt counts.
 */
import { createCounter } from '../api/user-code.ts';
import { sortedCounters } from '../base/counters.ts';
import { withDetails } from '../base/errors.ts';
import type { AttemptId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { releaseThreadMemory } from '../base/thread-memory.ts';
import { shuffleIndexKey } from '../commit/layout.ts';
import { namingRepair } from '../commit/repair.ts';
import { createFold } from '../fold/value-fold.ts';
import type { ReduceTaskSpec, TaskEnvironment } from '../plan/task.ts';
import type { TaskResult } from '../report/task-summary.ts';
import { resultOf } from '../report/task-summary.ts';
import { blockBytesOf, openMerge, openRunsBudget, reduceRunCount } from '../shuffle/merge-runs.ts';
import type { RunSegment } from '../shuffle/run-reader.ts';
import { readPartitionSegments } from '../shuffle/shuffle-index.ts';
import { createGroupReducer, type GroupReducer, resultValueCodec } from './group-reducer.ts';
import { createResultOutput, type ResultOutput } from './result-output.ts';

/** Of the attempt's memory, for open runs; the rest is for a group's values, the output and the heap. */
const MERGE_FRACTION = 0.6;

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
  const { store, layout, control, settings, scratchFolder, memoryBytes } = environment;
  const shuffle = environment.job.shuffle!;
  const startedMs = performance.now();
  releaseThreadMemory();
  const segments = await readPartitionSegments(store, shuffleIndexKey(layout), spec.index);
  const bytesRead = segments.reduce((sum, { startBytes, endBytes }) => sum + endBytes - startBytes, 0);

  const budget = openRunsBudget(memoryBytes * MERGE_FRACTION, blockBytesOf(segments), segments.length);
  let bytesSpilled = 0;
  let spills = 0;
  let recordsFolded = 0;
  const open = await reduceRunCount(segments, {
    budget,
    folder: scratchFolder,
    fold: createFold(shuffle, environment.progress),
    compression: settings.compression,
    blockBytes: LIMITS.blockBytes,
    control,
    onMerged: ({ bytes, recordsIn, recordsOut }) => {
      spills++;
      bytesSpilled += bytes;
      recordsFolded += recordsIn - recordsOut;
    },
  });

  const { counters, count } = createCounter(environment.progress);
  const output = createResultOutput({
    taskId: spec.taskId,
    attemptId: attempt,
    environment,
    keyCodec: shuffle.key,
    valueCodec: resultValueCodec(shuffle),
  });
  try {
    const reducer = createGroupReducer(environment, output, count);
    try {
      await reduceAll(open, {
        reducer,
        output,
        environment,
        chunkBytes: budget.chunkBytes,
        recordsFolded,
        bytesTotal: bytesRead,
      });
    } finally {
      reducer.close();
    }
    control.check();
    const { committed, summary } = await output.commit({
      recordsRead: reducer.recordsRead + recordsFolded,
      bytesRead,
      plainBytesRead: 0,
      counters: sortedCounters(counters),
      spills: spills + reducer.spills,
      bytesSpilled: bytesSpilled + reducer.bytesSpilled,
      elapsedMs: Math.round(performance.now() - startedMs),
    });
    return resultOf(summary, committed);
  } catch (error) {
    await output.abort();
    throw error;
  }
}

async function reduceAll(
  segments: readonly RunSegment[],
  {
    reducer,
    output,
    environment,
    chunkBytes,
    recordsFolded,
    bytesTotal,
  }: {
    reducer: GroupReducer;
    output: ResultOutput;
    environment: TaskEnvironment;
    chunkBytes: number;
    recordsFolded: number;
    bytesTotal: number;
  },
): Promise<void> {
  if (segments.length === 0) return;
  const { control, progress } = environment;
  // Records stand for bytes: blocks are read ahead, and of different partitions at different times.
  const recordsTotal = recordsFolded + segments.reduce((sum, { records }) => sum + records, 0);
  const merge = openMerge(segments, chunkBytes);
  try {
    while (await merge.ready()) {
      control.check();
      while (!reducer.reduceStretch(merge)) {
        control.check();
        await output.flush();
      }
      if (output.wantsFlush) await output.flush();
      progress.recordsRead = reducer.recordsRead + recordsFolded;
      progress.bytesRead = Math.round((bytesTotal * progress.recordsRead) / recordsTotal);
    }
    reducer.finish();
  } finally {
    await merge.close();
  }
}
