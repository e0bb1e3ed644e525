/** The execution environment of this process. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as jobs from '#jobs';
import { systemClock } from '../../src/base/clock.ts';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import type { Invocation, StepEnvironment } from '../steps/environment.ts';
import { type EnvironmentOfInvocation, executionEnvironment } from './execution-environment.ts';

let environmentOf: EnvironmentOfInvocation | undefined;

/** Returns the environment of one invocation. The first one makes what all invocations share. */
export function lambdaEnvironment(invocation: Pick<Invocation, 'remainingMs'>): StepEnvironment {
  environmentOf ??= executionEnvironment({
    variables: process.env,
    jobs,
    client: createS3Client(),
    clock: systemClock,
    now: () => new Date(),
    random: Math.random,
    scratchParent: join(tmpdir(), 'mapreduce'),
    coldStartMs: performance.now(),
  });
  return environmentOf(invocation);
}
