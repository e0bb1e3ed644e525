/**
 * Named sums that a job reports in addition to its output: those that user code counts with `context.count('bad lines')`.
 * Each attempt counts separately; only the counters of committed attempts are added up.
 */
export type Counters = Record<string, number>;

/** The object has no prototype, so that any name can be a counter, '__proto__' too. */
export function newCounters(): Counters {
  return Object.create(null);
}

export function addCounters(total: Counters, more: Counters): Counters {
  for (const [name, amount] of Object.entries(more)) {
    const sum = (Object.hasOwn(total, name) ? total[name]! : 0) + amount;
    // Infinity would be null in JSON, which would make the manifest invalid.
    total[name] = Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, sum));
  }
  return total;
}

/** Sorts counters by name, so that equal counters give equal bytes. */
export function sortedCounters(counters: Counters): Counters {
  return Object.fromEntries(Object.entries(counters).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
