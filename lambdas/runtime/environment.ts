/** What a function knows about where it runs. Made at the first invocation, once per Lambda execution environment. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import * as jobs from '#jobs';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { parseJson } from '../../src/codec/parse-json.ts';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import { S3_LIMITS } from '../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import type { Invocation, StepEnvironment } from '../steps/environment.ts';
import { registryOf } from './registry.ts';

/** For Node, the SDK, the bundle and its JavaScript heap. */
const RUNTIME_BYTES = 256 * MiB;
/**
 * The buffers' part of the remaining memory. The rest is for chunks in flight, the user's objects and the garbage
 * collector.
 */
const BUFFER_FRACTION = 0.5;
/**
 * The part of the rest that is for reading ahead. A reducer that merges many runs reads larger pieces, so less often.
 */
const READ_AHEAD_FRACTION = 0.25;
const READ_AHEAD_BYTES_MAX = 512 * MiB;

/**
 * Kept for the end of an attempt: when a request was throttled until then, the attempt writes a note about its failure.
 */
const NOTE_RESERVE_MS = 5_000;
/** The reserve is at most this part of the time that the invocation has left. */
const NOTE_RESERVE_FRACTION_MAX = 1 / 6;

interface SharedEnvironment extends StepEnvironment {
  readonly store: S3Store;
}

let shared: SharedEnvironment | undefined;

/**
 * The environment of one invocation: requests that S3 throttles are retried until the function's time limit is near.
 */
export function lambdaEnvironment({ remainingMs }: Pick<Invocation, 'remainingMs'>): StepEnvironment {
  shared ??= sharedEnvironment();
  const reserveMs = Math.min(NOTE_RESERVE_MS, remainingMs() * NOTE_RESERVE_FRACTION_MAX);
  return { ...shared, store: shared.store.within({ remainingMs: () => remainingMs() - reserveMs }) };
}

function sharedEnvironment(): SharedEnvironment {
  const functionBytes = Number(required('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')) * MiB;
  return {
    jobs: registryOf(jobs),
    store: new S3Store({
      bucket: required('MAPREDUCE_BUCKET'),
      client: createS3Client(),
      limits: { readAheadBytes: readAheadBytes(functionBytes) },
    }),
    now: () => new Date(),
    maxConcurrency: Number(required('MAPREDUCE_MAX_CONCURRENCY')),
    backupAttempts: required('MAPREDUCE_BACKUP_ATTEMPTS') === 'true',
    maxTasksPerStage: Number(required('MAPREDUCE_MAX_TASKS_PER_STAGE')),
    readablePrefixes: v.parse(v.array(v.string()), parseJson(required('MAPREDUCE_READABLE_PREFIXES'))),
    memoryBytes: memoryBudgetBytes(functionBytes),
    scratchParent: join(tmpdir(), 'mapreduce'),
  };
}

/** Bytes for the buffers of an attempt, in a function with that much memory. */
export function memoryBudgetBytes(functionBytes: number): number {
  const budget = Math.floor((functionBytes - RUNTIME_BYTES) * BUFFER_FRACTION);
  return Math.min(LIMITS.memoryBytesMax, Math.max(LIMITS.memoryBytesMin, budget));
}

/** Bytes that an attempt may have in flight from S3, in addition to those buffers. */
export function readAheadBytes(functionBytes: number): number {
  const left = functionBytes - RUNTIME_BYTES - memoryBudgetBytes(functionBytes);
  const share = Math.floor(left * READ_AHEAD_FRACTION);
  return Math.min(READ_AHEAD_BYTES_MAX, Math.max(S3_LIMITS.readAheadBytes, share));
}

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined || value === '') {
    throw new Error(
      `the environment variable ${variable} is not set. The MapReduce construct sets it: deploy again`,
    );
  }
  return value;
}
