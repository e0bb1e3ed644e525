/** The ways of this build and those of an earlier one, commit b0a71bc, for the same job. */
import { readAheadBytes } from '../../src/aws/model/function-memory.ts';
import type { DeploymentShape, PlannedShape } from '../../src/aws/model/job-shape.ts';
import { STEP_MEMORY_MB, TASK_MEMORY_MB } from '../../src/aws/model/job-shape.ts';
import { ENGINE, type EngineWays } from '../../src/aws/model/point.ts';
import { cellChunkBytes } from '../../src/aws/model/reads.ts';
import { syntheticPlan } from '../../src/aws/model/synthetic-plan.ts';
import { GiB, KiB, LIMITS, MiB } from '../../src/base/limits.ts';
import { S3_LIMITS } from '../../src/storage/s3/s3-limits.ts';

/** The defaults of a deployment in a large region. */
export const DEPLOYMENT: DeploymentShape = {
  region: 'us-east-1',
  taskMemoryMb: TASK_MEMORY_MB,
  stepMemoryMb: STEP_MEMORY_MB,
  taskTimeoutSeconds: 900,
  scratchBytes: 10 * GiB,
  maxConcurrency: 800,
  maxTasksPerStage: LIMITS.awsTasksPerStageDefault,
  isExpress: false,
  backupAttempts: true,
  accountConcurrency: 1_000,
};

export interface Settings {
  readonly name: string;
  readonly ways: EngineWays;
  readonly plan: (inputBytes: number) => PlannedShape;
  /** Whether a job survives a rate that S3 enforces. */
  readonly adapts: boolean;
}

export const NOW: Settings = {
  name: 'now',
  ways: ENGINE,
  plan: (inputBytes) => syntheticPlan({ inputBytes, isMapOnly: false }),
  adapts: true,
};

/** Splits of 64 MiB, at most 256 reducers, parts of 8 MiB, two GETs for a cell over 16 KiB, no inline Map. */
export const BEFORE: Settings = {
  name: 'b0a71bc',
  ways: {
    ...ENGINE,
    cellGets: cellGetsBefore,
    stagedBytes: () => 0,
    objectWrites: (bytes) => (bytes <= 8 * MiB ? 1 : Math.ceil(bytes / (8 * MiB)) + 2),
    partBytes: () => 8 * MiB,
    inlineTasksMax: 0,
    wakes: false,
  },
  plan: (inputBytes) =>
    syntheticPlan({
      inputBytes,
      isMapOnly: false,
      splitSizeBytes: 64 * MiB,
      reducers: Math.min(256, Math.max(4, Math.ceil(inputBytes / (64 * MiB)))),
    }),
  adapts: false,
};

/** As its s3-read-ahead.ts divided a cell into whole chunks: one of 1.5 chunks took two ranges. */
function cellGetsBefore(
  { cells, cellBytes }: { cells: number; cellBytes: number },
  memoryMb: number,
): number {
  if (cells === 0) return 0;
  const chunkBytes = cellChunkBytes(cells, memoryMb);
  const totalBytes = readAheadBytes(memoryMb * MiB);
  const shareBytes =
    chunkBytes >= LIMITS.inputChunkBytes
      ? totalBytes / 2
      : (totalBytes * chunkBytes) / (16 * KiB) / LIMITS.openRunsMax;
  const affordableBytes = Math.min(
    S3_LIMITS.readRangeBytes,
    cellBytes <= shareBytes ? cellBytes : shareBytes / 3,
  );
  const rangeBytes = Math.max(1, Math.floor(affordableBytes / chunkBytes)) * chunkBytes;
  return cells * Math.ceil(cellBytes / rangeBytes);
}
