/**
 * What an attempt did, committed together with its data: in the footer of a shuffle object, in the metadata of a part.
 * The barriers read it there, so that the books are kept from what was committed and from nothing else.
 */
import type { Counters } from '../base/counters.ts';
import type { AttemptId, TaskId } from '../base/ids.ts';

export interface TaskSummary {
  readonly taskId: string;
  readonly attemptId: string;
  /** Map: records of the input. Reduce: records of the partition. */
  readonly recordsRead: number;
  /** Map: bytes of the records that belong to the split, uncompressed. Reduce: stored bytes of the partition. */
  readonly bytesRead: number;
  /** Map: those bytes that came from uncompressed files; they must sum to the files' sizes. Reduce: 0. */
  readonly plainBytesRead: number;
  /** Map: records into the shuffle, after combining. Reduce and map-only: records of the part. */
  readonly recordsWritten: number;
  /** Of the shuffle object or the part. */
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
  /** From the attempt's start until all was written that it commits. */
  readonly elapsedMs: number;
  /** Of the part's bytes, 8 hexadecimal digits; empty for shuffle objects, whose blocks have their own. */
  readonly crc32: string;
  /** The user's counters. */
  readonly counters: Counters;
  /** Of the committed part, as the barrier saw it: not known when the summary is written. */
  readonly etag?: string;
}

/** What an attempt knows before its output is closed. */
export type AttemptSummary = Pick<
  TaskSummary,
  'recordsRead' | 'bytesRead' | 'plainBytesRead' | 'counters' | 'spills' | 'bytesSpilled' | 'elapsedMs'
>;

export function resultOf(summary: TaskSummary, committed: boolean): TaskResult {
  return {
    taskId: summary.taskId as TaskResult['taskId'],
    attemptId: summary.attemptId as TaskResult['attemptId'],
    committed,
    counters: summary.counters,
    recordsRead: summary.recordsRead,
    bytesRead: summary.bytesRead,
    recordsWritten: summary.recordsWritten,
    bytesWritten: summary.bytesWritten,
    spills: summary.spills,
    bytesSpilled: summary.bytesSpilled,
  };
}

/** What a committed attempt did. The truth is in what it committed; this is the report's copy. */
export interface TaskResult {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  /** False when another attempt had committed first: then nothing of this one counts. */
  readonly committed: boolean;
  readonly counters: Counters;
  readonly recordsRead: number;
  readonly bytesRead: number;
  readonly recordsWritten: number;
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
}
