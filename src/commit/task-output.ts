/** What a task that makes results writes to: one file (part-output.ts), several (files-output.ts), or a run to be merged. */
import type { AttemptId, TaskId } from '../base/ids.ts';
import type { Codec } from '../codec/codec.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import type { BulkSink } from '../shuffle/record-sink.ts';

export interface TaskOutputOptions {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly environment: TaskEnvironment;
}

/** The codecs of records that are appended while they are still encoded. */
export interface RecordCodecs {
  readonly keyCodec: Codec<unknown>;
  readonly valueCodec: Codec<unknown>;
}

/** The encoded key of the group that emits a record: bytes[0, end). */
export interface GroupKeyBytes {
  readonly bytes: Buffer;
  readonly end: number;
}

export interface TaskOutput {
  /**
   * @param output  the position of the output, for a job with several
   * @param group  for records that are to be merged by it
   */
  write(key: unknown, value: unknown, output?: number, group?: GroupKeyBytes): void;
  /** Writes a record that is still encoded, to the only output. */
  append(record: Readonly<RecordSlice>): void;
  /** See RecordSink. */
  readonly bulk?: BulkSink | undefined;
  readonly wantsFlush: boolean;
  flush(): Promise<void>;
  /** Commits the output. `committed` is false if another attempt committed first. */
  commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }>;
  abort(): Promise<void>;
}
