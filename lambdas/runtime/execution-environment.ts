/** What a function knows about where it runs, from its variables. Made once per Lambda execution environment. */
import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { memoryBudgetBytes, readAheadBytes, uploadBytes } from '../../src/aws/model/function-memory.ts';
import { CODE_HASH_VARIABLE } from '../../src/aws/protocol/code-hash.ts';
import { CONCURRENCY_VARIABLE } from '../../src/aws/protocol/concurrency.ts';
import { WAKES_VARIABLE } from '../../src/aws/protocol/wake.ts';
import type { Clock } from '../../src/base/clock.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { parseJson } from '../../src/codec/parse-json.ts';
import { chargedOperations } from '../../src/storage/s3/s3-charges.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import type { Invocation, StepEnvironment } from '../steps/environment.ts';
import { FunctionInstance } from '../steps/function-instance.ts';
import type { SendWake, Wakes } from '../steps/wakes.ts';
import { registryOf } from './registry.ts';

/** A part of 64 MiB that is stuck is sent again after a minute and a half, while S3 takes parts at up to 75 MiB/s. */
const UPLOAD_BYTES_PER_SECOND_MIN = 1 * MiB;

/**
 * Kept for the end of an attempt: when a request was throttled until then, the attempt writes a note about its failure.
 */
const NOTE_RESERVE_MS = 5_000;
/** The reserve is at most this part of the time that the invocation has left. */
const NOTE_RESERVE_FRACTION_MAX = 1 / 6;

/** Of the plan function. */
export interface WakeParts {
  /** Wakes a function. Default: none is woken. */
  readonly sendWake?: SendWake;
  readonly onWakeFailed?: Wakes['onFailed'];
}

export interface ExecutionParts extends WakeParts {
  /** The environment variables of the function. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The module that exports the apps, see registry.ts. */
  readonly jobs: object;
  readonly client: S3Client;
  readonly clock: Clock;
  readonly now: () => Date;
  /** For back-off. */
  readonly random: () => number;
  /** The folder in which each attempt creates its own folder. */
  readonly scratchParent: string;
  /** From the start of the process to the first invocation. Default: it is not known. */
  readonly coldStartMs?: number;
  /** Default: the resident memory of the process. */
  readonly memoryInUseBytes?: () => number;
}

export type EnvironmentOfInvocation = (invocation: Pick<Invocation, 'remainingMs'>) => StepEnvironment;

/**
 * Returns a function that makes the environment of each invocation. Requests that S3 throttles are retried until the
 * function's time limit is near.
 *
 * @throws Error for a variable that the construct sets and that is missing
 */
export function executionEnvironment(parts: ExecutionParts): EnvironmentOfInvocation {
  const { clock, now, random, scratchParent, memoryInUseBytes = () => process.memoryUsage.rss() } = parts;
  const required = (variable: string) => requiredOf(parts.variables, variable);
  const functionBytes = Number(required('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')) * MiB;
  const store = new S3Store({
    bucket: required('MAPREDUCE_BUCKET'),
    client: parts.client,
    clock,
    random,
    limits: {
      readAheadBytes: readAheadBytes(functionBytes),
      uploadBytes: uploadBytes(functionBytes),
      uploadBytesPerSecondMin: UPLOAD_BYTES_PER_SECOND_MIN,
    },
  });
  const shared = {
    jobs: registryOf(parts.jobs),
    now,
    clock,
    codeHash: required(CODE_HASH_VARIABLE),
    maxConcurrency: Number(required(CONCURRENCY_VARIABLE)),
    backupAttempts: required('MAPREDUCE_BACKUP_ATTEMPTS') === 'true',
    // Set by tests that need the Distributed Map for few tasks.
    inlineTasksMax: Number(parts.variables.MAPREDUCE_INLINE_TASKS_MAX ?? LIMITS.inlineTasksMax),
    maxTasksPerStage: Number(required('MAPREDUCE_MAX_TASKS_PER_STAGE')),
    taskFunction: {
      memoryMb: Number(required('MAPREDUCE_TASK_MEMORY_MB')),
      scratchMb: Number(required('MAPREDUCE_SCRATCH_MB')),
    },
    deployment: deploymentOf(parts.variables),
    readablePrefixes: v.parse(v.array(v.string()), parseJson(required('MAPREDUCE_READABLE_PREFIXES'))),
    memoryBytes: memoryBudgetBytes(functionBytes),
    scratchParent,
    kept: {},
    ...wakesOf(parts),
    instance: new FunctionInstance({
      id: instanceId(parts),
      ...(parts.coldStartMs === undefined ? {} : { coldStartMs: parts.coldStartMs }),
      memoryInUseBytes,
      requests: () => {
        const { reads, writes } = chargedOperations(store.requestCounts);
        return [reads, writes];
      },
    }),
  };
  return ({ remainingMs }) => {
    const reserveMs = Math.min(NOTE_RESERVE_MS, remainingMs() * NOTE_RESERVE_FRACTION_MAX);
    return { ...shared, store: store.within({ remainingMs: () => remainingMs() - reserveMs }) };
  };
}

/** Each environment has a log stream of its own, such as `2026/11/30/[$LATEST]7dd0c4ff60164a4fb8ac1ca1ae2c3e1f`. */
function instanceId({ variables, random }: ExecutionParts): string {
  const name = /[0-9a-f]{16,}$/.exec(variables.AWS_LAMBDA_LOG_STREAM_NAME ?? '')?.[0];
  return name ?? `unnamed-${Math.floor(random() * 2 ** 48).toString(16)}`;
}

/** Without the variable, nothing is woken. */
function wakesOf({ variables, sendWake, onWakeFailed = () => {} }: ExecutionParts): { wakes?: Wakes } {
  const list = variables[WAKES_VARIABLE];
  if (list === undefined || sendWake === undefined) return {};
  const functions = v.parse(v.array(v.string()), parseJson(list));
  return { wakes: { functions, send: sendWake, onFailed: onWakeFailed } };
}

/** For estimates only, so that a function runs without them. */
function deploymentOf(variables: ExecutionParts['variables']): NonNullable<StepEnvironment['deployment']> {
  const {
    AWS_REGION: region,
    MAPREDUCE_CHILD_EXECUTIONS: children,
    MAPREDUCE_TASK_TIMEOUT_S: timeout,
  } = variables;
  return {
    ...(region === undefined ? {} : { region }),
    ...(children === undefined ? {} : { isExpress: children === 'EXPRESS' }),
    ...(timeout === undefined ? {} : { taskTimeoutSeconds: Number(timeout) }),
    stepMemoryMb: Number(variables.AWS_LAMBDA_FUNCTION_MEMORY_SIZE),
  };
}

function requiredOf(variables: ExecutionParts['variables'], variable: string): string {
  const value = variables[variable];
  if (value === undefined || value === '') {
    throw new Error(
      `the environment variable ${variable} is not set. The MapReduce construct sets it: deploy again`,
    );
  }
  return value;
}
