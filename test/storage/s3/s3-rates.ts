/** Rates that a simulated S3 enforces beyond which it throttles requests with 503, or makes them wait. */
import type { Admission } from '../../../simulation/s3/partitions.ts';
import { SimulatedS3 } from '../../../simulation/s3/s3.ts';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import type { VirtualClock } from '../../../simulation/virtual-clock.ts';

/** A bound for some of the requests. The first one that applies to a request counts. */
export interface Partition {
  readonly applies: (request: { isWrite: boolean; key: string }) => boolean;
  readonly requestsPerSecond: (nowMs: number) => number;
  /** Requests that are served at once after a pause. */
  readonly burst: number;
  /** If true, requests beyond the bound wait in a queue, and are not throttled. */
  readonly queues?: boolean;
}

interface PartitionState extends Partition {
  tokens: number;
  filledMs: number;
  /** When the last request in the queue will be served. */
  busyUntilMs: number;
}

export const BUCKET = 'bucket';

/** @returns a simulated S3 with one bucket, in which nothing but these bounds delays requests beyond S3's latencies */
export function s3WithRates({
  clock,
  partitions,
  seed,
}: {
  clock: VirtualClock;
  partitions: readonly Partition[];
  seed: number;
}): SimulatedS3 {
  const s3 = new SimulatedS3({ clock, random: seededRandom(seed) });
  s3.createBucket(BUCKET, admissionBy(partitions, clock));
  return s3;
}

function admissionBy(partitions: readonly Partition[], clock: VirtualClock): Admission {
  const states = partitions.map((partition): PartitionState => {
    return { ...partition, tokens: partition.burst, filledMs: 0, busyUntilMs: 0 };
  });
  return {
    waitMs(key, kind) {
      const partition = states.find(({ applies }) => applies({ isWrite: kind === 'write', key }));
      if (partition === undefined) return 0;
      const nowMs = clock.nowMs();
      const perMs = partition.requestsPerSecond(nowMs) / 1000;
      if (partition.queues) {
        partition.busyUntilMs = Math.max(partition.busyUntilMs, nowMs) + 1 / perMs;
        return partition.busyUntilMs - nowMs;
      }
      partition.tokens = Math.min(partition.burst, partition.tokens + (nowMs - partition.filledMs) * perMs);
      partition.filledMs = nowMs;
      if (partition.tokens < 1) return undefined;
      partition.tokens -= 1;
      return 0;
    },
  };
}

/** Every request counts against the same bound. */
export function everyRequest(requestsPerSecond: number, burst: number): Partition {
  return { applies: () => true, requestsPerSecond: () => requestsPerSecond, burst };
}
