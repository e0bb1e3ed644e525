/** Computes the medians, extremes and ratios of the tables. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** For an even number of values, the median is the mean of the middle two. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('spread: no values');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted[sorted.length - 1]! };
}

/** Our value divided by the peer's. Undefined if the peer's value is 0, which happens for times below a tick of the clock. */
export function ratio(values: { ours: number; peer: number }): number | undefined {
  return values.peer === 0 ? undefined : values.ours / values.peer;
}
