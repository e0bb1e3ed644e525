/**
 * Ready-made combiners beyond 'sum', 'min' and 'max', a sum for reduce functions, and the range partitioner.
 *
 * Each combiner folds two values of one key into one and is associative, so it gives the same result however the
 * engine groups the calls. They are used as `combine` with `reduce: 'combined'`. None changes its arguments.
 */
import { MapReduceError } from '../base/errors.ts';
import type { PairwiseCombiner, RangePartitioner } from './job.ts';

/** Orders two items, as for Array.prototype.sort: negative if `a` comes first, positive if `b` does, 0 if they are equal. */
export type Compare<T> = (a: T, b: T) => number;

/**
 * A combiner that keeps the first `n` items by `compare`. Values are lists that are sorted by `compare`; `map` emits lists
 * of one item. Of equal items, those emitted earlier are kept.
 *
 * @param n  a whole number of at least 1
 * @throws JobDefinitionError for another `n`, or a `compare` that is not a function
 *
 * @example
 * value: json<readonly { word: string; count: number }[]>(),
 * map: ({ word, count }, { emit }) => emit('top', [{ word, count }]),
 * combine: topN(3, (a, b) => b.count - a.count),
 * reduce: 'combined',
 */
export function topN<T>(n: number, compare: Compare<T>): PairwiseCombiner<readonly T[]> {
  if (!Number.isInteger(n) || n < 1)
    throw misuse(`topN(n, compare): n must be a whole number of at least 1; received ${n}`);
  if (typeof compare !== 'function') {
    throw misuse(
      `topN(n, compare): compare must be a function (a, b) that returns a number, as for Array.sort; received ${typeof compare}`,
    );
  }
  return (accumulated, value) => {
    // Most values do not make it into a full list, which one comparison shows.
    if (accumulated.length >= n && (value.length === 0 || compare(accumulated[n - 1]!, value[0]!) <= 0)) {
      return accumulated.length === n ? accumulated : accumulated.slice(0, n);
    }
    return mergeFirst(accumulated, value, { compare, lengthMax: n });
  };
}

/**
 * A combiner that keeps each distinct string or number once. Values are ascending lists (strings ordered by UTF-16 code
 * unit, as `<` does); `map` emits lists of one item. The set of each key must fit in memory.
 *
 * @example
 * value: json<readonly string[]>(),
 * map: (line, { emit, file }) => emit(wordOf(line), [file]),
 * combine: distinct(),
 * reduce: 'combined',
 */
export function distinct<T extends string | number>(): PairwiseCombiner<readonly T[]> {
  return (accumulated, value) => {
    const merged: T[] = [];
    let a = 0;
    let b = 0;
    while (a < accumulated.length || b < value.length) {
      const takeA = b === value.length || (a < accumulated.length && accumulated[a]! <= value[b]!);
      const next = takeA ? accumulated[a++]! : value[b++]!;
      if (merged.length === 0 || merged[merged.length - 1] !== next) merged.push(next);
    }
    return merged;
  };
}

/**
 * A combiner that keeps the value emitted first, in the order of the input.
 *
 * @example
 * combine: first(),
 * reduce: 'combined',
 */
export function first<T>(): PairwiseCombiner<T> {
  return (accumulated) => accumulated;
}

/**
 * A combiner that keeps the value emitted last, in the order of the input.
 *
 * @example
 * combine: last(),
 * reduce: 'combined',
 */
export function last<T>(): PairwiseCombiner<T> {
  return (_accumulated, value) => value;
}

/**
 * Adds up the values of a key, tuples column by column: what `reduce: 'sum'` does, for a `reduce` function that makes rows of
 * the sums.
 *
 * @example
 * value: ['number', 'number'],
 * combine: 'sum',
 * reduce(user, values, { emit }) {
 *   const [requests, bytes] = sumOf(values);
 *   emit(null, { user, requests, bytes, mean: bytes / requests });
 * },
 */
export function sumOf<V extends number | readonly number[]>(values: Iterable<V>): V {
  let sum = 0;
  let sums: number[] | undefined;
  for (const value of values as Iterable<number | readonly number[]>) {
    if (typeof value === 'number') sum += value;
    else if (sums === undefined) sums = [...value];
    else for (let i = 0; i < sums.length; i++) sums[i]! += value[i]!;
  }
  // All values of a key have the job's type, and a key has at least one.
  return (sums ?? sum) as V;
}

/**
 * A partitioner whose parts hold ascending, disjoint ranges of keys, so that the parts in order are sorted as a whole. The
 * boundaries come from a sample of the input, of at most `samplesMax` keys, taken while the job is planned.
 *
 * @throws JobDefinitionError for a `samplesMax` that is not a whole number of at least 1
 *
 * @example
 * partition: byRange(),
 */
export function byRange({ samplesMax = SAMPLES_MAX_DEFAULT }: ByRangeOptions = {}): RangePartitioner {
  if (!Number.isInteger(samplesMax) || samplesMax < 1) {
    throw misuse(
      `byRange({ samplesMax }): samplesMax must be a whole number of at least 1; received ${samplesMax}`,
    );
  }
  return { kind: 'range', samplesMax };
}

/** Options of `byRange()`. */
export interface ByRangeOptions {
  /**
   * How many keys to sample at most. Default: 100,000, with which parts of unique keys differ by a few per cent in size.
   * The sample covers the whole input, but only the first 1 GiB of uncompressed bytes of all compressed files together. If
   * there is more, the report says so, and the sizes of parts may differ widely.
   */
  readonly samplesMax?: number;
}

const SAMPLES_MAX_DEFAULT = 100_000;

interface MergeOptions<T> {
  readonly compare: Compare<T>;
  readonly lengthMax: number;
}

/** Merges two sorted lists up to `lengthMax` items; of equal items, those of `a` come first. */
function mergeFirst<T>(a: readonly T[], b: readonly T[], { compare, lengthMax }: MergeOptions<T>): T[] {
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (merged.length < lengthMax && (i < a.length || j < b.length)) {
    const takeA = j === b.length || (i < a.length && compare(a[i]!, b[j]!) <= 0);
    merged.push(takeA ? a[i++]! : b[j++]!);
  }
  return merged;
}

function misuse(message: string): MapReduceError {
  return new MapReduceError('JobDefinitionError', message);
}
