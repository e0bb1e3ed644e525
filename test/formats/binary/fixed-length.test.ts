import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedLength } from '../../../src/formats/binary/fixed-length.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';
import { readInPieces, readSource } from '../read-source.ts';

const bytesOf = (size: number) =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const hex = (record: Buffer) => record.toString('hex');

function naive(bytes: Buffer, size: number): string[] {
  const text = bytes.toString('hex');
  return text.match(new RegExp(`.{${2 * size}}`, 'g')) ?? [];
}

describe('fixedLength()', () => {
  it('delivers every record once and in order, wherever a small file is cut', async () => {
    for (let size = 0; size <= 24; size += 1) {
      const bytes = bytesOf(size);
      for (let first = 0; first <= size; first += 1) {
        for (const chunkBytes of [1, 4, 100]) {
          const cuts = [first, Math.min(size, first + 3)];
          const read = await readInPieces(fixedLength(4), bytes, { cuts, chunkBytes, skip: 1 }, hex);

          expect(read.records).toEqual(naive(bytes, 4));
          expect(read.offsets).toEqual(read.records.map((_, index) => index * 4));
          expect(read.unitsRead).toBe(size);
          expect(read.bad.map(({ offset }) => offset)).toEqual(size % 4 === 0 ? [] : [size - (size % 4)]);
        }
      }
    }
  });

  it('delivers the same for random lengths, cuts and chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2_000),
        fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3_000 })),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 3_000 }),
        async (size, recordBytes, fractions, chunkBytes) => {
          const bytes = bytesOf(size);
          const cuts = fractions.map((fraction) => Math.floor(fraction * size)).sort((a, b) => a - b);
          const options = { cuts, chunkBytes, skip: 1 };

          const read = await readInPieces(fixedLength(recordBytes), bytes, options, hex);

          expect(read.records).toEqual(naive(bytes, recordBytes));
          expect(read.unitsRead).toBe(size);
          expect(read.bad.length).toBe(size % recordBytes === 0 ? 0 : 1);
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it('fills its block several times', async () => {
    const bytes = bytesOf(300_000);

    const read = await readSource(fixedLength(100), bytes, { chunkBytes: 70_001 }, hex);

    expect(read.records).toEqual(naive(bytes, 100));
  });

  it('reads no more than the records of the piece', async () => {
    const bytes = bytesOf(100);

    const read = await readSource(fixedLength(10), bytes, { start: 15, end: 31, chunkBytes: 7 }, hex);
    const none = await readSource(fixedLength(10), bytes, { start: 11, end: 20 }, hex);

    expect(read.offsets).toEqual([20, 30]);
    expect(none).toMatchObject({ records: [], unitsRead: 0 });
  });

  it('reports what is left after the last whole record', async () => {
    await expect(readSource(fixedLength(100), bytesOf(250))).rejects.toThrow(
      /byte 200: the file ends inside a record: its last 50 bytes are not a record of 100 bytes\. Check that the file is complete/,
    );
  });

  it('reports a file that was truncated at any byte, unless a record ends there', async () => {
    const bytes = bytesOf(40);
    for (let size = 0; size < 40; size += 1) {
      const read = readSource(fixedLength(8), bytes.subarray(0, size));

      if (size % 8 === 0) expect((await read).records).toHaveLength(size / 8);
      else await expect(read).rejects.toMatchObject({ name: 'BadRecordError' });
    }
  });

  it('refuses records larger than the bound, before it holds one', async () => {
    await expect(readSource(fixedLength(20), bytesOf(40), { recordBytesMax: 19 })).rejects.toMatchObject({
      name: 'RecordTooLargeError',
      details: { offsetBytes: 0 },
    });
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 28 + 1, '100', undefined])('refuses a length of %s', (length) => {
    expect(() => fixedLength(length as number)).toThrow(/must be a whole number from 1 to 268435456/);
  });
});
