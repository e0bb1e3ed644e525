import { describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../../src/base/limits.ts';
import type { Metadata, ObjectStore } from '../../../src/storage/object-store.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { FakeS3, type Fault, failed, lostAnswer, lostRequest, refuses, slowDown } from './s3-fake-service.ts';

const PRECONDITION_FAILED = { name: 'PreconditionFailedError' };
const STORAGE_ERROR = { name: 'StorageError', retryable: true };
const OPERATIONS = ['PutObject', 'CompleteMultipartUpload'] as const;
const conflict = refuses(409, 'ConditionalRequestConflict');
const forever = (fault: Fault) => Array.from({ length: 8 }, () => fault);

function storeOn(s3: FakeS3): S3Store {
  return new S3Store({
    client: s3.client(),
    bucket: 'bucket',
    limits: { backoffMsBase: 1, backoffMsMax: 1 },
  });
}

/** By a single PUT or by parts. */
async function write(
  operation: (typeof OPERATIONS)[number],
  store: ObjectStore,
  { metadata, byte = 1 }: { metadata?: Metadata; byte?: number } = {},
) {
  const upload = await store.upload('key', metadata === undefined ? {} : { metadata });
  await upload.write(Buffer.alloc(operation === 'PutObject' ? KiB : 8 * MiB + KiB, byte));
  return await upload.complete({ ifNoneMatch: '*' });
}

describe.each(OPERATIONS)('the completing call %s that replaces an object', (operation) => {
  const replace = async (store: ObjectStore, ifMatch: string) => {
    const upload = await store.upload('key');
    await upload.write(Buffer.alloc(operation === 'PutObject' ? KiB : 8 * MiB + KiB, 2));
    return await upload.complete({ ifMatch });
  };

  it('has replaced it if its response was lost', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    const { etag } = await store.put('key', Buffer.from('before'));
    s3.on(operation, lostAnswer);

    const info = await replace(store, etag);

    expect(await store.head('key')).toEqual(info);
    expect(s3.faultsLeft).toBe(0);
  });

  it('has not replaced it if another writer replaced or removed the object while its request was lost', async () => {
    for (const change of ['replaced', 'removed']) {
      const s3 = new FakeS3();
      const store = storeOn(s3);
      const { etag } = await store.put('key', Buffer.from('before'));
      s3.on(operation, async (perform, request) => {
        if (change === 'removed') s3.objects.delete('key');
        else s3.objects.set('key', { bytes: Buffer.from('another'), etag: '"another"', metadata: {} });
        return await lostRequest(perform, request);
      });

      await expect(replace(store, etag)).rejects.toMatchObject(PRECONDITION_FAILED);

      expect(s3.objects.get('key')?.etag).toBe(change === 'removed' ? undefined : '"another"');
    }
  });
});

describe.each(OPERATIONS)('the completing call %s', (operation) => {
  it('accepts 412 to a request that was sent once', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    await store.put('key', Buffer.from('first'));

    await expect(write(operation, store)).rejects.toMatchObject(PRECONDITION_FAILED);

    expect(s3.count(operation)).toBe(operation === 'PutObject' ? 2 : 1);
    expect(s3.count('HeadObject')).toBe(0);
    expect(s3.uploads.size).toBe(0);
  });

  it('was first if its response was lost', async () => {
    const s3 = new FakeS3().on(operation, lostAnswer);
    const store = storeOn(s3);

    const info = await write(operation, store, { metadata: { attempt: 'a' } });

    expect(s3.count(operation)).toBe(2);
    expect(s3.count('HeadObject')).toBe(1);
    expect(info.metadata).toEqual({ attempt: 'a' });
    expect(await store.head('key')).toEqual(info);
  });

  it('was first if its response was lost and all later requests were refused', async () => {
    const s3 = new FakeS3().on(operation, lostAnswer, ...forever(refuses(500, 'InternalError')).slice(1));

    await write(operation, storeOn(s3));

    expect(s3.count(operation)).toBe(8);
    expect(s3.faultsLeft).toBe(0);
  });

  it('was not first if its request was lost and another writer came', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    s3.on(operation, async (perform, request) => {
      s3.objects.set('key', { bytes: Buffer.from('another'), etag: '"another"', metadata: {} });
      return await lostRequest(perform, request);
    });

    await expect(write(operation, store)).rejects.toMatchObject(PRECONDITION_FAILED);

    expect((await store.get('key')).toString()).toBe('another');
    expect(s3.uploads.size).toBe(0);
  });

  it('does not mistake an object with the same attempt, bytes and metadata for its own', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    await write(operation, store, { metadata: { attempt: 'a' } });
    s3.on(operation, lostRequest);

    await expect(write(operation, store, { metadata: { attempt: 'a' } })).rejects.toMatchObject(
      PRECONDITION_FAILED,
    );
  });

  it('is retried after 409', async () => {
    const s3 = new FakeS3().on(operation, conflict, conflict);

    await write(operation, storeOn(s3));

    expect(s3.count(operation)).toBe(3);
    expect(s3.count('HeadObject')).toBe(0);
  });

  it('fails with a retryable error if 409 persists and nothing was written', async () => {
    const s3 = new FakeS3().on(operation, ...forever(conflict));

    await expect(write(operation, storeOn(s3))).rejects.toMatchObject(STORAGE_ERROR);

    expect(s3.count(operation)).toBe(8);
    expect(s3.objects.size).toBe(0);
  });

  it('was not first if 409 persists and another writer has written', async () => {
    const s3 = new FakeS3().on(operation, ...forever(conflict));
    s3.objects.set('key', { bytes: Buffer.from('another'), etag: '"another"', metadata: {} });

    await expect(write(operation, storeOn(s3))).rejects.toMatchObject(PRECONDITION_FAILED);
  });

  it('leaves it open whether it was first if it cannot find out', async () => {
    const s3 = new FakeS3().on(operation, lostAnswer).on('HeadObject', refuses(403, 'AccessDenied'));

    await expect(write(operation, storeOn(s3))).rejects.toMatchObject(STORAGE_ERROR);
  });

  it("checks who was first if the SDK's own retry receives 412", async () => {
    const s3 = new FakeS3().on(operation, lostAnswer);
    const client = s3.client({ maxAttempts: 3 });

    await write(operation, new S3Store({ client, bucket: 'bucket' }));

    expect(s3.count(operation)).toBe(2);
    expect(s3.count('HeadObject')).toBe(1);
  });

  it('lets exactly one of 20 writers win while requests and responses are lost', async () => {
    const s3 = new FakeS3();
    const writers = operation === 'PutObject' ? 20 : 6;
    s3.on(
      operation,
      lostRequest,
      slowDown,
      conflict,
      lostAnswer,
      slowDown,
      lostAnswer,
      lostRequest,
      conflict,
    );

    const outcomes = await Promise.allSettled(
      Array.from({ length: writers }, (_, byte) => write(operation, storeOn(s3), { byte })),
    );

    const winners = outcomes.flatMap(({ status }, byte) => (status === 'fulfilled' ? [byte] : []));
    expect(winners).toHaveLength(1);
    expect(s3.objects.get('key')?.bytes[0]).toBe(winners[0]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(PRECONDITION_FAILED);
    }
    expect(s3.faultsLeft).toBe(0);
    expect(s3.uploads.size).toBe(0);
  });
});

describe('CompleteMultipartUpload', () => {
  it('was not first if S3 has dropped the upload after a conflict and another writer has written', async () => {
    const s3 = new FakeS3().on('CompleteMultipartUpload', conflict, refuses(404, 'NoSuchUpload'));
    s3.objects.set('key', { bytes: Buffer.from('another'), etag: '"another"', metadata: {} });

    await expect(write('CompleteMultipartUpload', storeOn(s3))).rejects.toMatchObject(PRECONDITION_FAILED);
  });

  it('is retried if its response of 200 contains an error', async () => {
    const s3 = new FakeS3().on('CompleteMultipartUpload', () => failed(200, 'InternalError'));

    await write('CompleteMultipartUpload', storeOn(s3));

    expect(s3.count('CompleteMultipartUpload')).toBe(2);
  });

  it('fails if the upload is gone without having been completed', async () => {
    const s3 = new FakeS3();
    s3.on('CompleteMultipartUpload', (perform) => {
      s3.uploads.clear();
      return perform();
    });

    await expect(write('CompleteMultipartUpload', storeOn(s3))).rejects.toMatchObject(STORAGE_ERROR);

    expect(s3.objects.size).toBe(0);
  });

  it('without a condition also recognises its own object if its response was lost', async () => {
    const s3 = new FakeS3().on('CompleteMultipartUpload', lostAnswer);
    const upload = await storeOn(s3).upload('key');
    await upload.write(Buffer.alloc(9 * MiB));

    await upload.complete();

    expect(s3.objects.get('key')?.bytes.length).toBe(9 * MiB);
  });
});

describe("a writer's id", () => {
  it('is not in the metadata returned, nor in objects written without a condition', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    await store.put('conditional', Buffer.from('a'), { ifNoneMatch: '*', metadata: { a: 'b' } });
    await store.put('plain', Buffer.from('a'), { metadata: { a: 'b' } });

    const heads = [await store.head('conditional'), await store.head('plain')];

    expect(heads.map((info) => info?.metadata)).toEqual([{ a: 'b' }, { a: 'b' }]);
    expect(s3.objects.get('conditional')?.metadata['mapreduce-writer']).toMatch(/^[0-9a-f]{32}$/);
    expect(s3.objects.get('plain')?.metadata).toEqual({ a: 'b' });
  });

  it('must fit into 2 KiB together with the metadata', async () => {
    const store = storeOn(new FakeS3());
    const metadata = { a: 'x'.repeat(2020) };

    await store.put('plain', Buffer.from('a'), { metadata });

    await expect(store.put('conditional', Buffer.from('a'), { metadata, ifNoneMatch: '*' })).rejects.toThrow(
      /metadata must have at most 2048 bytes in all, including the 48 of 'mapreduce-writer'; received 2069/,
    );
  });
});
