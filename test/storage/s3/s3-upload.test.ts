import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../../src/base/limits.ts';
import type { ObjectInfo } from '../../../src/storage/object-store.ts';
import {
  S3_LIMITS,
  S3_OBJECT_BYTES_MAX,
  S3_PART_BYTES_MAX,
  S3_PARTS_MAX,
  type S3Limits,
} from '../../../src/storage/s3/s3-limits.ts';
import { partSizeBytes, uploadRequests } from '../../../src/storage/s3/s3-part-sizes.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { noise } from '../object-store-contract.ts';
import { FakeS3, type Fault, held, refuses, slowDown } from './s3-fake-service.ts';

/** Without second GETs for slow ones: requests are counted, and the machine may be slow. */
function storeOn(s3: FakeS3, limits: Partial<S3Limits> = {}): S3Store {
  return new S3Store({
    client: s3.client(),
    bucket: 'bucket',
    limits: { backoffMsBase: 1, backoffMsMax: 1, hedgesBurstMax: 0, ...limits },
  });
}

describe('the sizes of parts', () => {
  it('let 10,000 parts hold the largest object that S3 allows', () => {
    let bytes = 0;
    let parts = 0;
    while (bytes < S3_OBJECT_BYTES_MAX) bytes += partSizeBytes(++parts, S3_LIMITS);

    expect(parts).toBeLessThan(S3_PARTS_MAX);
    expect(partSizeBytes(parts, S3_LIMITS)).toBeLessThanOrEqual(S3_PART_BYTES_MAX);
  });

  it('at least double after each thousand', () => {
    const sizes = [1, 1000, 1001, 2000, 2001].map((part) => partSizeBytes(part, S3_LIMITS) / MiB);

    expect(sizes).toEqual([8, 8, 16, 16, 32]);
  });

  it('never exceed the maximum of S3, whatever the first size is', () => {
    expect(partSizeBytes(10_000, { ...S3_LIMITS, partBytesMin: 64 * MiB })).toBe(S3_PART_BYTES_MAX);
  });
});

describe('the limits', () => {
  it.each([
    [{ partsMax: 10_001 }, 'partsMax must be a whole number from 1 to 10000'],
    [{ partsMax: 0 }, 'partsMax must be a whole number from 1 to 10000'],
    [{ partBytesMax: 6_000 * MiB }, 'partBytesMax must be at most 5368709120'],
    [{ partBytesMin: 65 * MiB }, 'partBytesMax must be at least partBytesMin (68157440); received 67108864'],
    [{ copyBytesMax: 6_000 * MiB }, 'copyBytesMax must be from 10485760 to 5368709120'],
    [{ copyBytesMax: 8 * MiB }, 'copyBytesMax must be from 10485760 to 5368709120'],
  ])('refuse %j, which S3 would', (limits, message) => {
    expect(() => storeOn(new FakeS3(), limits)).toThrow(message);
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

  it.each([8 * MiB, 8 * MiB + 1, 24 * MiB, 24 * MiB + 1])(
    'of %i bytes takes as many requests as uploadRequests() says',
    async (sizeBytes) => {
      const s3 = new FakeS3();
      const upload = await storeOn(s3).upload('key');
      await upload.write(Buffer.alloc(sizeBytes));
      await upload.complete();

      expect(s3.requests).toHaveLength(uploadRequests(sizeBytes, S3_LIMITS));
    },
  );

  it('assembles parts in their order, whatever the order in which they arrive', async () => {
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

  it('makes the writer wait if 24 MiB are in flight and 8 MiB are waiting', async () => {
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

  it('sends each part with a checksum that S3 verifies, and lists the checksums on completion', async () => {
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

  it('fails if a part fails permanently, and leaves nothing behind when it is aborted', async () => {
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

  it('waits for parts in flight before it aborts, so that no later part stays behind', async () => {
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

  it('never fails to abort, since the bucket removes abandoned uploads', async () => {
    const s3 = new FakeS3().on('AbortMultipartUpload', refuses(403, 'AccessDenied'));
    const upload = await storeOn(s3).upload('key');
    await upload.write(Buffer.alloc(9 * MiB));

    await upload.abort();

    expect(s3.count('AbortMultipartUpload')).toBe(1);
  });

  it('fails if it would need more parts than S3 allows, and leaves nothing behind', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3, { partsMax: 2 });
    const object = await store.put('part', noise(9 * MiB, 1));
    const upload = await store.upload('key');
    for (let i = 0; i < 3; i++) await upload.append!(object, { following: 0 });

    await expect(upload.complete()).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/'key' would need more than 2 parts, .* Use fewer tasks/),
    });
    await upload.abort();

    expect(s3.objects.has('key')).toBe(false);
    expect(s3.uploads.size).toBe(0);
  });

  it('costs no request if it is aborted before its first part is full', async () => {
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
    for (const [index, object] of objects.entries())
      await upload.append!(object, { following: objects.length - 1 - index });
    await upload.complete({ ifNoneMatch: '*' });
    expect(s3.objects.get('whole')!.bytes).toHaveLength(sizesMiB.reduce((sum, size) => sum + size * MiB, 0));
    return s3.requests.map(({ operation }) => operation);
  };

  it('are copied by S3 without passing through the store', async () => {
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

  it('are collected if they are small, and waiting bytes are filled up to the minimum size of a part', async () => {
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

  it('are one PUT if they are small in total', async () => {
    const operations = await appended(new FakeS3(), [1, 2]);

    expect(operations).toEqual(['GetObject', 'GetObject', 'PutObject']);
  });

  it('pass their bytes to the caller if they are read, and not if S3 copies any of them', async () => {
    const store = storeOn(new FakeS3());
    const upload = await store.upload('whole');
    const read: number[] = [];

    for (const [index, sizeMiB] of [1, 20, 2].entries()) {
      const object = await store.put(`part-${index}`, noise(sizeMiB * MiB, index));
      let bytes = 0;
      await upload.append!(object, {
        onChunk: (chunk) => {
          bytes += chunk.length;
        },
      });
      read.push(bytes / MiB);
    }

    expect(read).toEqual([1, 0, 2]);
    await upload.abort();
  });

  it('are copied in pieces of at most copyBytesMax, none of them too small for a part', async () => {
    const s3 = new FakeS3();
    const store = new S3Store({ client: s3.client(), bucket: 'bucket', limits: { copyBytesMax: 10 * MiB } });
    const object = await store.put('part', noise(21 * MiB, 1));
    const upload = await store.upload('whole');
    await upload.append!(object, { following: 0 });
    await upload.complete();

    expect(s3.requests.filter(({ operation }) => operation === 'UploadPartCopy')).toHaveLength(3);
    expect(s3.objects.get('whole')!.bytes.equals(noise(21 * MiB, 1))).toBe(true);
  });

  it('are all copied, up to the maximum number of parts', async () => {
    const s3 = withObjectsMadeUp(3_000);
    const upload = await storeOn(s3).upload('whole');
    for (let i = 0; i < 3_000; i++) {
      await upload.append!(madeUp(`part-${i}`, (8 + (i % 40)) * MiB), { following: 2_999 - i });
    }
    await upload.complete();

    expect(s3.requests).toHaveLength(3_002);
    expect(s3.count('UploadPartCopy')).toBe(3_000);
  });

  it('are collected up to the next part size if it is unknown how many follow', async () => {
    const s3 = new FakeS3();
    const store = storeOn(s3, { partsMax: 10 });
    const object = await store.put('part', noise(9 * MiB, 1));
    const upload = await store.upload('whole');
    for (let i = 0; i < 3; i++) await upload.append!(object);
    await upload.complete();

    expect(s3.count('UploadPartCopy')).toBe(0);
    expect(s3.objects.get('whole')!.bytes).toHaveLength(27 * MiB);
  });

  it.each([
    { sizesMiB: [9, 9, 9, 9, 9, 9], copies: 6 },
    { sizesMiB: [1, 9, 7, 20, 3, 9], copies: 3 },
    { sizesMiB: [9, 9, 9, 9, 9, 9, 9], copies: 3 },
    { sizesMiB: [7, 7, 7, 7, 7, 7, 9, 9], copies: 2 },
  ])(
    'never take more parts than there are: $sizesMiB, of which $copies are copied',
    async ({ sizesMiB, copies }) => {
      const s3 = new FakeS3();
      const store = storeOn(s3, { partsMax: 6 });
      const pieces = sizesMiB.map((size, index) => noise(size * MiB, index + 1));
      const upload = await store.upload('whole');
      for (const [index, piece] of pieces.entries()) {
        const object = await store.put(`part-${index}`, piece);
        await upload.append!(object, { following: pieces.length - 1 - index });
      }
      await upload.complete();

      expect(s3.objects.get('whole')!.bytes.equals(Buffer.concat(pieces))).toBe(true);
      expect(s3.count('UploadPart') + s3.count('UploadPartCopy')).toBeLessThanOrEqual(6);
      expect(s3.count('UploadPartCopy')).toBe(copies);
    },
  );

  it.each([
    { sizeMiB: 3_000, following: 7, piecesMiB: [1_000, 1_000, 1_000] },
    { sizeMiB: 3_000, following: 8, piecesMiB: [1_500, 1_500] },
    { sizeMiB: 5_120, following: 9, piecesMiB: [5_120] },
    { sizeMiB: 5_122, following: 8, piecesMiB: [2_561, 2_561] },
  ])(
    'are copied in larger pieces where parts run short, of up to 5 GiB: %j',
    async ({ sizeMiB, following, piecesMiB }) => {
      const s3 = withObjectsMadeUp(piecesMiB.length);
      const upload = await storeOn(s3, { partsMax: 10 }).upload('whole');
      await upload.append!(madeUp('part', sizeMiB * MiB), { following });
      await upload.complete();

      let startMiB = 0;
      const ranges = piecesMiB.map((size) => {
        startMiB += size;
        return `bytes=${(startMiB - size) * MiB}-${startMiB * MiB - 1}`;
      });
      const copies = s3.requests.filter(({ operation }) => operation === 'UploadPartCopy');
      expect(copies.map(({ headers }) => headers['x-amz-copy-source-range'])).toEqual(ranges);
    },
  );

  it('are retried if S3 is busy, and fail if the object is gone', async () => {
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

function madeUp(key: string, sizeBytes: number): ObjectInfo {
  return { key, sizeBytes, etag: '"made up"', metadata: {} };
}

/** Says that it has copied so many parts, and put them together, of objects that nobody has. */
function withObjectsMadeUp(copies: number): FakeS3 {
  const answers =
    (xml: string): Fault =>
    () => ({ statusCode: 200, headers: { 'content-type': 'application/xml' }, body: xml });
  const copied = answers('<CopyPartResult><ETag>"part"</ETag></CopyPartResult>');
  const whole = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';
  return new FakeS3()
    .on('UploadPartCopy', ...Array.from({ length: copies }, () => copied))
    .on('CompleteMultipartUpload', answers(whole));
}
