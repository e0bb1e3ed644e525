import { describe, expect, it } from 'vitest';
import type { ErrorName } from '../../../src/base/errors.ts';
import type { S3Operation } from '../../../src/storage/s3/s3-errors.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { FakeS3, type Fault, refuses } from './s3-fake-service.ts';

const CALLS = {
  HeadObject: (store: S3Store) => store.head('in/key'),
  GetObject: (store: S3Store) => store.get('in/key'),
  PutObject: (store: S3Store) => store.put('in/key', Buffer.from('x')),
  ListObjectsV2: (store: S3Store) => store.list('in/').next(),
  DeleteObject: (store: S3Store) => store.delete(['in/key']),
} satisfies Partial<Record<S3Operation, (store: S3Store) => Promise<unknown>>>;

async function failureOf(operation: keyof typeof CALLS, fault: Fault): Promise<unknown> {
  const s3 = new FakeS3().on(operation, ...Array.from({ length: 8 }, () => fault));
  const limits = { backoffMsBase: 0, backoffMsMax: 0, throttledMsMax: 0 };
  const store = new S3Store({ client: s3.client(), bucket: 'bucket', prefix: 'team', limits });
  return await CALLS[operation](store).then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

describe('an error response of S3', () => {
  it.each<[string, keyof typeof CALLS, Fault, ErrorName, RegExp]>([
    [
      '404 NoSuchKey',
      'GetObject',
      refuses(404, 'NoSuchKey'),
      'ObjectNotFoundError',
      /no object at s3:\/\/bucket\/team\/in\/key/,
    ],
    [
      '404 NoSuchBucket',
      'GetObject',
      refuses(404, 'NoSuchBucket'),
      'UsageError',
      /no bucket 'bucket' \(looked in region us-east-1\)/,
    ],
    [
      '403 AccessDenied on reading',
      'GetObject',
      refuses(403, 'AccessDenied'),
      'UsageError',
      /Grant s3:GetObject on arn:aws:s3:::bucket\/team\/in\/key .*kms:Decrypt.*also grant s3:ListBucket on arn:aws:s3:::bucket:/,
    ],
    [
      '403 AccessDenied on looking',
      'HeadObject',
      refuses(403, 'AccessDenied'),
      'UsageError',
      /HeadObject of s3:\/\/bucket\/team\/in\/key .*Grant s3:GetObject/,
    ],
    [
      '403 AccessDenied on writing',
      'PutObject',
      refuses(403, 'AccessDenied'),
      'UsageError',
      /Grant s3:PutObject on arn:aws:s3:::bucket\/team\/in\/key .*kms:GenerateDataKey/,
    ],
    [
      '403 AccessDenied on listing',
      'ListObjectsV2',
      refuses(403, 'AccessDenied'),
      'UsageError',
      /Grant s3:ListBucket on arn:aws:s3:::bucket /,
    ],
    [
      '403 AccessDenied on removing',
      'DeleteObject',
      refuses(403, 'AccessDenied'),
      'UsageError',
      /Grant s3:DeleteObject on arn:aws:s3:::bucket\/team\/in\/key/,
    ],
    [
      '400 ExpiredToken',
      'PutObject',
      refuses(400, 'ExpiredToken'),
      'UsageError',
      /credentials have expired \(ExpiredToken\).*aws sso login/,
    ],
    [
      '400 without a reason to a HEAD',
      'HeadObject',
      refuses(400, ''),
      'UsageError',
      /expired credentials or a wrong region \(now region us-east-1\)/,
    ],
    [
      '403 InvalidAccessKeyId',
      'GetObject',
      refuses(403, 'InvalidAccessKeyId'),
      'UsageError',
      /AWS rejected the credentials .*AWS_PROFILE/,
    ],
    [
      '403 SignatureDoesNotMatch',
      'GetObject',
      refuses(403, 'SignatureDoesNotMatch'),
      'UsageError',
      /AWS rejected the credentials/,
    ],
    [
      '301 PermanentRedirect',
      'GetObject',
      refuses(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' }),
      'UsageError',
      /bucket 'bucket' is in region eu-west-1, but was requested in region us-east-1. Set AWS_REGION=eu-west-1/,
    ],
    [
      '301 to a HEAD',
      'HeadObject',
      refuses(301, '', { 'x-amz-bucket-region': 'eu-west-1' }),
      'UsageError',
      /AWS_REGION=eu-west-1/,
    ],
    [
      '403 InvalidObjectState',
      'GetObject',
      refuses(403, 'InvalidObjectState'),
      'UsageError',
      /archived \(S3 Glacier\)/,
    ],
    [
      '400 KeyTooLongError',
      'PutObject',
      refuses(400, 'KeyTooLongError'),
      'UsageError',
      /S3 refused PutObject of s3:\/\/bucket\/team\/in\/key: KeyTooLongError.*HTTP 400, request REQUEST1/,
    ],
    [
      '503 SlowDown',
      'GetObject',
      refuses(503, 'SlowDown'),
      'StorageError',
      /^S3 throttled GetObject of .*: SlowDown: the fake says SlowDown \(HTTP 503, request REQUEST1\)/,
    ],
    [
      '500 InternalError',
      'ListObjectsV2',
      refuses(500, 'InternalError'),
      'StorageError',
      /ListObjectsV2 of s3:\/\/bucket\/team\/in\/ failed after 8 attempts/,
    ],
    ['400 RequestTimeout', 'PutObject', refuses(400, 'RequestTimeout'), 'StorageError', /RequestTimeout/],
    [
      '502 in HTML, from a proxy',
      'GetObject',
      () => ({
        statusCode: 502,
        headers: { 'content-type': 'text/html' },
        body: '<html><body>Bad Gateway</body></html>',
      }),
      'StorageError',
      /HTTP 502/,
    ],
    [
      '200 that is no XML',
      'ListObjectsV2',
      () => ({ statusCode: 200, headers: {}, body: '<ListBucketResult><Conten' }),
      'StorageError',
      /after 8 attempts/,
    ],
  ])('%s to %s gets a message that names the cause', async (_, operation, fault, name, message) => {
    const error = await failureOf(operation, fault);

    expect(error).toMatchObject({ name, message: expect.stringMatching(message) });
    expect(error).toHaveProperty('cause');
    if (operation !== 'ListObjectsV2' && !message.source.includes('no bucket')) {
      expect(error).toMatchObject({ details: { objectKey: 'in/key' } });
    }
  });
});

describe('a request without a response', () => {
  it.each([
    ['ECONNRESET', /ECONNRESET/],
    ['ECONNREFUSED', /check AWS_ENDPOINT_URL, and that the emulator is running/],
    ['ENOTFOUND', /ENOTFOUND/],
    ['EPIPE', /EPIPE/],
    ['ETIMEDOUT', /ETIMEDOUT/],
  ])('fails with a retryable error for %s', async (code, message) => {
    const error = await failureOf('GetObject', () => {
      throw Object.assign(new Error(`read ${code}`), { code });
    });

    expect(error).toMatchObject({
      name: 'StorageError',
      retryable: true,
      message: expect.stringMatching(message),
    });
  });

  it('reports missing credentials', async () => {
    const error = await failureOf('GetObject', () => {
      throw Object.assign(new Error('Could not load credentials from any providers'), {
        name: 'CredentialsProviderError',
      });
    });

    expect(error).toMatchObject({ name: 'UsageError', message: expect.stringMatching(/AWS_PROFILE/) });
  });

  it('passes errors of this program on unchanged', async () => {
    const mistake = new TypeError('x is not a function');

    const error = await failureOf('GetObject', () => {
      throw mistake;
    });

    expect(error).toBe(mistake);
  });
});

describe('keys', () => {
  it.each([
    ['', /it is empty/],
    ['a\ud800', /a lone surrogate/],
  ])('%j is refused', async (key, message) => {
    const store = new S3Store({ client: new FakeS3().client(), bucket: 'bucket' });

    await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(message),
    });
  });
});
