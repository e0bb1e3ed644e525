/** What the model needs to know about a planned job and about the deployment that runs it. */
import { LIMITS } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import { samplePlaces, samplePlacesFor } from '../../plan/boundaries/sample-places.ts';
import { GENERATED_RECORD_BYTES } from '../../plan/splits.ts';
import type { JobPlan, Split } from '../../plan/task.ts';
import { compressionOf, type InputFile, NO_FILE } from '../../read/input-file.ts';
import type { StartedBy } from '../../report/estimate.ts';
import { ITEM_BYTES_MAX } from '../protocol/job-state.ts';
import { LAMBDA_FACTS } from './facts.ts';
import { REGION_DEFAULT } from './prices.ts';
import { inputGets } from './reads.ts';

/** The defaults of a deployment, for what is not known about one. */
export const TASK_MEMORY_MB = 1_769;
export const STEP_MEMORY_MB = 1_024;

export interface DeploymentShape {
  readonly region: string;
  readonly taskMemoryMb: number;
  readonly stepMemoryMb: number;
  readonly taskTimeoutSeconds: number;
  readonly scratchBytes: number;
  readonly maxConcurrency: number;
  readonly maxTasksPerStage: number;
  readonly isExpress: boolean;
  readonly backupAttempts: boolean;
  /** Concurrent functions of the account. */
  readonly accountConcurrency: number;
}

/** With the defaults of a deployment for what is not known about one. */
export function deploymentShape(known: Partial<DeploymentShape>): DeploymentShape {
  return {
    region: REGION_DEFAULT,
    taskMemoryMb: TASK_MEMORY_MB,
    stepMemoryMb: STEP_MEMORY_MB,
    taskTimeoutSeconds: LAMBDA_FACTS.timeoutSecondsMax.value,
    scratchBytes: LAMBDA_FACTS.scratchBytesMax.value,
    maxConcurrency: 800,
    maxTasksPerStage: LIMITS.awsTasksPerStageDefault,
    isExpress: false,
    backupAttempts: true,
    accountConcurrency: LAMBDA_FACTS.accountConcurrency.value,
    ...known,
  };
}

/** What the number of requests depends on, of what is known once a job is planned. Sums over all map tasks. */
export interface PlannedRequests {
  readonly files: number;
  readonly inputNames: InputNameCounts;
  /** Files whose first bytes the plan reads: those whose names do not say that they are compressed. */
  readonly lookedFiles: number;
  /** Windows that byRange() samples. */
  readonly sampleGets: number;
  readonly startedBy: StartedBy;
  readonly maps: number;
  /** 0 for a map-only job. */
  readonly reducers: number;
  readonly inputGets: number;
  /** Splits whose pieces do not fit into an item. */
  readonly storedSplits: number;
}

/** With the largest split. Everything here is exact. */
export interface JobShape extends PlannedRequests {
  /** Stored bytes, and those of them in compressed files. */
  readonly inputBytes: number;
  readonly compressedBytes: number;
  readonly largestSplitBytes: number;
  readonly largestSplitCompressedBytes: number;
  readonly largestSplitGets: number;
}

/** How the input is named: the plan lists each prefix or glob, and looks up each key. */
export interface InputNameCounts {
  readonly prefixes: number;
  readonly keys: number;
}

export function countInputNames(names: readonly string[]): InputNameCounts {
  const prefixes = names.filter((name) => name.endsWith('/') || /[*?[{]/.test(name)).length;
  return { prefixes, keys: names.length - prefixes };
}

/** The parts of a plan that the model reads. */
export type PlannedShape = Pick<JobPlan, 'splits' | 'inputFiles'> & {
  readonly settings: Pick<JobPlan['settings'], 'reducers' | 'partition'>;
};

export function shapeOf(
  { splits, inputFiles, settings }: PlannedShape,
  {
    taskMemoryMb,
    startedBy = 'command',
    inputNames = { prefixes: 1, keys: 0 },
  }: { taskMemoryMb: number; startedBy?: StartedBy; inputNames?: InputNameCounts },
): JobShape {
  const largest = splits.reduce<Split | undefined>(
    (best, split) => (best === undefined || bytesOf(split) > bytesOf(best) ? split : best),
    undefined,
  );
  const gets = (split: Split) => inputGets(split, taskMemoryMb);
  return {
    files: inputFiles,
    inputNames: inputFiles === 0 ? { prefixes: 0, keys: 0 } : inputNames,
    lookedFiles: lookedFiles(splits),
    sampleGets:
      settings.partition.kind === 'range' && settings.reducers > 1
        ? sampleGets(splits, settings.reducers)
        : 0,
    startedBy,
    maps: splits.length,
    reducers: settings.reducers,
    inputBytes: sumOf(splits, bytesOf),
    compressedBytes: sumOf(splits, compressedBytesOf),
    largestSplitBytes: largest === undefined ? 0 : bytesOf(largest),
    largestSplitCompressedBytes: largest === undefined ? 0 : compressedBytesOf(largest),
    inputGets: sumOf(splits, gets),
    largestSplitGets: largest === undefined ? 0 : gets(largest),
    storedSplits: splits.filter(({ pieces }) => areStored(pieces)).length,
  };
}

/** Generated records count as lines of text do. */
function bytesOf({ pieces }: Split): number {
  return sumOf(pieces, ({ file, startBytes, endBytes, records = 0 }) =>
    isGenerated(file) ? records * GENERATED_RECORD_BYTES : endBytes - startBytes,
  );
}

function compressedBytesOf({ pieces }: Split): number {
  return sumOf(pieces, ({ file, startBytes, endBytes }) =>
    file.compression === 'none' ? 0 : endBytes - startBytes,
  );
}

/** By the key: a plan that was read from the bucket holds a copy of NO_FILE. */
function isGenerated({ key }: InputFile): boolean {
  return key === NO_FILE.key;
}

/** Files whose first bytes the plan reads, each once. */
function lookedFiles(splits: readonly Split[]): number {
  return sumOf(splits, ({ pieces }) =>
    sumOf(pieces, ({ file, startBytes }) =>
      !isGenerated(file) && startBytes === 0 && compressionOf(file.key) === 'none' ? 1 : 0,
    ),
  );
}

/** Whether a split has too many pieces for an item of a Distributed Map. Only a split of many files has. */
function areStored(pieces: Split['pieces']): boolean {
  return pieces.length > PIECES_FITTING && Buffer.byteLength(JSON.stringify(pieces)) > ITEM_BYTES_MAX;
}

const PIECES_FITTING = 8;

/** Windows of plain files that byRange() reads. What must be read from its start takes other requests, which are few. */
function sampleGets(splits: readonly Split[], reducers: number): number {
  const files = new Map(
    splits.flatMap(({ pieces }) => pieces.map(({ file }): [string, InputFile] => [file.key, file])),
  );
  const inputs = [{ source: { cuts: 'anywhere' as const }, files: [...files.values()] }];
  const places = samplePlaces(inputs, { splits, placesMax: samplePlacesFor(reducers) });
  return places.filter(({ isStream }) => !isStream).length;
}
