/**
 * What a task is and what it uses. All types are plain data, which crosses threads and, on AWS, Step Functions, except
 * TaskEnvironment, which each worker builds for itself.
 */
import type { BadRecordPolicy, Job, ParameterValues } from '../api/job.ts';
import type { JobId, TaskId } from '../base/ids.ts';
import type { AttemptControl, Progress } from '../base/progress.ts';
import type { SplitPiece } from '../read/input-file.ts';
import type { AttemptMeter } from '../report/attempt-meter.ts';
import type { NamedInputReport } from '../report/report.ts';
import type { BlockCompression } from '../shuffle/block.ts';
import type { StagingSpace } from '../shuffle/staged-cells.ts';
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
      /** Set if there was too much compressed input to sample all of it: the sizes of parts may differ. */
      readonly isPartlySampled?: true;
    };

/** What every task of a job needs to know. It is small. */
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
  /** Whether to merge the parts into one file sorted by key. */
  readonly merge: boolean;
  /** What happens to bad records. Absent: the first one fails the job. */
  readonly onBadRecord?: BadRecordPolicy;
  /** Set if each task may write several files, and commits by its list of them (commit/file-list.ts). */
  readonly severalFiles?: true;
}

export interface JobPlan {
  readonly settings: JobSettings;
  readonly splits: readonly Split[];
  readonly inputBytes: number;
  readonly inputFiles: number;
  /** For a job with named inputs: what each of them holds. */
  readonly inputs?: readonly NamedInputReport[];
  /** Results of earlier jobs inside of the inputs, which are not read (result-folders.ts). */
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

/** Where a job's objects are. On AWS both stores are the bucket; in a local run the input store is the file system. */
export interface JobLayout {
  /** For the plan, shuffle objects and indexes; ends in '/'. Removed when the job succeeds. */
  readonly workPrefix: string;
  /** For parts, manifest.json and _SUCCESS; ends in '/' or is empty. */
  readonly outputPrefix: string;
}

export interface TaskEnvironment {
  readonly job: Job;
  readonly settings: JobSettings;
  readonly layout: JobLayout;
  readonly inputs: ObjectStore;
  readonly store: ObjectStore;
  /** An existing local folder for the spills of this attempt alone. The caller removes it afterwards. */
  readonly scratchFolder: string;
  /** Given where requests to the store cost time and money: large cells are then copied to scratchFolder. */
  readonly staging?: StagingSpace;
  /** Memory that the attempt may use for buffers, in addition to the runtime's own. */
  readonly memoryBytes: number;
  readonly meter: AttemptMeter;
  readonly progress: Progress;
  readonly control: AttemptControl;
}
