/**
 * Named sums that a job keeps beside its output: the engine's own (`records.read`, ...) and what user code counts with
 * `context.count('bad lines')`. An attempt counts for itself; only committed attempts are added up.
 */
export type Counters = Record<string, number>;

/** Without a prototype: any name is free, '__proto__' too. */
export function newCounters(): Counters {
  return Object.create(null) as Counters;
}

export function addCounters(total: Counters, more: Counters): Counters {
  for (const [name, amount] of Object.entries(more)) {
    const sum = (Object.hasOwn(total, name) ? total[name] : 0) + amount;
    // Infinity would be null in JSON, and the manifest no manifest.
    total[name] = Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, sum));
  }
  return total;
}

/** Sorted by name, so that the same counts are the same bytes. */
export function sortedCounters(counters: Counters): Counters {
  return Object.fromEntries(Object.entries(counters).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
