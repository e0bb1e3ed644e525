/**
 * How long a stage takes, in closed form: its tasks are alike, a bounded number of them runs at once, and all of them
 * share the rate of S3.
 */

/** A function's network: a burst at a higher speed, then a steady speed. */
export interface Network {
  readonly burstBytes: number;
  readonly burstBytesPerSecond: number;
  readonly bytesPerSecond: number;
}

export function transferSeconds(bytes: number, network: Network): number {
  const burst = Math.min(bytes, network.burstBytes);
  return burst / network.burstBytesPerSecond + (bytes - burst) / network.bytesPerSecond;
}

/** What passes the network in its first second. */
export function firstSecondBytes({ burstBytes, burstBytesPerSecond, bytesPerSecond }: Network): number {
  const burstSeconds = Math.min(1, burstBytes / burstBytesPerSecond);
  return burstSeconds * burstBytesPerSecond + (1 - burstSeconds) * bytesPerSecond;
}

/** A rate that S3 raises under load: it splits the prefix, again and again. */
export interface GrowingRate {
  readonly perSecond: number;
  readonly growthPerSecondSquared: number;
}

/** How long so many requests take at that rate: the t of requests = rate * t + growth * t * t / 2. */
export function requestSeconds(
  requests: number,
  { perSecond, growthPerSecondSquared: growth }: GrowingRate,
): number {
  if (growth === 0) return requests / perSecond;
  return (Math.sqrt(perSecond ** 2 + 2 * growth * requests) - perSecond) / growth;
}

export interface TaskRun {
  readonly tasks: number;
  /** How many run at once. */
  readonly slots: number;
  readonly startsPerSecond: number;
  readonly taskSeconds: number;
}

/**
 * From the start of the first task to the end of the last one. A task starts when it is its turn and a slot is free.
 * Of those in the same slot, any may have been delayed by the starting rate; the delay of the first or of the last one is
 * the largest.
 */
export function runSeconds({ tasks, slots, startsPerSecond, taskSeconds }: TaskRun): number {
  if (tasks === 0) return 0;
  const endOf = (index: number) => {
    const wave = Math.floor(index / slots);
    const first = (index % slots) / startsPerSecond + wave * taskSeconds;
    return Math.max(first, index / startsPerSecond) + taskSeconds;
  };
  const last = tasks - 1;
  // The last task of the wave before may have started later in its wave.
  const before = Math.floor(last / slots) * slots - 1;
  return Math.max(endOf(last), before < 0 ? 0 : endOf(before));
}

/**
 * How many tasks a second may start: as fast as Step Functions starts children, and as Lambda adds environments: so many at
 * once, then a few each second.
 */
export function startRate(
  slots: number,
  { startsPerSecond, burst, perSecond }: { startsPerSecond: number; burst: number; perSecond: number },
): number {
  return slots <= burst ? startsPerSecond : Math.min(startsPerSecond, slots / ((slots - burst) / perSecond));
}
