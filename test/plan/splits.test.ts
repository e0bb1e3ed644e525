import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, LIMITS, MiB } from '../../src/base/limits.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import {
  COMPRESSED_WEIGHT,
  cutSplits,
  defaultReducers,
  defaultSplitSizeBytes,
  type InputToCut,
  inputWeightBytes,
  splitSizing,
} from '../../src/plan/splits.ts';
import type { InputFile } from '../../src/read/input-file.ts';

const TiB = 1024 * GiB;
const TB = 1e12;
/** The large uservisits table of the AMPLab benchmark. */
const AMPLAB_BYTES = 126.8e9;
/** Of any magnitude up to 1 PiB. */
const INPUT_BYTES = fc.double({ min: 0, max: 50, noNaN: true }).map((log2) => Math.floor(2 ** log2));

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
  it('aims at 8 tasks for a small input, then at splits of 64 MiB', () => {
    expect(defaultSplitSizeBytes(0)).toBe(1 * MiB);
    expect(defaultSplitSizeBytes(8 * MiB)).toBe(1 * MiB);
    expect(defaultSplitSizeBytes(256 * MiB)).toBe(32 * MiB);
    expect(defaultSplitSizeBytes(512 * MiB)).toBe(64 * MiB);
    expect(defaultSplitSizeBytes(4 * GiB)).toBe(64 * MiB);
  });

  it('grows with the square root of a large input, up to 4 GiB', () => {
    const inputs = [4 * GiB + 1, 16 * GiB, 62.5 * GiB, AMPLAB_BYTES, 625 * GiB, 1 * TB, 4 * TiB, 10 * TB];

    const sizes = inputs.map((bytes) => defaultSplitSizeBytes(bytes) / MiB);

    expect(sizes).toEqual([128, 128, 256, 512, 1_024, 1_024, 2_048, 4_096]);
    expect(defaultSplitSizeBytes(1_000 * TB)).toBe(4 * GiB);
  });

  it.each([1 * TB, 1 * TiB])('makes about a thousand map tasks of %d bytes', (sizeBytes) => {
    const { splitSizeBytes, compressedWeight } = splitSizing([file('a', sizeBytes)]);

    const splits = cutSplits([inputOf([file('a', sizeBytes)])], {
      splitSizeBytes,
      compressedWeight,
      params: {},
    });

    expect(splits.length).toBeGreaterThan(900);
    expect(splits.length).toBeLessThan(1_100);
  });

  it('never falls as the input grows, is a power of two from 64 MiB on, and stays within its bounds', () => {
    fc.assert(
      fc.property(INPUT_BYTES, INPUT_BYTES, (a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const size = defaultSplitSizeBytes(more);

        expect(size).toBeGreaterThanOrEqual(defaultSplitSizeBytes(less));
        expect(size).toBeGreaterThanOrEqual(1 * MiB);
        expect(size).toBeLessThanOrEqual(LIMITS.splitSizeBytesDefaultMax);
        if (size > LIMITS.splitSizeBytesDefault) expect(Math.log2(size) % 1).toBe(0);
        // From 4 GiB to 16 TiB, between half as many and just as many splits as a split has MiB.
        if (more > 4 * GiB && more <= 16 * TiB) {
          expect(more / size).toBeGreaterThan(size / MiB / 4);
          expect(more / size).toBeLessThanOrEqual(size / MiB);
        }
      }),
    );
  });
});

describe('splitSizing()', () => {
  it('counts a byte of a compressed file as several, so that a task does not get too much to decompress', () => {
    const files = Array.from({ length: 100 }, (_, index) => file(`${index}.gz`, 16 * MiB, 'gzip'));

    const sizing = splitSizing(files);
    const splits = cutSplits([inputOf(files)], { ...sizing, params: {} });

    expect(inputWeightBytes(files)).toBe(6_400 * MiB);
    expect(sizing).toEqual({ splitSizeBytes: 128 * MiB, compressedWeight: COMPRESSED_WEIGHT });
    expect(splits.map(({ pieces }) => pieces.length)).toEqual(Array.from({ length: 50 }, () => 2));
  });

  it('takes the size that was asked for, in bytes as they are stored', () => {
    const files = [file('a.gz', 40, 'gzip'), file('b.gz', 60, 'gzip'), file('c.gz', 1, 'gzip')];

    const splits = cutSplits([inputOf(files)], { ...splitSizing(files, 100), params: {} });

    expect(splits.map(({ pieces }) => pieces.length)).toEqual([2, 1]);
  });
});

describe('defaultReducers()', () => {
  it('returns one part for a small input, and few for one of gigabytes', () => {
    const inputs = [0, 8 * MiB - 1, 8 * MiB, 1_000 * MiB, 2.5 * GiB, 25 * GiB];

    expect(inputs.map(defaultReducers)).toEqual([1, 1, 4, 16, 40, 40]);
  });

  it('grows with the square root of a large input, and with the input above 4 TiB', () => {
    const inputs = [62.5 * GiB, AMPLAB_BYTES, 625 * GiB, 1 * TB, 4 * TiB, 10 * TB, 1_000 * TB];

    expect(inputs.map(defaultReducers)).toEqual([64, 87, 200, 245, 512, 1_165, LIMITS.reducersMax]);
  });

  it('never falls as the input grows, and keeps parts and cells within their sizes', () => {
    fc.assert(
      fc.property(INPUT_BYTES, INPUT_BYTES, (a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const reducers = defaultReducers(more);
        const maps = Math.ceil(more / defaultSplitSizeBytes(more));

        expect(reducers).toBeGreaterThanOrEqual(defaultReducers(less));
        if (reducers === LIMITS.reducersMax) return;
        expect(more / reducers).toBeLessThanOrEqual(8 * GiB);
        // What a map task of a job that emits what it reads writes for each reducer.
        if (more > 512 * MiB) expect(more / maps / reducers).toBeGreaterThanOrEqual(1 * MiB);
      }),
    );
  });
});
