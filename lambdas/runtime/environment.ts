/** What a function knows of where it runs. Made once an environment, with the first invocation. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as jobs from '#jobs';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { parseJson } from '../../src/codec/parse-json.ts';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import { S3_LIMITS } from '../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import type { Invocation, StepEnvironment } from '../steps/environment.ts';
import { registryOf } from './registry.ts';

/** Node itself, the SDK, the bundle and its JavaScript heap. */
const RUNTIME_BYTES = 256 * MiB;
/** Of what remains. The rest is for chunks on their way, the user's own objects, and the collector's slack. */
const BUFFER_FRACTION = 0.5;
/** Of what the buffers leave. A reducer that reads many runs at once asks for larger pieces with it, so less often. */
const READ_AHEAD_FRACTION = 0.25;
const READ_AHEAD_BYTES_MAX = 512 * MiB;

/** Kept for what comes after a request that was throttled to the end: the attempt leaves a note of why it failed. */
const NOTE_RESERVE_MS = 5_000;
/** At most this part of what the invocation has left. */
const NOTE_RESERVE_FRACTION_MAX = 1 / 6;

interface SharedEnvironment extends StepEnvironment {
  readonly store: S3Store;
}

let shared: SharedEnvironment | undefined;

/** For one invocation: requests that S3 throttles are sent again until its function's time limit is near. */
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
    // Set by the construct, which has checked that it is a list of texts.
    readablePrefixes: parseJson(required('MAPREDUCE_READABLE_PREFIXES')) as string[],
    memoryBytes: memoryBudgetBytes(functionBytes),
    scratchParent: join(tmpdir(), 'mapreduce'),
  };
}

/** For the buffers of an attempt, of a function of that size. */
export function memoryBudgetBytes(functionBytes: number): number {
  const budget = Math.floor((functionBytes - RUNTIME_BYTES) * BUFFER_FRACTION);
  return Math.min(LIMITS.memoryBytesMax, Math.max(LIMITS.memoryBytesMin, budget));
}

/** For bytes that are on their way from S3, beside those buffers. */
export function readAheadBytes(functionBytes: number): number {
  const left = functionBytes - RUNTIME_BYTES - memoryBudgetBytes(functionBytes);
  const share = Math.floor(left * READ_AHEAD_FRACTION);
  return Math.min(READ_AHEAD_BYTES_MAX, Math.max(S3_LIMITS.readAheadBytes, share));
}

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined || value === '') {
    throw new Error(
      `the environment variable ${variable} is not set. It comes with the MapReduce construct: deploy again`,
    );
  }
  return value;
}
