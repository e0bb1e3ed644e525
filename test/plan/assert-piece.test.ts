import { describe, expect, test } from 'vitest';
import type { Piece, PlainJson } from '../../src/formats/source.ts';
import { assertCovered, generatedPiece, pieceOfFile } from '../../src/plan/assert-piece.ts';

const BYTES = { name: 'mine', counts: 'bytes' } as const;
const RECORDS = { name: 'mine', counts: 'records' } as const;
const FILE = { file: 'in/a', sizeBytes: 10 };

describe('the pieces of a file', () => {
  test.each([
    [{ startBytes: 4, endBytes: 10 }, 'leave bytes out'],
    [{ startBytes: 1, endBytes: 10 }, 'do not follow each other'],
    [{ startBytes: 2, endBytes: 11 }, 'do not follow each other'],
    [{ startBytes: 2, endBytes: 2.5 }, 'do not follow each other'],
    [{ startBytes: 2, endBytes: 10, records: 3 }, 'have records, although it counts bytes'],
  ])('of a format that counts bytes: %j is refused', (piece, rule) => {
    expect(() => pieceOfFile(piece, BYTES, { ...FILE, start: 2 })).toThrow(rule);
  });

  test('of a format that counts records may leave bytes out, but have a number of records', () => {
    const piece = { startBytes: 4, endBytes: 6, records: 3 };

    expect(pieceOfFile(piece, RECORDS, { ...FILE, start: 2 })).toEqual(piece);
    expect(() => pieceOfFile({ startBytes: 4, endBytes: 6 }, RECORDS, { ...FILE, start: 2 })).toThrow(
      'have no records',
    );
    expect(() => assertCovered(RECORDS, { ...FILE, end: 6 })).not.toThrow();
  });

  test('must end where the file ends if bytes are counted', () => {
    expect(() => assertCovered(BYTES, { ...FILE, end: 8 })).toThrow('end at byte 8');
    expect(() => assertCovered(BYTES, { ...FILE, end: 10 })).not.toThrow();
  });

  test('have no other fields, which could be mistaken for those of the engine', () => {
    const piece = { startBytes: 0, endBytes: 10, hint: [1], input: 7 };

    expect(pieceOfFile(piece, BYTES, { ...FILE, start: 0 })).toEqual({
      startBytes: 0,
      endBytes: 10,
      hint: [1],
    });
  });

  test.each([new Date(0), 10n, Number.NaN, () => 1, new Uint8Array(1), { a: undefined }])(
    'have a hint of plain JSON: %s is refused',
    (hint) => {
      // The cast: a job may run without having been compiled.
      const piece = { startBytes: 0, endBytes: 10, hint: hint as unknown as PlainJson };

      expect(() => pieceOfFile(piece, BYTES, { ...FILE, start: 0 })).toThrow('is not plain JSON');
    },
  );
});

test.each<Piece>([
  { startBytes: 0, endBytes: 0 },
  { startBytes: 0, endBytes: 0, records: -1 },
  { startBytes: 0, endBytes: 9, records: 1 },
])('the generated piece %j is refused', (piece) => {
  expect(() => generatedPiece(piece, RECORDS)).toThrow('generated a piece of bytes');
});
