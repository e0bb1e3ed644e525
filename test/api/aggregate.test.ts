import fc from 'fast-check';
import { expect, expectTypeOf, test } from 'vitest';
import { byRange, distinct, first, last, sumOf, topN } from '../../src/api/aggregate.ts';
import type { PairwiseCombiner } from '../../src/api/job.ts';
import { RUNS } from '../codec/laws.ts';

interface Scored {
  readonly score: number;
  readonly id: number;
}

/** Few scores, so that ties are common; ids distinguish equal scores. */
const scored: fc.Arbitrary<Scored[]> = fc
  .array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 30 })
  .map((scores) => scores.map((score, id) => ({ score, id })));
const byScore = (a: Scored, b: Scored) => b.score - a.score;

/** Folds the values in order, grouped by `cut`: every grouping must give the same result. */
function foldGrouped<V>(
  values: readonly V[],
  combine: PairwiseCombiner<V>,
  cut: (length: number) => number,
): V {
  if (values.length === 1) return values[0]!;
  const at = cut(values.length);
  return combine(foldGrouped(values.slice(0, at), combine, cut), foldGrouped(values.slice(at), combine, cut));
}

/** Returns a place in [1, length) to cut a list at. */
const anyCut = fc.infiniteStream(fc.nat()).map((stream) => (length: number) => {
  const { value } = stream.next();
  return 1 + (Number(value) % (length - 1));
});

test('topN keeps what sorting everything would put first, however the values are grouped', () => {
  fc.assert(
    fc.property(scored, fc.integer({ min: 1, max: 8 }), anyCut, (values, n, cut) => {
      const lists = values.map((value) => [value] as readonly Scored[]);

      const kept = foldGrouped(lists, topN(n, byScore), cut);

      expect(kept).toEqual(values.toSorted(byScore).slice(0, n));
    }),
    RUNS,
  );
});

test('topN does not change its arguments', () => {
  const a = Object.freeze([{ score: 3, id: 1 }]);
  const b = Object.freeze([{ score: 4, id: 2 }]);

  expect(topN<Scored>(2, byScore)(a, b)).toEqual([b[0], a[0]]);
});

test('topN refuses an invalid n or compare', () => {
  expect(() => topN(0, () => 0)).toThrow('n must be a whole number of at least 1; received 0');
  expect(() => topN(1.5, () => 0)).toThrow('received 1.5');
  expect(() => topN(1, undefined as never)).toThrow('compare must be a function');
});

test('distinct keeps one of each, ascending, however the values are grouped', () => {
  const anyValues = fc.oneof(
    fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 30 }),
    fc.array(fc.constantFrom('a', 'b', 'ab', '', 'é'), { minLength: 1, maxLength: 30 }),
  ) as fc.Arbitrary<(string | number)[]>;

  fc.assert(
    fc.property(anyValues, anyCut, (values, cut) => {
      const lists = values.map((value) => [value] as readonly (string | number)[]);

      const kept = foldGrouped(lists, distinct(), cut);

      expect(kept).toEqual([...new Set(values)].sort((a, b) => (a < b ? -1 : 1)));
    }),
    RUNS,
  );
});

test('first and last keep the value emitted first and last, however the values are grouped', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 30 }), anyCut, (values, cut) => {
      expect(foldGrouped(values, first(), cut)).toBe(values[0]);
      expect(foldGrouped(values, last(), cut)).toBe(values[values.length - 1]);
    }),
    RUNS,
  );
});

test('byRange samples as many keys as it is asked to', () => {
  expect(byRange({ samplesMax: 5 })).toEqual({ kind: 'range', samplesMax: 5 });
  expect(byRange().kind).toBe('range');
  expect(() => byRange({ samplesMax: 0 })).toThrow(
    'samplesMax must be a whole number of at least 1; received 0',
  );
});

test('sumOf adds up numbers, and tuples column by column, without changing them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer(), fc.integer(), fc.integer()), { minLength: 1 }), (tuples) => {
      for (const tuple of tuples) Object.freeze(tuple);

      const sums = [0, 1, 2].map((column) => tuples.reduce((sum, tuple) => sum + tuple[column]!, 0));
      expect(sumOf(tuples)).toEqual(sums);
      expect(sumOf(tuples.map(([first]) => first).values())).toBe(sums[0]);
    }),
    RUNS,
  );
  expectTypeOf(sumOf([[1, 2] as const])).toExtend<readonly [number, number]>();
  expectTypeOf(sumOf([1] as Iterable<number>)).toEqualTypeOf<number>();
});
