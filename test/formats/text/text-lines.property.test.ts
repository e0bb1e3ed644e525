import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { naiveLines, parsePiece, piecesFromCuts, randomCuts, randomText } from '../line-oracle.ts';
import { PROPERTY_RUNS as RUNS } from '../property-runs.ts';

const chunkSizesOf = (max: number) => fc.array(fc.integer({ min: 1, max }), { minLength: 1, maxLength: 4 });

describe('textLines() against a naive split, for random text, cuts and chunks', () => {
  it('delivers each line once and in order, with its offset, and owns each byte once', () => {
    fc.assert(
      fc.property(
        randomText,
        randomCuts,
        chunkSizesOf(40),
        fc.constantFrom('utf8' as const, 'latin1' as const),
        (bytes, cuts, chunkSizes, encoding) => {
          const pieces = piecesFromCuts(bytes.length, cuts);

          const parsed = pieces.map((piece) => parsePiece(encoding, bytes, { ...piece, chunkSizes }));

          expect(parsed.flatMap(({ lines }) => lines)).toEqual(naiveLines(bytes, encoding));
          expect(parsed.reduce((sum, { ownedBytes }) => sum + ownedBytes, 0)).toBe(bytes.length);
          for (const [index, { lines }] of parsed.entries()) {
            const { start, end } = pieces[index]!;
            expect(lines.every(({ offsetBytes }) => offsetBytes >= start && offsetBytes < end)).toBe(true);
          }
        },
      ),
      RUNS,
    );
  });

  it('delivers the same lines when each chunk is decoded in several blocks', () => {
    const randomLine = fc.record({
      length: fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 0, max: 200 }) },
        { weight: 3, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: 40_000, max: 120_000 }) },
      ),
      fill: fc.constantFrom('x', 'é', '漢', '\xff'),
      end: fc.constantFrom('\n', '\r\n'),
    });
    fc.assert(
      fc.property(
        fc.array(randomLine, { maxLength: 12, size: 'max' }),
        randomCuts,
        chunkSizesOf(300_000),
        fc.integer({ min: 1, max: 5 }),
        (shapes, cuts, chunkSizes, askEvery) => {
          const bytes = Buffer.concat(
            shapes.map(({ length, fill, end }) => {
              const encoding = fill === '\xff' ? 'latin1' : 'utf8';
              return Buffer.from(fill.repeat(length / Buffer.byteLength(fill, encoding)) + end, encoding);
            }),
          );
          const sizes = chunkSizes.map((size) => size + 1000);
          let failures = 0;

          const parsed = piecesFromCuts(bytes.length, cuts.slice(0, 3)).map((piece) =>
            parsePiece('utf8', bytes, {
              ...piece,
              chunkSizes: sizes,
              askOffset: (line) => line % askEvery === 0,
            }),
          );

          const lines = parsed.flatMap((piece) => piece.lines);
          const expected = naiveLines(bytes);
          expect(lines.length).toBe(expected.length);
          for (const [index, { text, offsetBytes }] of lines.entries()) {
            if (text !== expected[index]!.text) failures += 1;
            if (offsetBytes !== -1 && offsetBytes !== expected[index]!.offsetBytes) failures += 1;
          }
          expect(failures).toBe(0);
          expect(parsed.reduce((sum, { ownedBytes }) => sum + ownedBytes, 0)).toBe(bytes.length);
        },
      ),
      RUNS,
    );
  });

  it('refuses exactly the texts with a line longer than the bound', () => {
    fc.assert(
      fc.property(
        randomText,
        chunkSizesOf(60),
        fc.integer({ min: 3, max: 30 }),
        (bytes, chunkSizes, recordBytesMax) => {
          const tooLong = naiveLines(bytes, 'latin1').find(({ text }) => text.length > recordBytesMax);
          const parse = () =>
            parsePiece('latin1', bytes, {
              start: 0,
              end: bytes.length,
              chunkSizes,
              recordBytesMax,
            });

          if (tooLong === undefined) {
            expect(parse).not.toThrow();
          } else {
            expect(parse).toThrow(
              expect.objectContaining({
                name: 'RecordTooLargeError',
                details: { offsetBytes: tooLong.offsetBytes },
              }),
            );
          }
        },
      ),
      RUNS,
    );
  });
});
