import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distinct, topN } from '../../src/api/aggregate.ts';
import type { JobShuffle, PairwiseCombiner } from '../../src/api/job.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { Codec } from '../../src/codec/codec.ts';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
import { jsonValueCodec } from '../../src/codec/json-value.ts';
import { resolveValueCodec } from '../../src/codec/resolve.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';
import { createFold } from '../../src/fold/value-fold.ts';

function foldOf<T>(codec: Codec<T>, combine: PairwiseCombiner<T>) {
  return createFold({ value: codec, combine } as unknown as JobShuffle, { steps: 0 })!;
}

function folded<T>(codec: Codec<T>, combine: PairwiseCombiner<T>, values: readonly T[]): T {
  const fold = foldOf(codec, combine);
  const sink = new GrowableSink();
  values.forEach((value, i) => {
    sink.reset();
    codec.encode(value, sink);
    if (i === 0) fold.start(sink.bytes, 0, sink.end);
    else fold.add(sink.bytes, 0, sink.end);
  });
  sink.reset();
  fold.writeTo(sink);
  return codec.decode(sink.bytes, 0, sink.end);
}

const text = stringCodec as Codec<string>;
const list = jsonValueCodec as Codec<readonly string[]>;

describe('a fold of values that may grow', () => {
  it('keeps the order of its operands, whatever their sizes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            { weight: 8, arbitrary: fc.string({ maxLength: 40 }) },
            { weight: 1, arbitrary: fc.integer({ min: 200, max: 3_000 }).map((size) => 'x'.repeat(size)) },
          ),
          { minLength: 1, maxLength: 300, size: 'max' },
        ),
        (values) => {
          expect(folded(text, (a, b) => a + b, values)).toBe(values.join(''));
        },
      ),
    );
  });

  it('takes more values after its value was written', () => {
    const fold = foldOf(text, (a, b) => `${a}${b}`);
    const piece = Buffer.from('0123456789'.repeat(30));
    fold.start(piece, 0, piece.length);
    for (let i = 0; i < 10; i++) fold.add(piece, 0, piece.length);
    expect(fold.value).toBe(String(piece).repeat(11));

    for (let i = 0; i < 10; i++) fold.add(piece, 0, piece.length);

    expect(fold.value).toBe(String(piece).repeat(21));
  });

  it.each([
    ['joined texts', 20],
    ['joined long texts', 5_000],
  ])('works on n log n bytes: %s', (_title, sizeBytes) => {
    const pieces = Math.ceil(1_000_000 / sizeBytes);
    let worked = 0;

    const result = folded(
      text,
      (a, b) => {
        worked += a.length + b.length;
        return a + b;
      },
      Array.from({ length: pieces }, () => 'x'.repeat(sizeBytes)),
    );

    expect(result).toHaveLength(pieces * sizeBytes);
    // The tree has about 20 levels, and the leaves add some work. A fold from the left would take pieces / 2 times the
    // total size.
    expect(worked).toBeLessThan(3 * 20 * 1_000_000);
  });

  it('works on n log n elements: distinct(), and a topN() that keeps every value', () => {
    const values = Array.from({ length: 40_000 }, (_, i) => [`line ${String(i).padStart(6, '0')}`]);
    let worked = 0;
    const counting =
      (combine: PairwiseCombiner<readonly string[]>): PairwiseCombiner<readonly string[]> =>
      (a, b) => {
        const merged = combine(a, b);
        worked += merged.length;
        return merged;
      };

    const set = folded(list, counting(distinct<string>()), values);
    const ranked = folded(
      list,
      counting(topN(20_000, (a: string, b: string) => (a < b ? 1 : a > b ? -1 : 0))),
      values,
    );

    expect(set).toEqual(values.flat());
    expect(ranked).toEqual(values.flat().reverse().slice(0, 20_000));
    expect(worked).toBeLessThan(2 * 40_000 * 30);
  });

  it('holds little besides its oldest partial if values are large and do not grow', () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    const alive = new Set<object>();
    let most = 0;
    const codec: Codec<{ text: string }> = {
      name: 'held',
      encode: (value, sink) => text.encode(value.text, sink),
      decode(bytes, start, end) {
        const value = { text: text.decode(bytes, start, end) };
        alive.add(value);
        most = Math.max(most, alive.size);
        return value;
      },
    };

    folded(
      codec,
      (a, b) => {
        alive.delete(b);
        return a;
      },
      Array.from({ length: 100 }, () => ({ text: megabyte })),
    );

    expect(most).toBeLessThanOrEqual(LIMITS.foldPartialsBytesMax / megabyte.length + 3);
  });

  it('folds tuples of numbers one by one from the left', () => {
    const pair = resolveValueCodec(['number', 'number']) as Codec<readonly number[]>;
    const values = Array.from({ length: 200 }, (_, i) => [i + 0.1, 1 / (i + 1)]);
    const calls: number[] = [];

    const result = folded(
      pair,
      (a, b) => {
        calls.push(b[0]!);
        return [a[0]! + b[0]!, a[1]! + b[1]!];
      },
      values,
    );

    expect(calls).toEqual(values.slice(1).map(([first]) => first));
    expect(result).toEqual(values.reduce((a, b) => [a[0]! + b[0]!, a[1]! + b[1]!]));
  });
});

describe('the result of a combiner', () => {
  it.each<[string, Codec<never>, unknown, string]>([
    [
      'nothing',
      list as Codec<never>,
      undefined,
      "combine() returned undefined (undefined); the job's value is of type json. Return the combined value",
    ],
    [
      'a number among texts',
      text as Codec<never>,
      5,
      "combine() returned 5 (number); the job's value is of type string",
    ],
    [
      'a promise',
      list as Codec<never>,
      () => Promise.reject(new Error('late')),
      "combine() returned a promise; it must be synchronous. Remove 'async'",
    ],
    [
      'a promise among texts',
      text as Codec<never>,
      () => Promise.resolve('x'),
      'combine() returned a promise',
    ],
    [
      'a set',
      list as Codec<never>,
      new Set(['a']),
      'combine() returned a value that the job cannot encode: json cannot hold',
    ],
    [
      'a generator',
      list as Codec<never>,
      (function* () {})(),
      'combine() returned a value that the job cannot encode: json cannot hold',
    ],
    [
      'a tuple that is too short',
      resolveValueCodec(['number', 'number']) as Codec<never>,
      [1],
      'combine() returned a value that the job cannot encode',
    ],
    [
      'a big integer',
      resolveValueCodec('number') as Codec<never>,
      1n,
      "combine() returned 1n (bigint); the job's value is a number",
    ],
  ])('must not be %s', (_title, codec, returned, message) => {
    const values: unknown =
      codec === text
        ? ['a', 'b']
        : codec.name === 'number'
          ? [1, 2]
          : codec === list
            ? [['a'], ['b']]
            : [
                [1, 2],
                [3, 4],
              ];

    const running = () =>
      folded(
        codec,
        () => (typeof returned === 'function' ? returned() : returned) as never,
        values as readonly never[],
      );

    expect(running).toThrow(message);
    expect(running).toThrow(expect.objectContaining({ details: { phase: 'combine' } }));
  });
});
