import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import { cutSplits, defaultSplitSizeBytes, type InputToCut } from '../../src/plan/splits.ts';
import type { InputFile } from '../../src/read/input-file.ts';

function file(key: string, sizeBytes: number, compression: InputFile['compression'] = 'none'): InputFile {
  return { key, sizeBytes, etag: `etag of ${key}`, compression };
}

function inputOf(files: InputFile[], splittable = true): InputToCut {
  return { source: { ...textLines(), cuts: splittable ? 'anywhere' : 'between files' }, files };
}

function shape(files: InputFile[], { splitSizeBytes = 100, splittable = true } = {}): string[] {
  return cutSplits([inputOf(files, splittable)], { splitSizeBytes, params: {} }).map(({ pieces }) =>
    pieces.map((piece) => `${piece.file.key}[${piece.startBytes},${piece.endBytes})`).join(' '),
  );
}

describe('cutSplits()', () => {
  it('cuts a large file and adds a tiny rest to the last piece', () => {
    expect(shape([file('a', 250)])).toEqual(['a[0,100)', 'a[100,200)', 'a[200,250)']);
    expect(shape([file('a', 210)])).toEqual(['a[0,100)', 'a[100,210)']);
    expect(shape([file('a', 211)])).toEqual(['a[0,100)', 'a[100,200)', 'a[200,211)']);
    expect(shape([file('a', 110)])).toEqual(['a[0,110)']);
  });

  it('packs consecutive small files and tails until the split is full', () => {
    expect(shape([file('a', 130), file('b', 40), file('c', 30), file('d', 1)])).toEqual([
      'a[0,100)',
      'a[100,130) b[0,40) c[0,30)',
      'd[0,1)',
    ]);
  });

  it('does not cut compressed files, or files of a format that is not splittable', () => {
    expect(shape([file('a.gz', 500, 'gzip'), file('b', 10)])).toEqual(['a.gz[0,500)', 'b[0,10)']);
    expect(shape([file('a', 500), file('b', 150)], { splittable: false })).toEqual(['a[0,500)', 'b[0,150)']);
  });

  it('makes no splits for an empty input', () => {
    expect(shape([])).toEqual([]);
    expect(shape([file('a', 0), file('b', 0)])).toEqual([]);
    expect(shape([file('a', 0), file('b', 5), file('c', 0)])).toEqual(['b[0,5)']);
  });

  it('bounds the pieces of one split', () => {
    const files = Array.from({ length: LIMITS.piecesPerSplitMax + 1 }, (_, index) => file(`f${index}`, 1));

    const splits = cutSplits([inputOf(files)], { splitSizeBytes: 1 * MiB, params: {} });

    expect(splits.map(({ pieces }) => pieces.length)).toEqual([LIMITS.piecesPerSplitMax, 1]);
  });

  it('covers each byte exactly once, in order, for any files and split size', () => {
    const randomFile = fc.record({
      sizeBytes: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 0, max: 5_000 }),
      ),
      compression: fc.constantFrom('none' as const, 'none' as const, 'gzip' as const, 'zstd' as const),
    });
    fc.assert(
      fc.property(
        fc.array(randomFile, { maxLength: 20, size: 'max' }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.boolean(),
        (shapes, splitSizeBytes, splittable) => {
          const files = shapes.map(({ sizeBytes, compression }, index) =>
            file(`f${index}`, sizeBytes, compression),
          );

          const splits = cutSplits([inputOf(files, splittable)], { splitSizeBytes, params: {} });

          const pieces = splits.flatMap((split) => split.pieces);
          const expected = files.filter(({ sizeBytes }) => sizeBytes > 0 || !splittable);
          let at = 0;
          let offset = 0;
          for (const piece of pieces) {
            expect([piece.file.key, piece.startBytes]).toEqual([expected[at]!.key, offset]);
            expect(piece.endBytes).toBeGreaterThanOrEqual(piece.startBytes + (splittable ? 1 : 0));
            offset = piece.endBytes;
            if (offset !== piece.file.sizeBytes) {
              expect(splittable && piece.file.compression === 'none').toBe(true);
              continue;
            }
            at += 1;
            offset = 0;
          }
          expect(at).toBe(expected.length);
          for (const split of splits) {
            const bytes = split.pieces.reduce((sum, piece) => sum + piece.endBytes - piece.startBytes, 0);
            const uncut = split.pieces.length === 1;
            expect(
              bytes <= splitSizeBytes * (uncut ? 1.1 : 1) || split.pieces[0]!.file.sizeBytes === bytes,
            ).toBe(true);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([0, -1, 1.5, Number.NaN, LIMITS.splitSizeBytesMax + 1])(
    'refuses a split size of %d',
    (splitSizeBytes) => {
      expect(() => cutSplits([], { splitSizeBytes, params: {} })).toThrow(
        new RegExp(`the split size must be a whole number from 1 to .* bytes; received ${splitSizeBytes}`),
      );
    },
  );
});

describe('defaultSplitSizeBytes()', () => {
  it('aims at 8 tasks, with splits from 1 MiB to 64 MiB', () => {
    expect(defaultSplitSizeBytes(0)).toBe(1 * MiB);
    expect(defaultSplitSizeBytes(8 * MiB)).toBe(1 * MiB);
    expect(defaultSplitSizeBytes(256 * MiB)).toBe(32 * MiB);
    expect(defaultSplitSizeBytes(100_000 * MiB)).toBe(64 * MiB);
  });
});
