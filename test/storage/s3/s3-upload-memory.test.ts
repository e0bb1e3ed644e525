import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uploadBytes } from '../../../src/aws/model/function-memory.ts';
import { GiB, MiB } from '../../../src/base/limits.ts';
import { S3_LIMITS } from '../../../src/storage/s3/s3-limits.ts';
import { uploadRequests } from '../../../src/storage/s3/s3-part-sizes.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { UploadMemory } from '../../../src/storage/s3/s3-upload-memory.ts';
import { FakeS3 } from './s3-fake-service.ts';

function memoryOf(bytes: number, uploads = 1): UploadMemory {
  const memory = new UploadMemory({ ...S3_LIMITS, uploadBytes: bytes });
  for (let i = 0; i < uploads; i++) memory.open();
  return memory;
}

describe('the memory for uploads', () => {
  it('gives a single upload parts of a third of it, from 8 to 64 MiB', () => {
    const sizes = [0, 32, 95, 96, 191, 192, 1_000].map((mib) => memoryOf(mib * MiB).partBytes / MiB);

    expect(sizes).toEqual([8, 8, 16, 32, 32, 64, 64]);
  });

  it('gives many uploads small parts, and gives a closed upload’s share to the others', () => {
    const memory = new UploadMemory({ ...S3_LIMITS, uploadBytes: 192 * MiB });
    const closes = Array.from({ length: 4 }, () => memory.open());

    expect(memory.partBytes).toBe(16 * MiB);
    for (const close of closes.slice(1)) {
      close();
      close();
    }
    expect(memory.partBytes).toBe(64 * MiB);
  });

  it('is never exceeded, unless each upload has the smallest part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 * GiB }), fc.integer({ min: 1, max: 64 }), (bytes, uploads) => {
        const { partBytes, inFlightBytesMax } = memoryOf(bytes, uploads);

        if (partBytes > S3_LIMITS.partBytesMin) {
          expect(uploads * (partBytes + inFlightBytesMax)).toBeLessThanOrEqual(bytes);
          expect(inFlightBytesMax).toBeGreaterThanOrEqual(2 * partBytes);
        }
        expect(partBytes).toBeGreaterThanOrEqual(S3_LIMITS.partBytesMin);
        expect(partBytes).toBeLessThanOrEqual(S3_LIMITS.partBytesMax);
      }),
    );
  });

  it.each([
    [512, 8],
    [1_024, 32],
    [1_769, 64],
    [10_240, 64],
  ])('in a function of %i MB is enough for parts of %i MiB', (functionMb, partMib) => {
    expect(memoryOf(uploadBytes(functionMb * MiB)).partBytes).toBe(partMib * MiB);
  });
});

describe('uploads of a store with more memory', () => {
  it('are one PUT up to the size of a part, and parts of that size from the next byte on', async () => {
    const s3 = new FakeS3();
    const store = new S3Store({
      client: s3.client(),
      bucket: 'bucket',
      limits: { uploadBytes: 48 * MiB, hedgesBurstMax: 0 },
    });
    for (const sizeBytes of [16 * MiB, 33 * MiB]) {
      const upload = await store.upload(String(sizeBytes));
      await upload.write(Buffer.alloc(sizeBytes));
      await upload.complete();
    }

    const sent = s3.requests.filter(({ body }) => body.length >= 1 * MiB);
    expect(sent.map(({ operation, body }) => `${operation} ${body.length / MiB}`).sort()).toEqual([
      'PutObject 16',
      'UploadPart 1',
      'UploadPart 16',
      'UploadPart 16',
    ]);
    const limits = { ...S3_LIMITS, uploadBytes: 48 * MiB };
    expect([uploadRequests(16 * MiB, limits), uploadRequests(33 * MiB, limits)]).toEqual([1, 5]);
    expect(s3.requests).toHaveLength(6);
  });

  it('that are open at the same time share it, also through within()', async () => {
    const s3 = new FakeS3();
    const store = new S3Store({
      client: s3.client(),
      bucket: 'bucket',
      limits: { uploadBytes: 48 * MiB, hedgesBurstMax: 0 },
    });
    const other = await store.within({ remainingMs: () => 60_000 }).upload('other');
    const upload = await store.upload('key');
    await upload.write(Buffer.alloc(17 * MiB));
    await other.abort();
    await upload.write(Buffer.alloc(17 * MiB));
    await upload.complete();

    const parts = s3.requests.filter(({ operation }) => operation === 'UploadPart');
    expect(parts.map(({ body }) => body.length / MiB).sort()).toEqual([16, 2, 8, 8]);
  });
});
