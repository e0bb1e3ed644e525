/** How much longer the slowest of several takes than the median, for delays that are log-normal. */
import type { Fact } from './facts.ts';

/** The 95th percentile of the normal distribution. */
const Z95 = 1.645;
/** The expected maximum of 2^i standard normal variables. */
const EXPECTED_MAXIMA = [
  0, 0.564, 1.029, 1.424, 1.766, 2.07, 2.343, 2.594, 2.824, 3.037, 3.241, 3.43, 3.61, 3.78,
];

/**
 * The factor from the median to the slowest of `count`. As in the simulation, a fact's value is the median, and its bad case
 * is the 95th percentile.
 */
export function slowestFactor({ value, high = value }: Fact, count: number): number {
  const doublings = Math.min(Math.log2(Math.max(1, count)), EXPECTED_MAXIMA.length - 1);
  const below = Math.floor(doublings);
  const z = EXPECTED_MAXIMA[below]!;
  const next = EXPECTED_MAXIMA[below + 1] ?? z;
  return Math.max(1, high / value) ** ((z + (next - z) * (doublings - below)) / Z95);
}
