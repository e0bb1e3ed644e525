/**
 * What a task is told and what it has at hand. These are plain data (they cross threads and, on AWS, Step Functions)
 * except for TaskEnvironment, which each worker builds for itself.
 */
import type { Job, ParameterValues } from '../api/job.ts';
import type { JobId, TaskId } from '../base/ids.ts';
import type { AttemptControl, Progress } from '../base/progress.ts';
import type { SplitPiece } from '../read/input-file.ts';
import type { BlockCompression } from '../shuffle/block.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** The input of one map task: a piece of a large file, or several small files packed together. */
export interface Split {
  readonly pieces: readonly SplitPiece[];
}

export type PartitionPlan =
  | { readonly kind: 'hash' }
  | { readonly kind: 'custom' }
  /** Ascending encoded keys in base64: partition i holds the keys in [boundaries[i-1], boundaries[i]). */
  | {
      readonly kind: 'range';
      readonly boundaries: readonly string[];
      /** Where compressed input was too much to be sampled whole: parts may differ in size. */
      readonly isPartlySampled?: true;
    };

/** What every task of a job needs to know. Small. */
export interface JobSettings {
  readonly formatVersion: 1;
  readonly jobId: JobId;
  readonly jobName: string;
  readonly params: ParameterValues;
  /** 0 for a map-only job. */
  readonly reducers: number;
  readonly partition: PartitionPlan;
  /** How blocks of the shuffle are compressed. */
  readonly compression: BlockCompression;
  /** Whether the parts are to be merged into one file sorted by key. */
  readonly merge: boolean;
}

export interface JobPlan {
  readonly settings: JobSettings;
  readonly splits: readonly Split[];
  readonly inputBytes: number;
  readonly inputFiles: number;
  /** Results of earlier jobs below the inputs that are not read (result-folders.ts). */
  readonly inputLeftOut?: readonly string[];
}

export interface MapTaskSpec {
  readonly stage: 'map';
  readonly index: number;
  readonly taskId: TaskId;
  readonly split: Split;
}

export interface ReduceTaskSpec {
  readonly stage: 'reduce';
  readonly index: number;
  readonly taskId: TaskId;
}

export type TaskSpec = MapTaskSpec | ReduceTaskSpec;

/** Where a job's objects are. On AWS both stores are the bucket; here the input store is the file system. */
export interface JobLayout {
  /** Ends in '/': plan, shuffle objects, indexes. Removed when the job ends well. */
  readonly workPrefix: string;
  /** Ends in '/' or is empty: parts, manifest.json, _SUCCESS. */
  readonly outputPrefix: string;
}

export interface TaskEnvironment {
  readonly job: Job;
  readonly settings: JobSettings;
  readonly layout: JobLayout;
  readonly inputs: ObjectStore;
  readonly store: ObjectStore;
  /** A folder of this attempt's own on a local disk, for spills. Exists; the caller removes it afterwards. */
  readonly scratchFolder: string;
  /** Memory that the attempt may use for buffers, beside the runtime's own. */
  readonly memoryBytes: number;
  readonly progress: Progress;
  readonly control: AttemptControl;
}
