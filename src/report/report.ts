/**
 * What a run tells while it goes on (events, for progress displays) and when it has ended (the report, for people and
 * for `--json`; its durable part is manifest.json).
 */
import type { Counters } from '../base/counters.ts';
import type { SerializedError } from '../base/errors.ts';
import type { Stage } from '../base/ids.ts';

export interface StageReport {
  readonly stage: Stage;
  readonly tasks: number;
  /** Attempts started, backup attempts included. */
  readonly attempts: number;
  readonly failedAttempts: number;
  readonly backupAttempts: number;
  /** After the job's start. Absent in manifests of versions that did not note it. */
  readonly startMs?: number;
  readonly wallMs: number;
  readonly recordsRead: number;
  readonly bytesRead: number;
  readonly recordsWritten: number;
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
  /** Absent while the stage runs, where it had no tasks, and in manifests of versions that did not note it. */
  readonly taskTimes?: TaskTimes;
}

/** How long the attempts that committed took, each from its start to its commit. */
export interface TaskTimes {
  readonly medianMs: number;
  /** 95 % of the tasks took no longer. */
  readonly p95Ms: number;
  readonly maxMs: number;
  readonly slowestTask: string;
}

export interface PartReport {
  /** Relative to the output folder: `part-r-00000.tsv`. */
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  /** CRC-32 of the part's bytes, 8 hexadecimal digits. */
  readonly crc32: string;
}

/** Also the content of manifest.json, which is written last but for _SUCCESS. */
export interface JobReport {
  readonly formatVersion: 1;
  readonly jobId: string;
  readonly jobName: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly startedAt: string;
  readonly wallMs: number;
  readonly input: { readonly files: number; readonly bytes: number; readonly splits: number };
  readonly reducers: number;
  readonly stages: readonly StageReport[];
  readonly parts: readonly PartReport[];
  /** Records of the shuffle by partition: what skew looks like. Empty for a map-only job. */
  readonly partitionRecords: readonly number[];
  readonly counters: Counters;
  /** Attempts that failed and were made good, newest last; bounded. */
  readonly failures: readonly AttemptFailure[];
  /** What else its reader should know, for example that parts may differ in size. Absent where there is nothing. */
  readonly notices?: readonly string[];
}

export interface AttemptFailure {
  readonly taskId: string;
  readonly attemptId: string;
  readonly error: SerializedError;
}

/**
 *   planned -> stage-started(map) -> task-* ... -> stage-ended(map) -> stage-started(reduce) -> ... -> committed
 */
export type JobEvent =
  /** Before the job starts: what was chosen for it that may surprise. The report has it too. */
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'planned';
      readonly jobId: string;
      readonly files: number;
      readonly bytes: number;
      readonly mapTasks: number;
      readonly reducers: number;
    }
  | { readonly kind: 'stage-started'; readonly stage: Stage; readonly tasks: number }
  | {
      readonly kind: 'attempt-started';
      readonly taskId: string;
      readonly attemptId: string;
      readonly worker: number;
      readonly backup: boolean;
    }
  | {
      readonly kind: 'attempt-ended';
      readonly taskId: string;
      readonly attemptId: string;
      readonly worker: number;
      readonly committed: boolean;
    }
  | {
      readonly kind: 'attempt-failed';
      readonly taskId: string;
      readonly attemptId: string;
      readonly worker: number;
      readonly error: SerializedError;
      readonly willRetry: boolean;
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
  /** Of committed and running attempts together. For map: input. For reduce: shuffle records and bytes. */
  readonly records: number;
  readonly bytes: number;
  /** What `bytes` will be at the end; undefined where it is not known. */
  readonly bytesTotal: number | undefined;
  readonly elapsedMs: number;
  /** Over which rates are taken, where seconds are too short for it. */
  readonly rateWindowMs?: number;
}
