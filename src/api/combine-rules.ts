/**
 * Which `combine` goes with which `reduce`. How many values of a key are combined before reduce sees them depends on
 * splits, memory and spills: a pair is allowed where the result does not.
 *
 *     reduce        combine: none   'sum'   'min'   'max'   a function (topN(), distinct(), ... too)
 *     'sum'             yes          yes      -       -       -    sums of partials are sums of all values only if
 *     'min'             yes           -      yes      -       -    partials were made by the same function; of one of
 *     'max'             yes           -       -      yes      -    the user's, nobody knows
 *     'count'           yes           -       -       -       -    would count partials
 *     'each'            yes           -       -       -       -    would emit partials
 *     'combined'         -           yes     yes     yes     yes   takes the combiner itself
 *     a function        yes          yes     yes     yes     yes   the user's: it must take partials for values
 */
import type { NamedReducer } from './job.ts';

/** The named reducers that a job with this combiner may have; of a job without one, all but 'combined'. */
export function reducersBeside(combine: unknown): readonly NamedReducer[] {
  if (combine === undefined) return ['sum', 'min', 'max', 'count', 'each'];
  if (combine === 'sum' || combine === 'min' || combine === 'max') return [combine, 'combined'];
  return ['combined'];
}

/** Why the pair depends on the splits; undefined where it is allowed. */
export function whyPairIsRefused(combine: unknown, reduce: unknown): string | undefined {
  if (typeof reduce === 'function' || reducersBeside(combine).includes(reduce as NamedReducer))
    return undefined;
  switch (reduce) {
    case 'combined':
      return "'combined' folds by the job's combine, which is missing";
    case 'each':
      return 'would merge values that each must emit unchanged';
    case 'count':
      return 'would merge values that count must count one by one';
    default:
      return `would give reduce: '${String(reduce)}' partial results that it was not made for, so that the result would depend on the splits`;
  }
}
