import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMapReduceError } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { BLOCK_HEADER_BYTES, openBlock, readBlockHeader, sealBlock } from '../../src/shuffle/block.ts';
import { anyCompression } from './records.ts';

function open(bytes: Buffer, at = 0): Buffer {
  return openBlock(bytes, at, readBlockHeader(bytes, at, 'there'), 'there');
}

const COMPRESSIBLE = Buffer.from('to be or not to be, that is the question; '.repeat(5));

describe('a block', () => {
  it('returns its payload, wherever it is in a buffer', () => {
    const payload = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.tuple(fc.string({ maxLength: 9 }), fc.integer({ min: 1, max: 200 })).map(([text, times]) => {
        return Buffer.from(`${text}x`.repeat(times));
      }),
    );
    fc.assert(
      fc.property(
        payload,
        fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        anyCompression,
        fc.nat(9),
        (bytes, records, compression, before) => {
          const block = sealBlock(Buffer.from(bytes), records, compression);
          const surrounded = Buffer.concat([Buffer.alloc(before, 1), block, Buffer.alloc(5, 2)]);

          const header = readBlockHeader(surrounded, before, 'there');

          expect(header).toMatchObject({ rawBytes: bytes.length, records });
          expect(BLOCK_HEADER_BYTES + header.storedBytes).toBe(block.length);
          expect(openBlock(surrounded, before, header, 'there').equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("is a copy, so later changes of the writer's buffer do not affect it", () => {
    const raw = Buffer.from('payload');

    const block = sealBlock(raw, 1, { codec: 'none' });
    raw.fill(0);

    expect(open(block).toString()).toBe('payload');
  });

  it('is compressed only if that saves an eighth', () => {
    const random = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * i * 31 + (i >> 3) * 77) & 0xff));

    const packed = sealBlock(COMPRESSIBLE, 1, { codec: 'zstd', level: 1 });
    const raw = sealBlock(random, 1, { codec: 'zstd', level: 1 });

    expect(readBlockHeader(packed, 0, '').codec).toBe(1);
    expect(packed.length).toBeLessThan(COMPRESSIBLE.length);
    expect(readBlockHeader(raw, 0, '').codec).toBe(0);
    expect(open(raw).equals(random)).toBe(true);
  });

  for (const codec of ['none', 'zstd'] as const) {
    it(`is reported as damaged for each flipped bit (${codec})`, () => {
      const compression = codec === 'none' ? { codec } : { codec, level: 1 };
      const block = sealBlock(COMPRESSIBLE, 3, compression);

      for (let bit = 0; bit < 8 * block.length; bit++) {
        const damaged = Buffer.from(block);
        damaged[bit >> 3]! ^= 1 << (bit & 7);

        expect(
          errorName(() => open(damaged)),
          `bit ${bit}`,
        ).toBe('CorruptShuffleError');
      }
    });
  }

  it('is reported as damaged if its checksum matches but its payload does not decompress', () => {
    const block = sealBlock(COMPRESSIBLE, 3, { codec: 'zstd', level: 1 });
    const reseal = (change: (block: Buffer) => void): Buffer => {
      const changed = Buffer.from(block);
      change(changed);
      changed.writeUInt32LE(crc32(changed.subarray(4)), 0);
      return changed;
    };

    expect(errorName(() => open(reseal((bytes) => bytes.fill(7, 22, 30))))).toBe('CorruptShuffleError');
    for (const difference of [-1, 1]) {
      const wrongSize = reseal((bytes) => bytes.writeUInt32LE(COMPRESSIBLE.length + difference, 8));
      expect(errorName(() => open(wrongSize))).toBe('CorruptShuffleError');
    }
  });

  it('is reported as damaged if its header claims more than the maximum size', () => {
    const block = sealBlock(COMPRESSIBLE, 3, { codec: 'none' });
    block.writeUInt32LE(2 * LIMITS.recordBytesMax + 1, 8);

    expect(() => readBlockHeader(block, 0, 'shuffle/m-00000')).toThrow(
      /^shuffle\/m-00000 is damaged: a block header is invalid/,
    );
  });
});

function errorName(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isMapReduceError(error) ? error.name : `not ours: ${error}`;
  }
  return 'nothing was noticed';
}
