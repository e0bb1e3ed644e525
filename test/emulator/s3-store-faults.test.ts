/** Tests the S3 store against an emulator, through a proxy that causes faults and counts requests. */

import { CreateBucketCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { MiB } from '../../src/base/limits.ts';
import { createS3Client } from '../../src/storage/s3/s3-client.ts';
import type { S3Limits } from '../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import { keysOf } from '../helpers/keys-of.ts';
import { type S3FaultProxy, startS3FaultProxy } from '../helpers/s3-fault-proxy.ts';
import { contentOf, noise } from '../storage/object-store-contract.ts';
import { createUser } from './helpers/create-user.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const PRECONDITION_FAILED = { name: 'PreconditionFailedError' };
/** Longer than any test, so nothing that waits for this ever happens. */
const NEVER_MS = 3_600_000;
/** Turns off hedges and timeouts, so that a busy machine does not add requests to the counts. */
const PATIENT = { answerTimeoutMs: NEVER_MS, bodyStallMs: NEVER_MS };
/** Enough attempts even if half of them fail, and a rate that is soon what it was. */
const ATTEMPTS = { attemptsMax: 50, backoffMsBase: 5, backoffMsMax: 50, rateGrowthPerSecond: 50 };

describeOnEmulators('S3Store with faults', (emulator) => {
  const direct = createS3Client({ ...emulator.clientConfig });
  const bucket = uniqueName('faults');
  let proxy: S3FaultProxy;
  let folders = 0;

  beforeAll(async () => {
    await direct.send(new CreateBucketCommand({ Bucket: bucket }));
    proxy = await startS3FaultProxy({ target: emulator.endpoint, seed: 20, delayMs: NEVER_MS });
  });
  afterAll(() => proxy.stop());
  beforeEach(() => {
    proxy.setFaults({});
    proxy.resetCounts();
  });

  test('gives correct results while 10 % of the calls are answered with 503', async () => {
    const store = storeThroughProxy(ATTEMPTS);
    const large = noise(9 * MiB, 3);
    proxy.setFaults({ 'slow-down': 0.1 });

    const keys = Array.from({ length: 60 }, (_, index) => `small/${String(index).padStart(3, '0')}`);
    await Promise.all(keys.map((key) => store.put(key, Buffer.from(key), { ifNoneMatch: '*' })));
    for (let index = 0; index < 3; index++) {
      const upload = await store.upload(`large/${index}`);
      for (let at = 0; at < large.length; at += MiB) await upload.write(large.subarray(at, at + MiB));
      await upload.complete({ ifNoneMatch: '*' });
    }

    for (const key of keys) expect((await store.get(key)).toString()).toBe(key);
    expect((await contentOf(store.stream('large/0'))).equals(large)).toBe(true);
    const small = await contentOf(
      store.stream('large/1', { chunkSizeBytes: 65_536, range: { start: 5, end: MiB } }),
    );
    expect(small.equals(large.subarray(5, MiB))).toBe(true);
    expect((await keysOf(store, '')).length).toBe(63);
    await store.delete(keys);
    expect(await keysOf(store, '')).toEqual(['large/0', 'large/1', 'large/2']);
    expect(proxy.fired['slow-down']).toBeGreaterThan(5);
  });

  test('a conditional PUT whose answer was lost succeeds, and the next one fails', async () => {
    const store = storeThroughProxy();
    proxy.failNext('PutObject', 'lost-answer');

    const { etag } = await store.put('key', Buffer.from('ours'), {
      ifNoneMatch: '*',
      metadata: { attempt: 'a' },
    });

    expect(proxy.fired['lost-answer']).toBe(1);
    expect(proxy.counts.operations).toEqual({ PutObject: 2, HeadObject: 1 });
    expect(await store.head('key')).toMatchObject({ etag, metadata: { attempt: 'a' } });
    proxy.resetCounts();
    await expect(store.put('key', Buffer.from('late'), { ifNoneMatch: '*' })).rejects.toMatchObject(
      PRECONDITION_FAILED,
    );
    expect(proxy.counts.operations).toEqual({ PutObject: 1 });
    expect((await store.get('key')).toString()).toBe('ours');
  });

  test("the SDK's own retry of a conditional PUT that had succeeded is not taken for another writer", async () => {
    const { S3Client } = await import('@aws-sdk/client-s3');
    const client = new S3Client({ ...emulator.clientConfig, endpoint: proxy.endpoint, maxAttempts: 3 });
    const store = new S3Store({ client, bucket, prefix: `folder-${++folders}` });
    proxy.failNext('PutObject', 'lost-answer');

    await store.put('key', Buffer.from('ours'), { ifNoneMatch: '*' });

    expect(proxy.counts.operations).toEqual({ PutObject: 2, HeadObject: 1 });
  });

  test('a conditional completion whose answer was lost succeeds, and the next one fails', async () => {
    const store = storeThroughProxy();
    const [ours, late] = await Promise.all([store.upload('key'), store.upload('key')]);
    await ours.write(noise(9 * MiB, 1));
    await late.write(noise(9 * MiB, 2));
    proxy.resetCounts();
    proxy.failNext('CompleteMultipartUpload', 'lost-answer');

    const { etag } = await ours.complete({ ifNoneMatch: '*' });

    expect(proxy.fired['lost-answer']).toBe(1);
    expect((await store.head('key'))?.etag).toBe(etag);
    await expect(late.complete({ ifNoneMatch: '*' })).rejects.toMatchObject(PRECONDITION_FAILED);
    expect((await store.get('key')).equals(noise(9 * MiB, 1))).toBe(true);
    expect(await uploadsLeft()).toBe(0);
  });

  test('exactly one of 12 writers succeeds if half of the answers are lost or refused', async () => {
    const store = storeThroughProxy(ATTEMPTS);
    for (let round = 0; round < 5; round++) {
      proxy.setFaults({ 'lost-answer': 0.3, 'slow-down': 0.2 }, ({ method }) => method !== 'DELETE');

      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, writer) =>
          store.put(`contested-${round}`, Buffer.from(`writer ${writer}`), { ifNoneMatch: '*' }),
        ),
      );

      proxy.setFaults({});
      const winners = outcomes.flatMap(({ status }, writer) => (status === 'fulfilled' ? [writer] : []));
      expect(winners).toHaveLength(1);
      expect((await store.get(`contested-${round}`)).toString()).toBe(`writer ${winners[0]}`);
    }
    expect(proxy.fired['lost-answer']).toBeGreaterThan(10);
  });

  test('resumes a body that breaks off at the byte where it broke', async () => {
    const store = storeThroughProxy({ ...ATTEMPTS, readRangeBytes: MiB });
    const bytes = noise(12 * MiB, 4);
    await store.put('large', bytes);
    proxy.setFaults({ 'cut-body': 0.4 });
    for (let cut = 0; cut < 3; cut++) proxy.failNext('GetObject', 'cut-body');

    const streamed = await contentOf(store.stream('large'));
    const got = await store.get('large');

    expect(streamed.equals(bytes)).toBe(true);
    expect(got.equals(bytes)).toBe(true);
    expect(proxy.fired['cut-body']).toBeGreaterThan(2);
  });

  test('sends a second request if a read is slow to answer, and uses its answer', async () => {
    const store = storeThroughProxy();
    await store.put('key', Buffer.from('bytes'));
    proxy.resetCounts();
    proxy.failNext('GetObject', 'delay');

    const bytes = await store.get('key');

    expect(bytes.toString()).toBe('bytes');
    expect(proxy.counts.operations).toEqual({ GetObject: 2 });
    expect(proxy.fired.delay).toBe(1);
  });

  test('uses the fewest requests for each operation when nothing fails', async () => {
    const store = storeThroughProxy({ hedgesBurstMax: 0 });
    const costs: Record<string, Record<string, number>> = {};
    const measure = async (what: string, run: () => Promise<unknown>) => {
      proxy.resetCounts();
      await run();
      costs[what] = { ...proxy.counts.operations };
    };
    const uploaded = (key: string, sizeBytes: number) => async () => {
      const upload = await store.upload(key);
      await upload.write(Buffer.alloc(sizeBytes));
      await upload.complete({ ifNoneMatch: '*' });
    };

    await measure('put', () => store.put('a', Buffer.from('abc'), { ifNoneMatch: '*' }));
    await measure('upload of 8 MiB', uploaded('b', 8 * MiB));
    await measure('upload of 20 MiB', uploaded('c', 20 * MiB));
    await measure('head', () => store.head('a'));
    await measure('get', () => store.get('c', { range: { start: 1, end: MiB } }));
    await measure('stream of 20 MiB', () => contentOf(store.stream('c')));
    await measure('stream of a 64 KiB range', () =>
      contentOf(store.stream('c', { range: { start: MiB, end: MiB + 65_536 }, chunkSizeBytes: 65_536 })),
    );
    await measure('empty range', () => store.get('a', { range: { start: 1, end: 1 } }));
    await measure('range behind the end', () => store.get('a', { range: { start: 9, end: 10 } }));
    await measure('list', () => keysOf(store, ''));
    await measure('abort', async () => {
      const upload = await store.upload('d');
      await upload.write(Buffer.alloc(9 * MiB));
      await upload.abort();
    });
    await measure('delete', () => store.delete(['a', 'b', 'c']));

    // The aborted part may or may not have been sent.
    delete costs.abort!.UploadPart;
    expect(costs).toEqual({
      put: { PutObject: 1 },
      'upload of 8 MiB': { PutObject: 1 },
      'upload of 20 MiB': { CreateMultipartUpload: 1, UploadPart: 3, CompleteMultipartUpload: 1 },
      head: { HeadObject: 1 },
      get: { GetObject: 1 },
      'stream of 20 MiB': { GetObject: 3 },
      'stream of a 64 KiB range': { GetObject: 1 },
      'empty range': { HeadObject: 1 },
      'range behind the end': { GetObject: 1, HeadObject: 1 },
      list: { ListObjectsV2: 1 },
      abort: { CreateMultipartUpload: 1, AbortMultipartUpload: 1 },
      delete: { DeleteObjects: 1 },
    });
    expect(await uploadsLeft()).toBe(0);
  });

  test('reports a bucket that does not exist, with the region', async () => {
    const store = new S3Store({ client: direct, bucket: uniqueName('nowhere') });

    await expect(store.get('key')).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/there is no bucket 'nowhere-.*us-east-1/),
    });
    await expect(store.put('key', Buffer.from('x'))).rejects.toMatchObject({ name: 'UsageError' });
    await expect(keysOf(store, '')).rejects.toMatchObject({ name: 'UsageError' });
  });

  test('reports the permission that a user lacks, except on LocalStack, which does not check', async () => {
    const store = new S3Store({ client: await clientThatMayOnlyRead(), bucket, prefix: 'denied' });
    const write = store.put('key', Buffer.from('x'));

    if (emulator.name === 'LocalStack') await write;
    else {
      await expect(write).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/Grant s3:PutObject on arn:aws:s3:::faults-.*\/denied\/key/),
      });
      expect(await store.head('key')).toBeUndefined();
    }
  });

  async function clientThatMayOnlyRead() {
    const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
    const Action = ['s3:GetObject', 's3:ListBucket'];
    const credentials = await createUser(emulator, { Action, Resource });
    return createS3Client({ ...emulator.clientConfig, credentials });
  }

  function storeThroughProxy(limits: Partial<S3Limits> = {}) {
    const client = createS3Client({ ...emulator.clientConfig, endpoint: proxy.endpoint });
    return new S3Store({ client, bucket, prefix: `folder-${++folders}`, limits: { ...PATIENT, ...limits } });
  }

  async function uploadsLeft(): Promise<number> {
    const { Uploads = [] } = await direct.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads.length;
  }
});
