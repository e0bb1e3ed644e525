/**
 * What each attempt of a job did: one row for each, kept beside the result as JSON Lines, compressed with gzip, so that tools
 * read it as a table:
 *
 *     duckdb -c "FROM 'out/_attempts.jsonl.gz' ORDER BY elapsedMs DESC LIMIT 10"
 *
 * About 140 bytes an attempt (test/report/attempt-rows.test.ts). Fields may be added; the meaning of a field never changes.
 */
import { gzipSync } from 'node:zlib';
import type { SerializedError } from '../base/errors.ts';
import { type AttemptId, type TaskId, taskIdOf } from '../base/ids.ts';
import { cut } from '../base/show-value.ts';
import { sum } from '../base/sum.ts';
import { type Measured, TIMED_PHASES } from './attempt-meter.ts';
import type { TaskSummary } from './task-summary.ts';

export const OUTCOMES = [
  /** Its output is the task's. */
  'committed',
  'failed',
  /** Another attempt of the task committed first. */
  'superseded',
  /** The job was cancelled or had failed. */
  'stopped',
] as const;

/** How much an attempt read and wrote. */
export interface AttemptFigures {
  readonly recordsRead: number;
  readonly bytesRead: number;
  readonly recordsWritten: number;
  readonly bytesWritten: number;
  readonly spills: number;
  readonly bytesSpilled: number;
}

/** Of an attempt that did not commit. Nothing of its output counts. */
export function figuresSoFar(progress: Omit<AttemptFigures, 'bytesWritten'>): AttemptFigures {
  const { recordsRead, bytesRead, recordsWritten, spills, bytesSpilled } = progress;
  return { recordsRead, bytesRead, recordsWritten, bytesWritten: 0, spills, bytesSpilled };
}

/** Times in milliseconds. What is not known of an attempt whose process died is absent. */
export interface AttemptRow extends Partial<AttemptFigures> {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly outcome: (typeof OUTCOMES)[number];
  /** ISO 8601 */
  readonly startedAt?: string;
  /**
   * A committed attempt: when everything that it commits was written, just before its last request. An attempt whose process
   * died: when that was noticed.
   */
  readonly endedAt: string;
  readonly elapsedMs?: number;
  /** The Lambda execution environment, or the worker of an embedded run. */
  readonly environment?: string;
  /** How long the environment took to start, if this was its first attempt. */
  readonly coldStartMs?: number;
  /** How many attempts of the task had failed before. */
  readonly retry: number;
  /** These phases and otherMs add up to elapsedMs. src/base/phase-clock.ts says what each covers. */
  readonly waitingMs?: number;
  readonly readingMs?: number;
  readonly userMs?: number;
  readonly sortingMs?: number;
  readonly spillingMs?: number;
  readonly writingMs?: number;
  readonly otherMs?: number;
  readonly peakMemoryBytes?: number;
  /** Requests to S3, retries included. */
  readonly readRequests?: number;
  readonly writeRequests?: number;
  /** The error's name and the start of its message. */
  readonly error?: string;
}

const ERROR_CHARACTERS_MAX = 300;

export function committedRow(summary: TaskSummary): AttemptRow {
  const { taskId, attemptId, elapsedMs, facts } = summary;
  return {
    taskId,
    attemptId,
    outcome: 'committed',
    ...measuredFields(facts && { elapsedMs, facts }),
    endedAt: facts === undefined ? '' : endOf(facts.startedAtMs, elapsedMs),
    ...figuresOf(summary),
  };
}

/** @param endedAt  when the attempt ended, if it could not measure itself */
export function otherRow({
  attemptId,
  outcome,
  endedAt,
  measured,
  figures,
  error,
}: {
  attemptId: AttemptId;
  outcome: AttemptRow['outcome'];
  endedAt: string;
  measured?: Measured | undefined;
  figures?: AttemptFigures | undefined;
  error?: Pick<SerializedError, 'name' | 'message'> | undefined;
}): AttemptRow {
  return {
    taskId: taskIdOf(attemptId),
    attemptId,
    outcome,
    ...measuredFields(measured),
    endedAt: measured === undefined ? endedAt : endOf(measured.facts.startedAtMs, measured.elapsedMs),
    ...(figures === undefined ? {} : figuresOf(figures)),
    ...(error === undefined ? {} : { error: errorText(error) }),
  };
}

export function errorText({ name, message }: Pick<SerializedError, 'name' | 'message'>): string {
  return cut(`${name}: ${message}`, ERROR_CHARACTERS_MAX).toWellFormed();
}

/** The attempts that took longest, slowest first. */
export function slowestAttempts(rows: readonly AttemptRow[], count: number): AttemptRow[] {
  return rows
    .filter(({ elapsedMs }) => elapsedMs !== undefined)
    .toSorted((a, b) => b.elapsedMs! - a.elapsedMs!)
    .slice(0, count);
}

/** In the order of tasks, and of time within a task. */
export function encodeAttempts(rows: readonly AttemptRow[]): Buffer {
  const ordered = rows.toSorted((a, b) => compare(a.taskId, b.taskId) || compare(a.endedAt, b.endedAt));
  return gzipSync(ordered.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function measuredFields(
  measured: Measured | undefined,
): Omit<AttemptRow, 'taskId' | 'attemptId' | 'outcome' | 'endedAt'> {
  if (measured === undefined) return { retry: 0 };
  const { elapsedMs, facts } = measured;
  const { startedAtMs, environment, coldStartMs, retry = 0, phasesMs, peakMemoryBytes, requests } = facts;
  // The cast: Object.fromEntries() forgets the names.
  const phases = Object.fromEntries(
    TIMED_PHASES.map((phase, i) => [`${phase}Ms`, phasesMs[i] ?? 0]),
  ) as Record<`${(typeof TIMED_PHASES)[number]}Ms`, number>;
  return {
    startedAt: new Date(startedAtMs).toISOString(),
    elapsedMs,
    environment,
    ...(coldStartMs === undefined ? {} : { coldStartMs }),
    retry,
    ...phases,
    // Each figure is rounded, so the phases may exceed the whole by a few milliseconds.
    otherMs: Math.max(0, elapsedMs - sum(phasesMs)),
    peakMemoryBytes,
    ...(requests === undefined ? {} : { readRequests: requests[0], writeRequests: requests[1] }),
  };
}

function figuresOf({
  recordsRead,
  bytesRead,
  recordsWritten,
  bytesWritten,
  spills,
  bytesSpilled,
}: AttemptFigures): AttemptFigures {
  return { recordsRead, bytesRead, recordsWritten, bytesWritten, spills, bytesSpilled };
}

function endOf(startedAtMs: number, elapsedMs: number): string {
  return new Date(startedAtMs + elapsedMs).toISOString();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
