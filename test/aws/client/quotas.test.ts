import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { accountQuotas, quotaNotices } from '../../../src/aws/client/quotas.ts';

const DEFAULT = { concurrency: 1_000, unreserved: 1_000 };
const NEW = { concurrency: 10, unreserved: 10 };

describe('the notices about quotas', () => {
  it('are none for the defaults in an account with the defaults', () => {
    expect(quotaNotices({ maxConcurrency: 800, taskMemoryMb: 10_240 }, DEFAULT)).toEqual([]);
  });

  it.each([
    [{ maxConcurrency: 800 }, NEW, 'up to 800 functions .* at most 10 .*--context maxConcurrency=5,'],
    [
      { maxConcurrency: 800 },
      { concurrency: 1_000, unreserved: 300 },
      'up to 800 functions .* at most 300 that are not reserved .*maxConcurrency=150,',
    ],
    [
      { maxConcurrency: 100, reservedConcurrency: 500 },
      DEFAULT,
      'reserves 500 functions each .* has 1000, of which Lambda keeps 100 .*at most 450,',
    ],
    [
      { maxConcurrency: 500, reservedConcurrency: 500 },
      DEFAULT,
      'Reserve at most 450, with --context maxConcurrency=450 or less, or request',
    ],
    [{ maxConcurrency: 5, reservedConcurrency: 5 }, NEW, 'Reserve nothing, or request'],
    [{ maxConcurrency: 5, taskMemoryMb: 3_009 }, NEW, 'taskMemoryMb is 3009\\. .*at most 3008 MB'],
  ])('say what %j exceeds in an account with %j', (demand, quotas, text) => {
    expect(quotaNotices(demand, quotas)).toEqual([expect.stringMatching(new RegExp(text))]);
  });

  it('do not count what is reserved for the deployment as missing', () => {
    expect(
      quotaNotices(
        { maxConcurrency: 400, reservedConcurrency: 400 },
        { concurrency: 1_000, unreserved: 200 },
      ),
    ).toEqual([]);
  });
});

describe('the quotas of an account', () => {
  const lambda = mockClient(LambdaClient);
  const REGION = { region: 'us-east-1' };
  beforeEach(() => {
    lambda.reset();
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  });

  it('are those that Lambda reports', async () => {
    lambda.on(GetAccountSettingsCommand).resolves({
      AccountLimit: { ConcurrentExecutions: 50, UnreservedConcurrentExecutions: 40 },
    });

    expect(await accountQuotas(REGION)).toEqual({ concurrency: 50, unreserved: 40 });
  });

  it('are unknown without the permission to ask, and on an emulator', async () => {
    lambda
      .on(GetAccountSettingsCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));
    const denied = await accountQuotas(REGION);
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4566');
    const emulated = await accountQuotas(REGION);

    expect([denied, emulated]).toEqual([undefined, undefined]);
    expect(lambda.calls()).toHaveLength(1);
  });
});
