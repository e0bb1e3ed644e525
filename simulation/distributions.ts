/** Random delays, from numbers in [0, 1). */
import type { Fact } from '../src/aws/model/facts.ts';

/** The 95th percentile of the normal distribution. */
const Z95 = 1.645;

/** A log-normal distribution by two of its quantiles. Latencies of networks and services have about this form. */
export class LogNormal {
  readonly #median: number;
  readonly #sigma: number;

  constructor({ median, p95 }: { readonly median: number; readonly p95: number }) {
    this.#median = median;
    this.#sigma = median > 0 ? Math.log(p95 / median) / Z95 : 0;
  }

  next(random: () => number): number {
    // Box and Muller's transform.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return this.#median * Math.exp(this.#sigma * normal);
  }
}

/** For a figure that has a range: its value is the median, and the end of the range the 95th percentile. */
export function distributionOf({ value, low = value, high = value }: Fact): LogNormal {
  return new LogNormal({ median: value, p95: Math.max(low, high, value) });
}
