/**
 * Ready-made combiners beyond 'sum', 'min' and 'max', and the range partitioner.
 *
 * Each combiner folds two values of one key into one and is associative, so it gives the same result however the
 * engine groups the calls; used as `combine` with `reduce: 'combined'`. None changes its arguments.
 */
import { MapReduceError } from '../base/errors.ts';
import type { PairwiseCombiner, RangePartitioner } from './job.ts';

/** Negative: `a` comes first; 0: neither does; positive: `b` comes first. As for Array.prototype.sort. */
export type Compare<T> = (a: T, b: T) => number;

/**
 * The n first by `compare`, of values that are lists: `map` emits lists of one. Of equals, those emitted earlier stay.
 * Lists have to be sorted by `compare`, which lists of one are.
 *
 * @example
 * value: json<readonly { word: string; count: number }[]>(),
 * map: ({ word, count }, { emit }) => emit('top', [{ word, count }]),
 * combine: topN(3, (a, b) => b.count - a.count),
 * reduce: 'combined',
 */
export function topN<T>(n: number, compare: Compare<T>): PairwiseCombiner<readonly T[]> {
  if (!Number.isInteger(n) || n < 1)
    throw misuse(`topN(n, compare): n is a whole number from 1 up; received ${n}`);
  if (typeof compare !== 'function') {
    throw misuse('topN(n, compare): compare is a function (a, b) that answers a number, as for Array.sort');
  }
  return (accumulated, value) => {
    // Most values do not make it into a full list: told by one comparison.
    if (accumulated.length >= n && (value.length === 0 || compare(accumulated[n - 1], value[0]) <= 0)) {
      return accumulated.length === n ? accumulated : accumulated.slice(0, n);
    }
    return mergeFirst(accumulated, value, { compare, lengthMax: n });
  };
}

/**
 * The distinct strings or numbers of values that are lists, ascending (strings by UTF-16 code unit, as `<` has it).
 * `map` emits lists of one. Keeps them all: for sets that fit memory.
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
      const takeA = b === value.length || (a < accumulated.length && accumulated[a] <= value[b]);
      const next = takeA ? accumulated[a++] : value[b++];
      if (merged.length === 0 || merged[merged.length - 1] !== next) merged.push(next);
    }
    return merged;
  };
}

/**
 * The value that was emitted first, in the order of the input.
 *
 * @example
 * combine: first(),
 * reduce: 'combined',
 */
export function first<T>(): PairwiseCombiner<T> {
  return (accumulated) => accumulated;
}

/**
 * The value that was emitted last, in the order of the input.
 *
 * @example
 * combine: last(),
 * reduce: 'combined',
 */
export function last<T>(): PairwiseCombiner<T> {
  return (_accumulated, value) => value;
}

/**
 * Parts that hold ascending, disjoint ranges of keys, so that the parts one after another are sorted as a whole. The
 * boundaries come from a sample of the input, of at most `samplesMax` keys.
 *
 * @example
 * partition: byRange(),
 */
export function byRange({ samplesMax = SAMPLES_MAX_DEFAULT }: ByRangeOptions = {}): RangePartitioner {
  if (!Number.isInteger(samplesMax) || samplesMax < 1) {
    throw misuse(`byRange({ samplesMax }): samplesMax is a whole number from 1 up; received ${samplesMax}`);
  }
  return { kind: 'range', samplesMax };
}

export interface ByRangeOptions {
  /**
   * How many keys to sample. Default 100,000: parts of unique keys then differ by a few per cent in size. The sample is of
   * the whole input; of compressed files, of their first 1 GiB of plain bytes in all. Where there is more, the report says
   * so, and parts may differ much.
   */
  readonly samplesMax?: number;
}

const SAMPLES_MAX_DEFAULT = 100_000;

interface MergeOptions<T> {
  readonly compare: Compare<T>;
  readonly lengthMax: number;
}

/** Merges two sorted lists, `a` first among equals, and stops at lengthMax. */
function mergeFirst<T>(a: readonly T[], b: readonly T[], { compare, lengthMax }: MergeOptions<T>): T[] {
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (merged.length < lengthMax && (i < a.length || j < b.length)) {
    const takeA = j === b.length || (i < a.length && compare(a[i], b[j]) <= 0);
    merged.push(takeA ? a[i++] : b[j++]);
  }
  return merged;
}

function misuse(message: string): MapReduceError {
  return new MapReduceError('JobDefinitionError', message);
}
