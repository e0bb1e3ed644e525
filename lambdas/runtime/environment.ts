/** The execution environment of this process. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as jobs from '#jobs';
import { systemClock } from '../../src/base/clock.ts';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import {
  type EnvironmentOfInvocation,
  executionEnvironment,
  type WakeParts,
} from './execution-environment.ts';

/** Returns a function that makes the environment of each invocation. The first one makes what all invocations share. */
export function lambdaEnvironment(wakes: WakeParts): EnvironmentOfInvocation {
  let environmentOf: EnvironmentOfInvocation | undefined;
  return (invocation) => {
    environmentOf ??= executionEnvironment({
      ...wakes,
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
  };
}
