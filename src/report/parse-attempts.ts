/** Reads the rows that attempt-rows.ts writes. The file may come from anywhere, so nothing in it is trusted. */
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { attemptIdSchema, taskIdSchema } from '../base/schemas.ts';
import { thrownFields } from '../base/thrown.ts';
import { parseJson } from '../codec/parse-json.ts';
import type { Measured } from './attempt-meter.ts';
import { type AttemptFigures, type AttemptRow, OUTCOMES } from './attempt-rows.ts';

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const optionalAmount = v.exactOptional(amount);
const optionalTime = v.pipe(v.string(), v.isoTimestamp());

export const figuresSchema: v.GenericSchema<unknown, AttemptFigures> = v.object({
  recordsRead: amount,
  bytesRead: amount,
  recordsWritten: amount,
  bytesWritten: amount,
  spills: amount,
  bytesSpilled: amount,
});

export const measuredSchema: v.GenericSchema<unknown, Measured> = v.object({
  elapsedMs: amount,
  facts: v.object({
    startedAtMs: amount,
    environment: v.string(),
    coldStartMs: optionalAmount,
    retry: optionalAmount,
    phasesMs: v.array(amount),
    peakMemoryBytes: amount,
    requests: v.exactOptional(v.tuple([amount, amount])),
  }),
});

const row: v.GenericSchema<unknown, AttemptRow> = v.object({
  taskId: taskIdSchema,
  attemptId: attemptIdSchema,
  outcome: v.picklist(OUTCOMES),
  startedAt: v.exactOptional(optionalTime),
  endedAt: optionalTime,
  elapsedMs: optionalAmount,
  environment: v.exactOptional(v.string()),
  coldStartMs: optionalAmount,
  retry: amount,
  waitingMs: optionalAmount,
  readingMs: optionalAmount,
  userMs: optionalAmount,
  sortingMs: optionalAmount,
  spillingMs: optionalAmount,
  writingMs: optionalAmount,
  otherMs: optionalAmount,
  recordsRead: optionalAmount,
  bytesRead: optionalAmount,
  recordsWritten: optionalAmount,
  bytesWritten: optionalAmount,
  spills: optionalAmount,
  bytesSpilled: optionalAmount,
  peakMemoryBytes: optionalAmount,
  readRequests: optionalAmount,
  writeRequests: optionalAmount,
  error: v.exactOptional(v.string()),
} satisfies { [K in keyof Required<AttemptRow>]: v.GenericSchema });

/**
 * @param what  the file or object, for the message
 * @throws UsageError for anything except the attempts of a job of this version
 */
export function parseAttempts(bytes: Uint8Array, what: string): AttemptRow[] {
  const lines = textOf(bytes, what).split('\n');
  if (lines.pop() !== '') throw notAttempts(what, 'its last line is cut');
  return lines.map((line, index) => {
    const parsed = v.safeParse(row, parsedLine(line, { what, index }), { abortEarly: true });
    if (parsed.success) return parsed.output;
    const [issue] = parsed.issues;
    throw notAttempts(what, `line ${index + 1}: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  });
}

function textOf(bytes: Uint8Array, what: string): string {
  try {
    return gunzipSync(bytes, { maxOutputLength: LIMITS.attemptsBytesMax }).toString('utf8');
  } catch (error) {
    throw notAttempts(what, `it cannot be decompressed (${thrownFields(error).message})`, error);
  }
}

function parsedLine(line: string, { what, index }: { what: string; index: number }): unknown {
  try {
    return parseJson(line);
  } catch (error) {
    throw notAttempts(what, `line ${index + 1} is not JSON (${thrownFields(error).message})`, error);
  }
}

function notAttempts(what: string, why: string, cause?: unknown): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `${what} does not hold the attempts of a job of this version of mapreduce: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
