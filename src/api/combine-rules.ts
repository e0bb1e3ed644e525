/**
 * Which `combine` may stand with which `reduce`. How many values of a key are combined before reduce sees them depends
 * on splits, memory and spills. A pair is allowed only if its result does not depend on them.
 *
 *     reduce        combine: none   'sum'   'min'   'max'   a function (topN(), distinct(), ... too)
 *     'sum'             yes          yes      -       -       -    the reducer can merge partial results only if the
 *     'min'             yes           -      yes      -       -    same function made them; what the user's function
 *     'max'             yes           -       -      yes      -    makes is unknown
 *     'count'           yes           -       -       -       -    would count partial results
 *     'each'            yes           -       -       -       -    would emit partial results
 *     'combined'         -           yes     yes     yes     yes   uses the combiner itself
 *     a function        yes          yes     yes     yes     yes   the user's: it must accept partial results as values
 */
import type { NamedReducer } from './job.ts';

/** The named reducers that a job with this combiner may have. Without a combiner: all except 'combined'. */
export function reducersBeside(combine: unknown): readonly NamedReducer[] {
  if (combine === undefined) return ['sum', 'min', 'max', 'count', 'each'];
  if (combine === 'sum' || combine === 'min' || combine === 'max') return [combine, 'combined'];
  return ['combined'];
}

/** Why the result of the pair would depend on the splits; undefined if the pair is allowed. */
export function whyPairIsRefused(combine: unknown, reduce: unknown): string | undefined {
  if (typeof reduce === 'function' || reducersBeside(combine).some((reducer) => reducer === reduce)) {
    return undefined;
  }
  switch (reduce) {
    case 'combined':
      return "'combined' folds the values with the job's combine, which is missing";
    case 'each':
      return "would merge values that 'each' must emit unchanged";
    case 'count':
      return "would merge values that 'count' must count one by one";
    default:
      return `would give reduce: '${String(reduce)}' the partial results of another function, so the result would depend on the splits`;
  }
}
