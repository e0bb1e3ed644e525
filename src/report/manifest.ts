/**
 * Reads a manifest. It may come from anywhere, so nothing in it is trusted. Readers join the names of its parts to folders
 * and prefixes, so a name that no job would write is refused here.
 */
import * as v from 'valibot';
import type { SerializedError } from '../base/errors.ts';
import { MapReduceError } from '../base/errors.ts';
import { STAGES } from '../base/ids.ts';
import { namedValues } from '../base/named-values.ts';
import { attemptIdSchema, jobIdSchema, taskIdSchema } from '../base/schemas.ts';
import { thrownFields } from '../base/thrown.ts';
import { parseJson } from '../codec/parse-json.ts';
import type { JobReport } from './report.ts';
import { isPartPath } from './result-names.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const stage = v.object({
  stage: v.picklist(STAGES),
  tasks: count,
  attempts: count,
  failedAttempts: count,
  backupAttempts: count,
  startMs: v.exactOptional(v.number()),
  wallMs: v.number(),
  recordsRead: count,
  bytesRead: count,
  recordsWritten: count,
  bytesWritten: count,
  spills: count,
  bytesSpilled: count,
  taskTimes: v.exactOptional(
    v.object({
      medianMs: v.pipe(v.number(), v.minValue(0)),
      p95Ms: v.pipe(v.number(), v.minValue(0)),
      maxMs: v.pipe(v.number(), v.minValue(0)),
      slowestTask: taskIdSchema,
    }),
  ),
});
const amount = v.pipe(v.number(), v.minValue(0));
const spread = v.object({ low: amount, likely: amount, high: amount });
const requests = v.object({ writes: spread, reads: spread });
const estimate = v.object({
  stages: v.array(
    v.object({
      stage: v.picklist(STAGES),
      tasks: count,
      seconds: spread,
      taskSeconds: spread,
      gbSeconds: spread,
    }),
  ),
  seconds: spread,
  gbSeconds: spread,
  transitions: spread,
  requests,
  requestsByTime: requests,
  peakReadsPerSecond: spread,
  dollars: v.object({ functions: spread, coordination: spread, storage: spread, total: spread }),
  firstLimit: v.object({
    limit: v.string(),
    needed: amount,
    allowed: amount,
    unit: v.string(),
    beyond: v.string(),
  }),
  region: v.string(),
  assumptions: v.array(v.string()),
});
const manifest = v.object({
  formatVersion: v.literal(1),
  jobId: jobIdSchema,
  jobName: v.string(),
  params: namedValues(
    (value): value is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof value),
    'a text, a number, or true or false',
  ),
  startedAt: v.string(),
  wallMs: v.number(),
  input: v.object({
    files: count,
    bytes: count,
    splits: count,
    inputs: v.exactOptional(
      v.array(v.object({ name: v.string(), files: count, bytes: count, splits: count })),
    ),
  }),
  reducers: count,
  stages: v.array(stage),
  parts: v.array(
    v.object({
      name: v.pipe(
        v.string(),
        v.check(
          isPartPath,
          ({ input }) => `is not the name of a part: ${JSON.stringify(input.slice(0, 100))}`,
        ),
      ),
      records: count,
      bytes: count,
      crc32: v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/, 'is not a CRC-32')),
    }),
  ),
  partitionRecords: v.array(count),
  counters: namedValues((value): value is number => Number.isFinite(value), 'a number'),
  badRecords: v.exactOptional(count),
  failures: v.array(
    v.object({
      taskId: taskIdSchema,
      attemptId: attemptIdSchema,
      error: v.custom<SerializedError>(isError, 'is not an error with a name and a message'),
    }),
  ),
  estimate: v.exactOptional(
    v.object({
      planned: estimate,
      afterMap: v.exactOptional(estimate),
      actual: v.object({ seconds: amount, gbSeconds: amount, writes: amount, reads: amount }),
    }),
  ),
  notices: v.exactOptional(v.array(v.string())),
});

function isError(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}

/**
 * @param what  the file or object, for the message
 * @throws UsageError for anything except the manifest of a job of this version
 */
export function parseManifest(json: string, what: string): JobReport {
  const result = v.safeParse(manifest, parsed(json, what), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw notAManifest(what, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}

function parsed(json: string, what: string): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    throw notAManifest(what, `not JSON (${thrownFields(error).message})`, error);
  }
}

function notAManifest(what: string, why: string, cause?: unknown): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `${what} is not the manifest of a job of this version of mapreduce: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
