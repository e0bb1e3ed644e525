/** Whatever the bytes are, a small file is what the streaming decoder makes of it. */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import { decompress } from '../../src/read/decompress.ts';
import { decompressSmall } from '../../src/read/decompress-small.ts';

type Decompress = typeof decompressSmall;

async function outcome(
  decompressBytes: Decompress,
  bytes: Buffer,
  compression: 'gzip' | 'zstd',
): Promise<string> {
  const source = (async function* () {
    for (let from = 0; from < bytes.length; from += 100) {
      const chunk = Buffer.from(bytes.subarray(from, from + 100));
      yield chunk;
      chunk.fill(0xdb);
    }
  })();
  const parts: Buffer[] = [];
  try {
    for await (const part of decompressBytes(source, { compression, fileName: 'a.file' }))
      parts.push(Buffer.from(part));
    return `bytes ${Buffer.concat(parts).toString('hex')}`;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

async function expectAlike(bytes: Buffer, compression: 'gzip' | 'zstd'): Promise<string> {
  const small = await outcome(decompressSmall, bytes, compression);
  expect(small).toBe(await outcome(decompress, bytes, compression));
  return small;
}

const TEXT = Buffer.from('one\ntwo\nthree\n'.repeat(3));
const checksummed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

describe.each([
  { compression: 'gzip' as const, packed: gzipSync(TEXT) },
  { compression: 'zstd' as const, packed: zstdCompressSync(TEXT, checksummed) },
])('decompressSmall(), $compression', ({ compression, packed }) => {
  const whole = `bytes ${TEXT.toString('hex')}`;

  it('returns the content', async () => {
    expect(await expectAlike(packed, compression)).toBe(whole);
    expect(await expectAlike(Buffer.alloc(0), compression)).toBe('bytes ');
    expect(await expectAlike(compression === 'gzip' ? gzipSync('') : zstdCompressSync(''), compression)).toBe(
      'bytes ',
    );
  });

  it('reads several streams, and padding, as the streaming decoder does', async () => {
    const zeros = Buffer.alloc(5);
    for (const parts of [
      [packed, packed],
      [packed, zeros],
      [packed, zeros, packed],
      [packed, Buffer.from('x')],
    ]) {
      await expectAlike(Buffer.concat(parts), compression);
    }
    expect(await expectAlike(Buffer.concat([packed, packed]), compression)).toBe(
      whole + TEXT.toString('hex'),
    );
  });

  it('detects truncation at every byte', async () => {
    for (let size = 1; size < packed.length; size += 1) {
      expect(await expectAlike(packed.subarray(0, size), compression)).toMatch(
        /^CorruptInputError: a\.file /,
      );
    }
  });

  it('reports every flipped bit, or reads the same bytes', async () => {
    for (let bit = 0; bit < 8 * packed.length; bit += 1) {
      const damaged = Buffer.from(packed);
      damaged[bit >> 3]! ^= 1 << (bit & 7);

      const result = await expectAlike(damaged, compression);

      expect(result === whole || result.startsWith('CorruptInputError')).toBe(true);
    }
  });

  it('leaves large content to the streaming decoder', async () => {
    const large = Buffer.alloc(LIMITS.smallFileContentBytesMax + 1, 'x');
    const bytes = compression === 'gzip' ? gzipSync(large) : zstdCompressSync(large);
    let parts = 0;
    let size = 0;

    for await (const part of decompressSmall([bytes] as unknown as AsyncIterable<Buffer>, {
      compression,
      fileName: 'a',
    })) {
      parts += 1;
      size += part.length;
    }

    expect(size).toBe(large.length);
    expect(parts).toBeGreaterThan(1);
  });
});
