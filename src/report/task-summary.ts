/**
 * What an attempt did, committed together with its data: in the footer of a shuffle object, or the metadata of a part. The
 * barriers read it there, so that they count exactly what was committed.
 */
import type { Counters } from '../base/counters.ts';
import type { AttemptId, TaskId } from '../base/ids.ts';
import { parseJson } from '../codec/parse-json.ts';
import type { AttemptFacts, Measured } from './attempt-meter.ts';

export interface TaskSummary {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  /** Map: input records. Reduce: records of the partition. */
  readonly recordsRead: number;
  /** Map: uncompressed bytes of the split's records. Reduce: stored bytes of the partition. */
  readonly bytesRead: number;
  /** Map: the part of bytesRead from uncompressed files, which must sum to the sizes of these files. Reduce: 0. */
  readonly plainBytesRead: number;
  /** Map: records of pieces whose number of records the plan knows, which must sum to these. Absent if there are none. */
  readonly plannedRecordsRead?: number;
  /** Map: bad records that were skipped. Absent if there are none. */
  readonly badRecords?: BadRecordsSummary;
  /** Map: what the records of pieces cover whose first record had to be guessed. Absent if there are none. */
  readonly covered?: readonly CoveredRange[];
  /** Map: shuffle records, after combining. Reduce and map-only: records of the part. */
  readonly recordsWritten: number;
  /** The size of the shuffle object or part. */
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
  /** From the attempt's start until everything that it commits was written. */
  readonly elapsedMs: number;
  /** Absent in the summaries of earlier versions. */
  readonly facts?: AttemptFacts;
  /** The CRC-32 of the part, 8 hexadecimal digits; empty for shuffle objects, whose blocks have checksums of their own. */
  readonly crc32: string;
  /** The user's counters. */
  readonly counters: Counters;
  /** The ETag of the committed part, added by the barrier: it is unknown when the summary is written. */
  readonly etag?: string;
}

/** The bad records of one attempt, or of a job. */
export interface BadRecordsSummary {
  readonly count: number;
  /** The first of them, in the order of the input: at most LIMITS.badRecordsListedMax. */
  readonly first: readonly BadRecordPlace[];
}

export interface BadRecordPlace {
  /** A path, or the address of an object. */
  readonly file: string;
  /** The byte at which the record starts in the uncompressed file, or its number for an input that counts records. */
  readonly offset: number;
  readonly line?: number;
  readonly message: string;
}

/** The bytes [startBytes, endBytes) that the records of a piece cover. */
export interface CoveredRange {
  /** The index of the piece in its split. */
  readonly piece: number;
  readonly startBytes: number;
  readonly endBytes: number;
}

/** The JSON that an attempt committed. The cast: only attempts write summaries, and their bytes have a checksum or an ETag. */
export function parseSummary(json: string): TaskSummary {
  return parseJson(json) as TaskSummary;
}

/** What an attempt knows before its output is closed. */
export type AttemptSummary = Pick<
  TaskSummary,
  | 'recordsRead'
  | 'bytesRead'
  | 'plainBytesRead'
  | 'plannedRecordsRead'
  | 'badRecords'
  | 'covered'
  | 'counters'
  | 'spills'
  | 'bytesSpilled'
>;

export function resultOf(summary: TaskSummary, committed: boolean): TaskResult {
  return {
    taskId: summary.taskId,
    attemptId: summary.attemptId,
    committed,
    counters: summary.counters,
    recordsRead: summary.recordsRead,
    bytesRead: summary.bytesRead,
    recordsWritten: summary.recordsWritten,
    bytesWritten: summary.bytesWritten,
    spills: summary.spills,
    bytesSpilled: summary.bytesSpilled,
    ...(summary.facts && { measured: { elapsedMs: summary.elapsedMs, facts: summary.facts } }),
  };
}

/** What an attempt did, for the report. It is a copy: the committed summary is authoritative. */
export interface TaskResult {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  /** False if another attempt committed first; then this attempt does not count. */
  readonly committed: boolean;
  readonly counters: Counters;
  readonly recordsRead: number;
  readonly bytesRead: number;
  readonly recordsWritten: number;
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
  readonly measured?: Measured;
}
