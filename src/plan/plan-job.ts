/**
 * Plans a job: its inputs, their splits, the number of reducers and the boundaries of partitions. A plan depends only on the
 * job, its parameters and the input, not on the number of workers, so the same job gives the same bytes wherever it runs.
 */
import type { Job, ParameterValues } from '../api/job.ts';
import { setUp } from '../api/user-code.ts';
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import type { JobId } from '../base/ids.ts';
import { LIMITS, MiB } from '../base/limits.ts';
import type { AttemptControl, Progress } from '../base/progress.ts';
import { sumOf } from '../base/sum.ts';
import { type InputFile, NO_FILE } from '../read/input-file.ts';
import type { NamedInputReport } from '../report/report.ts';
import type { BlockCompression } from '../shuffle/block.ts';
import { shuffleIndexBytes } from '../shuffle/shuffle-index.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { lookInside } from './inputs/look-inside.ts';
import {
  cutSplits,
  defaultReducers,
  GENERATED_RECORD_BYTES,
  type InputToCut,
  inputWeightBytes,
  splitSizing,
} from './splits.ts';
import type { JobPlan, PartitionPlan, Split } from './task.ts';

export interface PlanOptions {
  readonly job: Job;
  readonly jobId: JobId;
  /** Must come from resolveParameters(). */
  readonly params: ParameterValues;
  /** The files of each of the job's inputs, in their order; none for generated input. */
  readonly files: readonly (readonly InputFile[])[];
  /** Folders that the input names cover but that are not read, for the report. */
  readonly leftOut?: readonly string[];
  readonly inputs: ObjectStore;
  readonly splitSizeBytes?: number;
  readonly reducers?: number;
  readonly compression: BlockCompression;
  readonly merge: boolean;
  /** The maximum number of map tasks, and of reduce tasks. Default: LIMITS.tasksPerStageMax. */
  readonly tasksPerStageMax?: number;
  /** The maximum number of splits smaller than LIMITS.smallSplitBytes. Default: no maximum. */
  readonly smallSplitsMax?: number;
  /** Plans by the names and sizes of the files alone, for an estimate: formats that look into files count as others. */
  readonly opensNoFile?: boolean;
  /** Lets a caller watch the progress of planning, and stop it. */
  readonly watched?: { readonly progress: Progress; readonly control: AttemptControl };
}

/**
 * @throws UsageError for reducers or a split size out of bounds, for `merge` if the output cannot be merged, and if the job's setup throws for these parameters; errors
 *   of reading the inputs
 */
export async function planJob(given: PlanOptions): Promise<JobPlan> {
  const { job, jobId, params, compression, merge } = given;
  if (merge) assertMergeable(job);
  assertSetsUp(job, params);
  const inputBytes = sumOf(given.files.flat(), ({ sizeBytes }) => sizeBytes);
  const checked = (inputs: readonly InputToCut[]) => {
    const splits = boundedSplits(given, { inputs, inputBytes });
    const weightBytes = inputWeightBytes(filesOf(inputs));
    const reducers = reducerCount(given, weightBytes + generatedBytes(splits));
    checkShuffleIndex({ maps: splits.length, partitions: reducers });
    return { splits, reducers };
  };
  // Before any file is opened, so that a job that is too large is refused immediately.
  const named = job.inputs.map(({ source }, index) => ({ source, files: given.files[index] ?? [] }));
  const byName = checked(named);
  const inputs: readonly InputToCut[] = given.opensNoFile ? named : await openedInputs(given);
  const isAsNamed = inputs.every(
    ({ files, made }, input) =>
      made === undefined && files.every((file, index) => file === given.files[input]![index]),
  );
  const { splits, reducers } = isAsNamed ? byName : checked(inputs);
  return {
    settings: {
      formatVersion: 1,
      jobId,
      jobName: job.name,
      params,
      reducers,
      partition: given.opensNoFile
        ? { kind: 'hash' }
        : await planPartition(given, { inputs, splits, reducers }),
      compression,
      merge,
      ...(job.onBadRecord === undefined ? {} : { onBadRecord: job.onBadRecord }),
      ...(job.output.severalFiles ? { severalFiles: true as const } : {}),
    },
    splits,
    inputBytes,
    inputFiles: given.files.flat().length,
    ...namedInputs(job, inputs, splits),
    ...(given.leftOut === undefined || given.leftOut.length === 0
      ? {}
      : { inputLeftOut: given.leftOut.slice(0, LIMITS.leftOutShownMax) }),
  };
}

/** Looks into the files of each input, and lets sources that cut files themselves do so. */
async function openedInputs(given: PlanOptions): Promise<InputToCut[]> {
  const { job, inputs: store, watched } = given;
  const check = () => watched?.control.check();
  const looked: InputToCut[] = [];
  for (const [index, { source }] of job.inputs.entries()) {
    looked.push({ source, files: await lookInside(given.files[index] ?? [], { store, source, check }) });
  }
  const { splitSizeBytes: pieceBytes } = splitSizing(filesOf(looked), given.splitSizeBytes);
  const opened: InputToCut[] = [];
  for (const { source, files } of looked) {
    const { cuts } = source;
    if (typeof cuts !== 'object' || !('files' in cuts)) {
      opened.push({ source, files });
      continue;
    }
    const { madePieces } = await import('./made-pieces.ts');
    const made = await madePieces(source, (file) => cuts.files(file), files, { store, pieceBytes, check });
    opened.push({ source, files, made });
  }
  return opened;
}

function filesOf(inputs: readonly InputToCut[]): InputFile[] {
  return inputs.flatMap(({ files }) => files);
}

function namedInputs(
  job: Job,
  inputs: readonly InputToCut[],
  splits: readonly Split[],
): { inputs?: readonly NamedInputReport[] } {
  if (job.inputs[0]!.name === undefined) return {};
  return {
    inputs: job.inputs.map(({ name }, index) => {
      const { files } = inputs[index]!;
      return {
        name: name!,
        files: files.length,
        bytes: sumOf(files, ({ sizeBytes }) => sizeBytes),
        splits: splits.filter(({ pieces }) => (pieces[0]!.input ?? 0) === index).length,
      };
    }),
  };
}

/** Generated records count as lines of text do, so that many of them get several reducers. */
function generatedBytes(splits: readonly Split[]): number {
  return (
    GENERATED_RECORD_BYTES *
    sumOf(splits, ({ pieces }) => (pieces[0]!.file === NO_FILE ? (pieces[0]!.records ?? 0) : 0))
  );
}

function boundedSplits(
  given: PlanOptions,
  { inputs, inputBytes }: { inputs: readonly InputToCut[]; inputBytes: number },
): Split[] {
  const {
    job,
    params,
    tasksPerStageMax = LIMITS.tasksPerStageMax,
    smallSplitsMax = Number.POSITIVE_INFINITY,
  } = given;
  const size = splitSizing(filesOf(inputs), given.splitSizeBytes);
  const { splitSizeBytes } = size;
  const areSmall = splitSizeBytes < LIMITS.smallSplitBytes && inputBytes > 0;
  const splitsMax = areSmall ? Math.min(smallSplitsMax, tasksPerStageMax) : tasksPerStageMax;
  const splits = cutSplits(inputs, { ...size, params, splitsMax });
  if (splits.length <= splitsMax) return splits;
  if (inputBytes === 0) {
    throw new MapReduceError(
      'UsageError',
      `job '${job.name}' generates more than ${splitsMax} pieces of input, the maximum for one job. Generate more records in each piece`,
    );
  }
  const isBecauseSmall = splitsMax < tasksPerStageMax;
  const reason = isBecauseSmall
    ? `Splits of less than ${LIMITS.smallSplitBytes} bytes are for small inputs`
    : `That is the maximum for one job (maxTasksPerStage, on AWS)`;
  // Files are packed in order, so a split may be as little as half full.
  const enoughBytes = Math.max(
    isBecauseSmall ? LIMITS.smallSplitBytes : 0,
    2 * Math.ceil(inputBytes / tasksPerStageMax),
  );
  const remedy =
    enoughBytes > LIMITS.splitSizeBytesMax
      ? 'Run several jobs, each over a part of the input'
      : `Set the split size (splitSizeBytes, --split-size) to at least ${enoughBytes} bytes${areSmall ? ', or omit it' : ''}`;
  throw new MapReduceError(
    'UsageError',
    `splits of ${splitSizeBytes} ${splitSizeBytes === 1 ? 'byte' : 'bytes'} make more than ${splitsMax} map tasks from ${inputBytes} bytes of input. ${reason}. ${remedy}`,
  );
}

/** Merging moves records between files as bytes. */
function assertMergeable({ name, output }: Job): void {
  if (output.severalFiles) {
    throw new MapReduceError(
      'UsageError',
      `job '${name}': its output cannot be merged, because it has several files, which would become one. Remove --merge ("merge": true in a request); --reducers 1 gives one file for each output and folder`,
      { details: { jobName: name } },
    );
  }
  const { sink } = output.sinks[0]!;
  if (sink.recordWise) return;
  throw new MapReduceError(
    'UsageError',
    `job '${name}': the parts of ${sink.name} cannot be merged, because its files are more than records one after the other. Remove --merge ("merge": true in a request), or choose another output format`,
    { details: { jobName: name } },
  );
}

/** Runs setup before the first attempt: if it refuses these parameters, it would do so in every attempt. */
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

function reducerCount(
  { job, reducers, tasksPerStageMax = LIMITS.tasksPerStageMax }: PlanOptions,
  inputBytes: number,
): number {
  if (job.shuffle === undefined) {
    if (reducers !== undefined && reducers !== 0) {
      throw new MapReduceError(
        'UsageError',
        `job '${job.name}' is map-only (it has no reduce), so it cannot have reducers; received ${reducers}. Remove --reducers`,
      );
    }
    return 0;
  }
  const count = reducers ?? job.shuffle.reducers ?? defaultReducers(inputBytes);
  checkRange('the number of reducers', count, 1, LIMITS.reducersMax, '');
  if (count > tasksPerStageMax) {
    throw new MapReduceError(
      'UsageError',
      `the job would have ${count} reduce tasks; the maximum is ${tasksPerStageMax} (maxTasksPerStage of the deployment). Set "reducers" to at most ${tasksPerStageMax}`,
    );
  }
  return count;
}

async function planPartition(
  { job, params, inputs: store, watched }: PlanOptions,
  { inputs, splits, reducers }: { inputs: readonly InputToCut[]; splits: readonly Split[]; reducers: number },
): Promise<PartitionPlan> {
  const partition = job.shuffle?.partition;
  if (partition === undefined) return { kind: 'hash' };
  if (typeof partition === 'function') return { kind: 'custom' };
  const { samplesMax } = partition;
  const { sampleBoundaries } = await import('./boundaries/sample-boundaries.ts');
  const { boundaries, isWhole } = await sampleBoundaries({
    job,
    params,
    inputs,
    splits,
    store,
    partitions: reducers,
    samplesMax,
    watched,
  });
  return { kind: 'range', boundaries, ...(isWhole ? {} : { isPartlySampled: true }) };
}

/** Refuses an index that is too large before any task runs; otherwise the map barrier would run out of memory after all of them. */
function checkShuffleIndex({ maps, partitions }: { maps: number; partitions: number }): void {
  const bytes = shuffleIndexBytes({ maps, partitions });
  if (bytes <= LIMITS.shuffleIndexBytesMax) return;
  const reducersMax = Math.floor(LIMITS.shuffleIndexBytesMax / shuffleIndexBytes({ maps, partitions: 1 }));
  throw new MapReduceError(
    'UsageError',
    `${maps} map tasks times ${partitions} reducers need a shuffle index of ${Math.round(bytes / MiB)} MiB; the maximum is ${LIMITS.shuffleIndexBytesMax / MiB} MiB. Choose larger splits, or at most ${reducersMax} reducers`,
  );
}

function checkRange(what: string, value: number, min: number, max: number, unit: string): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new MapReduceError(
      'UsageError',
      `${what} must be a whole number from ${min} to ${max}${unit}; received ${value}`,
    );
  }
}
