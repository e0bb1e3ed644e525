import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../src/limits.ts';
import { S3_OBJECT_BYTES_MAX, S3_PART_BYTES_MAX, S3_PARTS_MAX } from '../../src/storage/s3-limits.ts';
import { S3Store } from '../../src/storage/s3-store.ts';
import { partSizeBytes } from '../../src/storage/s3-upload.ts';
import { noise } from './object-store-contract.ts';
import { FakeS3, held, refuses, slowDown } from './s3-fake-service.ts';

/** Without second GETs for slow ones: requests are counted, and the machine may be slow. */
function storeOn(s3: FakeS3): S3Store {
  return new S3Store({
    client: s3.client(),
    bucket: 'bucket',
    limits: { backoffMsBase: 1, backoffMsMax: 1, hedgesBurstMax: 0 },
  });
}

describe('the sizes of parts', () => {
  it('let 10,000 parts hold the largest object that S3 takes', () => {
    let bytes = 0;
    let parts = 0;
    while (bytes < S3_OBJECT_BYTES_MAX) bytes += partSizeBytes(++parts, 8 * MiB);

    expect(parts).toBeLessThan(S3_PARTS_MAX);
    expect(partSizeBytes(parts, 8 * MiB)).toBeLessThanOrEqual(S3_PART_BYTES_MAX);
  });

  it('grow after each thousand', () => {
    const sizes = [1, 1000, 1001, 2000, 2001].map((part) => partSizeBytes(part, 8 * MiB) / MiB);

    expect(sizes).toEqual([8, 8, 16, 16, 32]);
  });
});

describe('an upload', () => {
  it('is one PUT up to 8 MiB, and parts from the next byte on', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    for (const sizeBytes of [8 * MiB, 8 * MiB + 1]) {
      const upload = await store.upload(String(sizeBytes));
      await upload.write(noise(sizeBytes, 1));
      await upload.complete();
    }

    expect(s3.requests.map(({ operation }) => operation)).toEqual([
      'PutObject',
      'CreateMultipartUpload',
      'UploadPart',
      'UploadPart',
      'CompleteMultipartUpload',
    ]);
    expect(s3.objects.get(String(8 * MiB + 1))?.bytes.equals(noise(8 * MiB + 1, 1))).toBe(true);
  });

  it('puts parts together in their order, whatever the order in which they arrive', async () => {
    const s3 = new FakeS3();
    const { fault, release } = held();
    s3.on('UploadPart', fault, (perform) => perform(), slowDown);
    const bytes = noise(30 * MiB, 2);
    const upload = await storeOn(s3).upload('key');

    for (let at = 0; at < bytes.length; at += 700_000) {
      await upload.write(bytes.subarray(at, at + 700_000));
      if (at > 25 * MiB) release();
    }
    const info = await upload.complete({ ifNoneMatch: '*' });

    expect(info.sizeBytes).toBe(bytes.length);
    expect(s3.objects.get('key')?.bytes.equals(bytes)).toBe(true);
  });

  it('lets the writer wait when 24 MiB are on their way and 8 MiB are there to follow', async () => {
    const s3 = new FakeS3();
    const holds = [held(), held(), held()];
    s3.on('UploadPart', ...holds.map(({ fault }) => fault));
    const upload = await storeOn(s3).upload('key');
    let writtenBytes = 0;
    const writing = (async () => {
      for (; writtenBytes < 40 * MiB; writtenBytes += MiB) await upload.write(Buffer.alloc(MiB));
    })();

    while (writtenBytes < 32 * MiB || s3.count('UploadPart') < 3) await sleep(1);
    await sleep(50);
    expect(writtenBytes).toBe(32 * MiB);
    expect(s3.count('UploadPart')).toBe(3);
    for (const { release } of holds) release();
    await writing;

    expect((await upload.complete()).sizeBytes).toBe(40 * MiB);
  });

  it('sends each part with a checksum that S3 verifies, and names it when it completes', async () => {
    const s3 = new FakeS3();
    const upload = await storeOn(s3).upload('key');
    await upload.write(noise(9 * MiB, 1));
    await upload.complete();

    const parts = s3.requests.filter(({ operation }) => operation === 'UploadPart');
    const complete = s3.requests.find(({ operation }) => operation === 'CompleteMultipartUpload');

    for (const { headers } of parts) {
      const checksum = headers['x-amz-checksum-crc32'];
      expect(checksum).toMatch(/^.{8}$/);
      expect(complete?.body.toString()).toContain(`<ChecksumCRC32>${checksum}</ChecksumCRC32>`);
    }
  });

  it('fails when a part fails for good, and leaves nothing behind when it is aborted', async () => {
    const s3 = new FakeS3().on('UploadPart', refuses(403, 'AccessDenied'));
    const upload = await storeOn(s3).upload('key');
    const denied = { name: 'UsageError', message: expect.stringMatching(/Grant s3:PutObject/) };

    const writing = async () => {
      for (let written = 0; written < 100 * MiB; written += MiB) {
        await upload.write(Buffer.alloc(MiB));
        await sleep(0);
      }
    };

    await expect(writing()).rejects.toMatchObject(denied);
    await expect(upload.complete()).rejects.toMatchObject(denied);
    await upload.abort();
    expect(s3.objects.size).toBe(0);
    expect(s3.uploads.size).toBe(0);
  });

  it('waits for parts on their way before it is aborted, so that none comes later and stays', async () => {
    const s3 = new FakeS3();
    const { fault, release } = held();
    s3.on('UploadPart', fault);
    const upload = await storeOn(s3).upload('key');
    await upload.write(Buffer.alloc(9 * MiB));

    await upload.abort();
    release();

    expect(s3.requests.at(-1)?.operation).toBe('AbortMultipartUpload');
    expect(s3.uploads.size).toBe(0);
  });

  it('does not fail to be aborted, since the bucket removes abandoned uploads', async () => {
    const s3 = new FakeS3().on('AbortMultipartUpload', refuses(403, 'AccessDenied'));
    const upload = await storeOn(s3).upload('key');
    await upload.write(Buffer.alloc(9 * MiB));

    await upload.abort();

    expect(s3.count('AbortMultipartUpload')).toBe(1);
  });

  it('costs no request when it is aborted before its first part is full', async () => {
    const s3 = new FakeS3();
    const upload = await storeOn(s3).upload('key');
    await upload.write(Buffer.alloc(MiB));

    await upload.abort();

    expect(s3.requests).toEqual([]);
  });
});

describe('objects appended to an upload', () => {
  const appended = async (s3: FakeS3, sizesMiB: readonly number[]) => {
    const store = storeOn(s3);
    const objects = [];
    for (const [index, size] of sizesMiB.entries())
      objects.push(await store.put(`part-${index}`, noise(size * MiB, index)));
    s3.requests.length = 0;
    const upload = await store.upload('whole');
    for (const object of objects) await upload.append!(object);
    await upload.complete({ ifNoneMatch: '*' });
    expect(s3.objects.get('whole')!.bytes).toHaveLength(sizesMiB.reduce((sum, size) => sum + size * MiB, 0));
    return s3.requests.map(({ operation }) => operation);
  };

  it('are copied by S3, and no byte of them comes here', async () => {
    const s3 = new FakeS3();

    const operations = await appended(s3, [8, 20, 9]);

    expect(operations).toEqual([
      'CreateMultipartUpload',
      'UploadPartCopy',
      'UploadPartCopy',
      'UploadPartCopy',
      'CompleteMultipartUpload',
    ]);
  });

  it('are gathered where they are small, and what waits is filled up to what S3 takes as a part', async () => {
    const s3 = new FakeS3();

    await appended(s3, [1, 1, 20, 2]);

    const parts = s3.requests.filter(({ query }) => query.partNumber !== undefined);
    expect(parts.map(({ operation, query }) => `${query.partNumber} ${operation}`).sort()).toEqual([
      '1 UploadPart',
      '2 UploadPartCopy',
      '3 UploadPart',
    ]);
    const sent = s3.requests
      .filter(({ operation }) => operation === 'UploadPart')
      .map(({ body }) => body.length);
    expect(sent.map((bytes) => bytes / MiB).sort()).toEqual([2, 5]);
    const copy = s3.requests.find(({ operation }) => operation === 'UploadPartCopy')!;
    expect(copy.headers['x-amz-copy-source-range']).toBe(`bytes=${3 * MiB}-${20 * MiB - 1}`);
  });

  it('are one PUT where they are small altogether', async () => {
    const operations = await appended(new FakeS3(), [1, 2]);

    expect(operations).toEqual(['GetObject', 'GetObject', 'PutObject']);
  });

  it('are copied in pieces of at most copyBytesMax, none of them too small to be a part', async () => {
    const s3 = new FakeS3();
    const store = new S3Store({ client: s3.client(), bucket: 'bucket', limits: { copyBytesMax: 10 * MiB } });
    const object = await store.put('part', noise(21 * MiB, 1));
    const upload = await store.upload('whole');
    await upload.append!(object);
    await upload.complete();

    expect(s3.requests.filter(({ operation }) => operation === 'UploadPartCopy')).toHaveLength(3);
    expect(s3.objects.get('whole')!.bytes.equals(noise(21 * MiB, 1))).toBe(true);
  });

  it('are tried again where S3 is busy, and fail with the object that is gone', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3);
    const object = await store.put('part', noise(9 * MiB, 1));
    s3.on('UploadPartCopy', slowDown);
    const upload = await store.upload('whole');
    await upload.append!(object);
    await upload.complete();
    await store.delete(['part']);
    const late = await store.upload('late');
    await late.append!(object);

    await expect(late.complete()).rejects.toMatchObject({
      name: 'ObjectNotFoundError',
      details: { objectKey: 'part' },
    });
    await late.abort();
    expect(s3.faultsLeft).toBe(0);
    expect(s3.objects.has('late')).toBe(false);
    expect(s3.uploads.size).toBe(0);
  });
});
