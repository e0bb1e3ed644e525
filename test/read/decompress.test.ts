import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../src/base/limits.ts';
import { decompress } from '../../src/read/decompress.ts';

const TEXT = Buffer.from(Array.from({ length: 3000 }, (_, index) => `line ${index * 7919}\n`).join(''));

/** Wipes each chunk when the next is requested, as stores may do. */
async function* chunksOf(bytes: Buffer, chunkSizeBytes: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += chunkSizeBytes) {
    const chunk = Buffer.from(bytes.subarray(from, from + chunkSizeBytes));
    yield chunk;
    chunk.fill(0xdb);
  }
}

async function decompressed(
  bytes: Buffer,
  { compression, chunkSizeBytes }: { compression: 'gzip' | 'zstd'; chunkSizeBytes: number },
) {
  const parts: Buffer[] = [];
  const source = chunksOf(bytes, chunkSizeBytes);
  for await (const part of decompress(source, { compression, fileName: 'a.file' }))
    parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

describe.each([
  { compression: 'gzip' as const, packed: gzipSync(TEXT) },
  { compression: 'zstd' as const, packed: zstdCompressSync(TEXT) },
])('decompress(), $compression', ({ compression, packed }) => {
  const corrupt = {
    name: 'CorruptInputError',
    message: expect.stringMatching(/^a\.file .* file.*damaged.*Check it with/),
  };

  it('returns the original bytes, for any chunk size', async () => {
    for (const chunkSizeBytes of [1, 100, packed.length, 1 * MiB]) {
      expect(await decompressed(packed, { compression, chunkSizeBytes })).toEqual(TEXT);
    }
  });

  it('reads several streams in sequence, wherever chunks end', async () => {
    const three = Buffer.concat([packed, packed, packed]);

    for (const chunkSizeBytes of [
      1,
      100,
      packed.length - 1,
      packed.length,
      packed.length + 1,
      packed.length * 2,
      1 * MiB,
    ]) {
      const bytes = await decompressed(three, { compression, chunkSizeBytes });
      expect(bytes.equals(Buffer.concat([TEXT, TEXT, TEXT]))).toBe(true);
    }
  });

  it('detects truncation in the first stream or a later one', async () => {
    const two = Buffer.concat([packed, packed]);
    for (const chunkSizeBytes of [1, 100, packed.length, 1 * MiB]) {
      for (const cut of [1, 2, 9, packed.length - 1, packed.length + 1, packed.length + 2, two.length - 1]) {
        const reading = decompressed(two.subarray(0, cut), { compression, chunkSizeBytes });
        await expect(reading).rejects.toMatchObject(corrupt);
      }
    }
  });

  it('detects bytes after the last stream, and a file that is not compressed', async () => {
    for (const chunkSizeBytes of [1, 100, packed.length, 1 * MiB]) {
      const tail = Buffer.concat([packed, Buffer.from('something else')]);
      await expect(decompressed(tail, { compression, chunkSizeBytes })).rejects.toMatchObject(corrupt);
      await expect(decompressed(TEXT, { compression, chunkSizeBytes })).rejects.toMatchObject(corrupt);
      await expect(decompressed(Buffer.alloc(100), { compression, chunkSizeBytes })).rejects.toMatchObject(
        corrupt,
      );
    }
  });

  it('passes errors of the source on unchanged', async () => {
    const lost = new Error('connection reset');
    async function* failing() {
      yield packed.subarray(0, 100);
      throw lost;
    }
    const reading = async () => {
      for await (const _ of decompress(failing(), { compression, fileName: 'a.file' }));
    };

    await expect(reading()).rejects.toBe(lost);
  });

  it('holds little more than one buffer of a highly compressed file', async () => {
    const packedZeros =
      compression === 'gzip' ? gzipSync(Buffer.alloc(64 * MiB)) : zstdCompressSync(Buffer.alloc(64 * MiB));
    let total = 0;
    let largest = 0;

    for await (const part of decompress(chunksOf(packedZeros, 1 * MiB), {
      compression,
      fileName: 'a.file',
    })) {
      total += part.length;
      largest = Math.max(largest, part.length);
    }

    expect(total).toBe(64 * MiB);
    expect(largest).toBeLessThanOrEqual(1 * MiB);
  });
});

describe('decompress(), gzip', () => {
  it('detects flipped bits by the checksum', async () => {
    const packed = gzipSync(TEXT);
    packed[packed.length >> 1]! ^= 0x10;

    await expect(decompressed(packed, { compression: 'gzip', chunkSizeBytes: 1000 })).rejects.toMatchObject({
      name: 'CorruptInputError',
    });
  });

  it('ignores zeros between and after streams, as gzip does', async () => {
    const packed = gzipSync(TEXT);
    const padded = Buffer.concat([packed, Buffer.alloc(50), packed, Buffer.alloc(2000)]);

    for (const chunkSizeBytes of [1, 13, packed.length, 1 * MiB]) {
      const bytes = await decompressed(padded, { compression: 'gzip', chunkSizeBytes });
      expect(bytes.equals(Buffer.concat([TEXT, TEXT]))).toBe(true);
    }
  });
});
