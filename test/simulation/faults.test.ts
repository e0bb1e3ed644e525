/** Every fault of the simulated AWS happens when it is asked for, and the job survives it with the same bytes. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { LambdaFault } from '../../simulation/lambda/faults.ts';
import type { S3Fault } from '../../simulation/s3/faults.ts';
import type { S3Operation } from '../../src/storage/s3/s3-errors.ts';
import { resultOf, runSmallJob, startSmallAws } from './small-job.ts';

let expected: string;

beforeAll(async () => {
  await using aws = await startSmallAws();
  await runSmallJob(aws);
  expected = resultOf(aws);
});

describe('a job survives a fault of S3', () => {
  it.each<[S3Fault, S3Operation]>([
    ['slow-down', 'GetObject'],
    ['slow-down', 'PutObject'],
    ['internal-error', 'HeadObject'],
    ['internal-error', 'ListObjectsV2'],
    ['conflict', 'PutObject'],
    ['lost-request', 'DeleteObjects'],
    ['lost-request', 'PutObject'],
    ['lost-answer', 'GetObject'],
    ['lost-answer', 'PutObject'],
    ['no-answer', 'GetObject'],
    ['slow-answer', 'GetObject'],
    ['cut-body', 'GetObject'],
    ['stalled-body', 'GetObject'],
  ])('%s of the first three of %s', async (fault, operation) => {
    await using aws = await startSmallAws();
    aws.s3.faults.on(operation, fault, fault, fault);

    const execution = await runSmallJob(aws);

    expect(execution).toMatchObject({ status: 'SUCCEEDED' });
    expect(resultOf(aws)).toBe(expected);
    // DeleteObjects is sent once, and again after each fault.
    expect(aws.s3.faults.left).toBe(0);
    expect(aws.s3.faults.fired).toEqual({ [fault]: 3 });
  });
});

describe('a job survives a fault of Lambda', () => {
  it.each<[LambdaFault, string, number]>([
    ['throttled-start', 'plan', 1],
    ['throttled-start', 'map', 1],
    ['twice', 'plan', 1],
    ['twice', 'map', 1],
    ['twice', 'reduce', 1],
    ['twice', 'commit', 1],
    ['lost-answer', 'map', 1],
    ['lost-answer', 'reduce-barrier', 1],
    ['hangs', 'map', 1],
    ['hangs', 'commit', 1],
    ['dies-before-call', 'plan', 3],
    ['dies-before-call', 'map', 2],
    ['dies-before-call', 'reduce', 3],
    ['dies-after-call', 'map', 4],
    ['dies-after-call', 'reduce', 4],
    ['dies-after-call', 'commit', 7],
    ['dies-at-clock-read', 'map', 4],
    ['dies-at-clock-read', 'reduce-barrier', 5],
  ])('%s in %s', async (fault, name, at) => {
    await using aws = await startSmallAws();
    aws.lambda.faults.on(name, fault, at);

    const execution = await runSmallJob(aws);

    expect(execution).toMatchObject({ status: 'SUCCEEDED' });
    expect(resultOf(aws)).toBe(expected);
    expect(aws.lambda.faults.fired).toEqual({ [fault]: 1 });
  });

  it('a task whose function dies five times fails the job, and says so', async () => {
    await using aws = await startSmallAws();
    for (let attempt = 0; attempt < 20; attempt++) aws.lambda.faults.on('map', 'dies-before-call', 1);

    const execution = await runSmallJob(aws);

    expect(execution.status).toBe('FAILED');
    expect(aws.lambda.usage.errors['Runtime.ExitError']).toBeGreaterThanOrEqual(4);
    expect(aws.events.published).toMatchObject([{ DetailType: 'MapReduce Job Failed' }]);
  });
});

describe('random faults', () => {
  it('of all kinds leave the bytes as they are', async () => {
    const fired: Record<string, number> = {};
    for (let seed = 1; seed <= 15; seed++) {
      await using aws = await startSmallAws({
        seed,
        s3: {
          faults: {
            'slow-down': 0.02,
            'internal-error': 0.02,
            conflict: 0.05,
            'lost-request': 0.02,
            'lost-answer': 0.02,
            'slow-answer': 0.01,
            'cut-body': 0.05,
          },
        },
        lambda: {
          faults: { 'throttled-start': 0.1, twice: 0.1, 'lost-answer': 0.05, 'dies-after-call': 0.005 },
        },
      });

      const { status, cause } = await runSmallJob(aws);

      expect({ seed, status, cause }).toEqual({ seed, status: 'SUCCEEDED', cause: undefined });
      expect(resultOf(aws)).toBe(expected);
      const counts = Object.entries({ ...aws.s3.faults.fired, ...aws.lambda.faults.fired });
      for (const [fault, count] of counts) fired[fault] = (fired[fault] ?? 0) + count;
    }
    expect(Object.keys(fired).sort()).toEqual([
      'conflict',
      'cut-body',
      'dies-after-call',
      'internal-error',
      'lost-answer',
      'lost-request',
      'slow-answer',
      'slow-down',
      'throttled-start',
      'twice',
    ]);
  });
});
