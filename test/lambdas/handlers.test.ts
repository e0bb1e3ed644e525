/** The handlers as deployed, with an S3 that gives answers which no emulator gives. */
import { GetObjectCommand, HeadObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FUNCTION_NAMES } from '../../infra/functions/function-names.ts';
import type { LambdaContext } from '../../lambdas/runtime/powertools.ts';
import { memoryBudgetBytes } from '../../src/aws/model/function-memory.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';

type Handler = (event: unknown, context: LambdaContext) => Promise<unknown>;

const CONTEXT: LambdaContext = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 60_000 };
const s3 = mockClient(S3Client);
const handlers = new Map<string, Handler>();

beforeAll(async () => {
  vi.stubEnv('MAPREDUCE_BUCKET', 'the-bucket');
  vi.stubEnv('MAPREDUCE_MAX_CONCURRENCY', '100');
  vi.stubEnv('MAPREDUCE_CODE_HASH', 'c0de00000001');
  vi.stubEnv('MAPREDUCE_BACKUP_ATTEMPTS', 'true');
  vi.stubEnv('MAPREDUCE_MAX_TASKS_PER_STAGE', '10000');
  vi.stubEnv('MAPREDUCE_TASK_MEMORY_MB', '1769');
  vi.stubEnv('MAPREDUCE_SCRATCH_MB', '10240');
  vi.stubEnv('MAPREDUCE_READABLE_PREFIXES', '["data/"]');
  vi.stubEnv('AWS_LAMBDA_FUNCTION_MEMORY_SIZE', '1769');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'true');
  for (const name of FUNCTION_NAMES) {
    handlers.set(name, ((await import(`../../lambdas/${name}.ts`)) as { handler: Handler }).handler);
  }
});
beforeEach(() => s3.reset());
afterEach(() => vi.restoreAllMocks());

function answers(name: string, httpStatusCode: number): S3ServiceException {
  return new S3ServiceException({ name, $fault: 'client', message: name, $metadata: { httpStatusCode } });
}

describe('every handler', () => {
  it.each(FUNCTION_NAMES)(
    '%s refuses an event for another function with an error that is not retried',
    async (name) => {
      await expect(handlers.get(name)!({ hello: 'world' }, CONTEXT)).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringContaining(`the event of ${name} is not valid`),
      });
    },
  );
});

describe('errors reach Step Functions with names that it knows', () => {
  const event = { jobId: 'job', item: { index: 0, pieces: [] } };

  it.each([
    ['AccessDenied', 403],
    ['ExpiredToken', 400],
    ['NoSuchBucket', 404],
  ])('%s', async (code, status) => {
    s3.on(GetObjectCommand).rejects(answers(code, status));
    s3.on(HeadObjectCommand).rejects(answers(code, status));

    const failure = await handlers.get('map')!(event, CONTEXT).then(
      () => undefined,
      (error: Error) => error,
    );

    expect(failure!.name).toMatch(/^[A-Z][A-Za-z]+Error$/);
    expect(failure!.message).toContain('the-bucket');
  });
});

describe('a function whose requests S3 throttles', () => {
  it('fails shortly before its time limit, and the message says what to do', async () => {
    s3.on(GetObjectCommand).rejects(answers('SlowDown', 503));
    s3.on(HeadObjectCommand).rejects(answers('SlowDown', 503));
    const limitMs = performance.now() + 2_000;
    const context = { ...CONTEXT, getRemainingTimeInMillis: () => limitMs - performance.now() };

    const failure = handlers.get('map')!({ jobId: 'job', item: { index: 0, pieces: [] } }, context);

    await expect(failure).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringMatching(/^S3 throttled GetObject of s3:\/\/the-bucket\/.* for .*maxConcurrency/),
    });
    expect(context.getRemainingTimeInMillis()).toBeGreaterThan(0);
  });
});

describe('the memory budget', () => {
  it.each([
    [512, 128],
    [1_769, 756],
    [10_240, 4_992],
  ])('of a function of %i MB is %i MiB: half of what Node and the SDK leave', (functionMb, budgetMb) => {
    expect(Math.floor(memoryBudgetBytes(functionMb * MiB) / MiB)).toBe(budgetMb);
  });

  it('is one that the engine accepts', () => {
    expect(memoryBudgetBytes(128 * MiB)).toBe(LIMITS.memoryBytesMin);
  });
});
