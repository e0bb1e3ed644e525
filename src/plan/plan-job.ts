/**
 * Plans a job: which inputs, cut into which splits, for how many reducers, parted where. A plan depends on the job, its
 * parameters and the input, and on nothing else (not on the number of workers), so that the same job gives the same
 * bytes wherever it runs.
 */
import { isMapReduceError, MapReduceError } from '../errors.ts';
import type { JobId } from '../ids.ts';
import { taskId } from '../ids.ts';
import { cutSplits, defaultSplitSizeBytes } from '../input/splits.ts';
import type { Job, ParameterValues } from '../job.ts';
import { LIMITS, MiB } from '../limits.ts';
import { shuffleIndexBytes } from '../shuffle/shuffle-index.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type {
  BlockCompression,
  InputFile,
  JobPlan,
  MapTaskSpec,
  PartitionPlan,
  ReduceTaskSpec,
} from '../task.ts';
import { setUp } from '../user-code.ts';
import { sampleBoundaries } from './sample-boundaries.ts';

export interface PlanOptions {
  readonly job: Job;
  readonly jobId: JobId;
  /** Checked by resolveParameters(). */
  readonly params: ParameterValues;
  readonly files: readonly InputFile[];
  readonly inputs: ObjectStore;
  readonly splitSizeBytes?: number;
  readonly reducers?: number;
  readonly compression: BlockCompression;
  readonly merge: boolean;
}

/** @throws UsageError for reducers or a split size out of bounds, and for parameters that the job's setup refuses; what reading a sample throws. */
export async function planJob(options: PlanOptions): Promise<JobPlan> {
  const { job, jobId, params, files, inputs, compression, merge } = options;
  assertSetsUp(job, params);
  const inputBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const splitSizeBytes = options.splitSizeBytes ?? defaultSplitSizeBytes(inputBytes);
  checkRange('the split size', splitSizeBytes, LIMITS.splitSizeBytesMin, LIMITS.splitSizeBytesMax, ' bytes');
  const splits = cutSplits(files, { splitSizeBytes, splittable: job.input.splittable });
  const reducers = reducerCount(options, inputBytes);
  checkShuffleIndex({ maps: splits.length, partitions: reducers });
  return {
    settings: {
      formatVersion: 1,
      jobId,
      jobName: job.name,
      params,
      reducers,
      partition: await planPartition(job, { params, splits, inputs, reducers }),
      compression,
      merge,
    },
    splits,
    inputBytes,
    inputFiles: files.length,
  };
}

/** What setup refuses for these parameters it would refuse in every attempt: better said once, before any. */
function assertSetsUp(job: Job, params: ParameterValues): void {
  try {
    setUp(job, params);
  } catch (error) {
    if (!isMapReduceError(error, 'UserCodeError')) throw error;
    throw new MapReduceError('UsageError', `job '${job.name}': ${error.message}`, {
      details: { ...error.details, jobName: job.name },
      cause: error.cause,
    });
  }
}

export function mapTasks(plan: JobPlan): MapTaskSpec[] {
  return plan.splits.map((split, index) => ({ stage: 'map', index, taskId: taskId('map', index), split }));
}

export function reduceTasks(plan: JobPlan): ReduceTaskSpec[] {
  return Array.from({ length: plan.settings.reducers }, (_, index) => ({
    stage: 'reduce',
    index,
    taskId: taskId('reduce', index),
  }));
}

/** A small input gets one part, which is what a person wants to look at; a large one enough for several workers. */
export function defaultReducers(inputBytes: number): number {
  if (inputBytes < 8 * MiB) return 1;
  return Math.min(256, Math.max(4, Math.ceil(inputBytes / (64 * MiB))));
}

function reducerCount({ job, reducers }: PlanOptions, inputBytes: number): number {
  if (job.shuffle === undefined) {
    if (reducers !== undefined && reducers !== 0) {
      throw new MapReduceError(
        'UsageError',
        `job '${job.name}' is map-only (it has no reduce), so it takes no reducers; received ${reducers}. Drop --reducers`,
      );
    }
    return 0;
  }
  const count = reducers ?? job.shuffle.reducers ?? defaultReducers(inputBytes);
  checkRange('the number of reducers', count, 1, LIMITS.reducersMax, '');
  return count;
}

async function planPartition(
  job: Job,
  {
    params,
    splits,
    inputs,
    reducers,
  }: { params: ParameterValues; splits: JobPlan['splits']; inputs: ObjectStore; reducers: number },
): Promise<PartitionPlan> {
  const partition = job.shuffle?.partition;
  if (partition === undefined) return { kind: 'hash' };
  if (typeof partition === 'function') return { kind: 'custom' };
  const boundaries = await sampleBoundaries({
    job,
    params,
    splits,
    inputs,
    partitions: reducers,
    samplesMax: partition.samplesMax,
  });
  return { kind: 'range', boundaries };
}

/** Found before any task has run, where the map barrier would run out of memory after all of them. */
function checkShuffleIndex({ maps, partitions }: { maps: number; partitions: number }): void {
  const bytes = shuffleIndexBytes({ maps, partitions });
  if (bytes <= LIMITS.shuffleIndexBytesMax) return;
  const reducersMax = Math.floor(LIMITS.shuffleIndexBytesMax / shuffleIndexBytes({ maps, partitions: 1 }));
  throw new MapReduceError(
    'UsageError',
    `${maps} map tasks times ${partitions} reducers make a shuffle index of ${Math.round(bytes / MiB)} MiB; ${LIMITS.shuffleIndexBytesMax / MiB} MiB is the most. Choose larger splits, or at most ${reducersMax} reducers`,
  );
}

function checkRange(what: string, value: number, min: number, max: number, unit: string): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new MapReduceError(
      'UsageError',
      `${what} is a whole number from ${min} to ${max}${unit}; received ${value}`,
    );
  }
}
