/** One point at which the model is evaluated: one set of constants, one guess about the job's code. */
import { LIMITS } from '../../base/limits.ts';
import type { Constants } from './constants.ts';
import type { DeploymentShape, JobShape } from './job-shape.ts';
import { cellGets, objectWrites, stagedBytes, uploadPartBytes } from './reads.ts';

/** A guess about the job's code: JobTraits at one level. */
export interface PointTraits {
  readonly mapBytesPerSecond: number;
  readonly reduceBytesPerSecond: number;
  readonly shuffleRatio: number;
  readonly shuffleBytesOfSplitMax: number;
  readonly outputRatio: number;
  readonly inflation: number;
  readonly skew: number;
}

/** How the engine does its work. Default: as it is. bench/model compares other ways. */
export interface EngineWays {
  readonly cellGets: (cells: { cells: number; cellBytes: number }, memoryMb: number) => number;
  /** Bytes of its cells that a reducer copies to /tmp. */
  readonly stagedBytes: EngineWays['cellGets'];
  readonly objectWrites: (sizeBytes: number, memoryMb: number) => number;
  /** The size of the parts of an upload. */
  readonly partBytes: (memoryMb: number) => number;
  readonly inlineTasksMax: number;
  /** Whether the plan function wakes the functions of the later steps. */
  readonly wakes: boolean;
  /** Buckets that the shuffle is spread over, each with a rate of its own. */
  readonly shuffleBuckets: number;
}

export const ENGINE: EngineWays = {
  cellGets,
  stagedBytes,
  objectWrites,
  partBytes: uploadPartBytes,
  inlineTasksMax: LIMITS.inlineTasksMax,
  wakes: true,
  shuffleBuckets: 1,
};

/** What the map barrier has found: exact. */
export interface KnownShuffle {
  readonly shuffleBytes: number;
  readonly shuffleWrites: number;
  /** That are not empty. */
  readonly cells: number;
  readonly largestPartitionBytes: number;
  readonly cellGets: number;
  readonly indexWrites: number;
  readonly indexGets: number;
}

export interface Point {
  readonly known?: KnownShuffle | undefined;
  readonly job: JobShape;
  readonly traits: PointTraits;
  readonly deployment: DeploymentShape;
  readonly constants: Constants;
  readonly ways?: EngineWays;
}

export function waysOf({ ways = ENGINE }: Point): EngineWays {
  return ways;
}

/** Whether the tasks of a stage are iterations of an inline Map, which starts at once. */
export function isInline(tasks: number, point: Point): boolean {
  return tasks <= waysOf(point).inlineTasksMax;
}
