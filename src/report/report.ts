/**
 * What a run reports while it runs (events, for progress displays) and when it has ended (the report, for people and for
 * `--json`, which is stored as manifest.json).
 */
import type { Counters } from '../base/counters.ts';
import type { SerializedError } from '../base/errors.ts';
import type { AttemptId, JobId, Stage, TaskId } from '../base/ids.ts';
import type { AttemptRow } from './attempt-rows.ts';
import type { EstimateReport } from './estimate.ts';

export interface StageReport {
  readonly stage: Stage;
  readonly tasks: number;
  /** Attempts started, backup attempts included. */
  readonly attempts: number;
  readonly failedAttempts: number;
  readonly backupAttempts: number;
  /** Since the job's start. Absent in manifests of versions that did not record it. */
  readonly startMs?: number;
  readonly wallMs: number;
  readonly recordsRead: number;
  readonly bytesRead: number;
  readonly recordsWritten: number;
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
  /** Absent while the stage runs, if it had no tasks, and in manifests of versions that did not record it. */
  readonly taskTimes?: TaskTimes;
}

/** How long the committed attempts took, each from its start to its commit. */
export interface TaskTimes {
  readonly medianMs: number;
  /** 95 % of the tasks took at most this long. */
  readonly p95Ms: number;
  readonly maxMs: number;
  readonly slowestTask: TaskId;
}

export interface PartReport {
  /** Relative to the output folder: `part-r-00000.tsv`. */
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  /** CRC-32 of the part's bytes, 8 hexadecimal digits. */
  readonly crc32: string;
}

/** One of several inputs. */
export interface NamedInputReport {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  readonly splits: number;
}

/** Also the content of manifest.json, which is written last, just before _SUCCESS. */
export interface JobReport {
  readonly formatVersion: 1;
  readonly jobId: JobId;
  readonly jobName: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly startedAt: string;
  readonly wallMs: number;
  readonly input: {
    readonly files: number;
    readonly bytes: number;
    readonly splits: number;
    /** For a job with named inputs. */
    readonly inputs?: readonly NamedInputReport[];
  };
  readonly reducers: number;
  readonly stages: readonly StageReport[];
  readonly parts: readonly PartReport[];
  /** Shuffle records in each partition, which shows skew. Empty for a map-only job. */
  readonly partitionRecords: readonly number[];
  readonly counters: Counters;
  /** How many bad records were skipped. `_bad.jsonl` lists the first of them. Absent if there are none. */
  readonly badRecords?: number;
  /** Attempts that failed and were retried successfully, newest last; bounded. */
  readonly failures: readonly AttemptFailure[];
  /** What the job was expected to need beside what it needed. Only on AWS. */
  readonly estimate?: EstimateReport;
  /** What else the reader should know, for example that the sizes of parts may differ. Absent if there is nothing. */
  readonly notices?: readonly string[];
}

export interface AttemptFailure {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly error: SerializedError;
}

/**
 *   planned -> stage-started(map) -> task-* ... -> stage-ended(map) -> stage-started(reduce) -> ... -> committed
 */
export type JobEvent =
  /** Sent before the job starts: a choice made for it that may surprise. The report has it too. */
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'planned';
      readonly jobId: JobId;
      readonly files: number;
      readonly bytes: number;
      /** For a job with named inputs. */
      readonly inputs?: readonly NamedInputReport[];
      /** In the order in which they run. */
      readonly stages: readonly { readonly stage: Stage; readonly tasks: number }[];
    }
  | { readonly kind: 'stage-started'; readonly stage: Stage; readonly tasks: number }
  | {
      readonly kind: 'attempt-started';
      readonly taskId: TaskId;
      readonly attemptId: AttemptId;
      readonly worker: number;
      readonly backup: boolean;
    }
  | {
      readonly kind: 'attempt-ended';
      readonly taskId: TaskId;
      readonly attemptId: AttemptId;
      readonly worker: number;
      readonly committed: boolean;
      /** Absent while a job on AWS is watched. */
      readonly row?: AttemptRow;
    }
  | {
      readonly kind: 'attempt-failed';
      readonly taskId: TaskId;
      readonly attemptId: AttemptId;
      readonly worker: number;
      readonly error: SerializedError;
      readonly willRetry: boolean;
      /** Absent while a job on AWS is watched. */
      readonly row?: AttemptRow;
    }
  /** Sent a few times a second while a stage runs. */
  | { readonly kind: 'progress'; readonly progress: StageProgress }
  | { readonly kind: 'stage-ended'; readonly report: StageReport }
  | { readonly kind: 'committed'; readonly report: JobReport };

export interface StageProgress {
  readonly stage: Stage;
  readonly tasks: number;
  readonly done: number;
  readonly running: number;
  readonly failedAttempts: number;
  /** Sums over committed and running attempts. Map: records and bytes of the input. Reduce: of the shuffle. */
  readonly records: number;
  readonly bytes: number;
  /** What `bytes` will be at the end; undefined if that is unknown. */
  readonly bytesTotal: number | undefined;
  readonly elapsedMs: number;
  /** The time over which rates are averaged, if a few seconds are too short. */
  readonly rateWindowMs?: number;
}
