/**
 * How many requests S3 accepts. Each partition, a range of keys, accepts so many reads and writes per second and answers
 * the others with 503. A bucket begins with one. Under lasting load, S3 splits the busiest partition:
 *
 *     at first        |----------------------------------------------|   5,500 reads/s, 3,500 writes/s
 *     6.5 min later   |--------------------|-------------------------|   twice that
 *     13 min later    |--------------------|----------|--------------|   three times
 *
 * Source of the rates: S3's guide; of the pace: arXiv 2501.07771, where a bucket went from 5,500 to 27,500 reads/s in 26
 * minutes.
 */
import { S3_FACTS } from '../../src/aws/model/facts.ts';
import type { Clock } from '../../src/base/clock.ts';
import { compareUtf8 } from '../../src/base/utf8-order.ts';

export interface PartitionOptions {
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  /** Requests that a partition accepts at once after a pause, as seconds of its rate. */
  readonly burstSeconds: number;
  /** A partition that has been busy for this long is split. */
  readonly splitAfterMs: number;
  /** A partition is busy while it gets more than this fraction of its rate. */
  readonly busyFraction: number;
}

export const PARTITIONS: PartitionOptions = {
  readsPerSecond: S3_FACTS.getsPerSecond.value,
  writesPerSecond: S3_FACTS.putsPerSecond.value,
  burstSeconds: 0.1,
  splitAfterMs:
    (S3_FACTS.splitsSeconds.value * 1000) /
    (S3_FACTS.getsPerSecondAfterSplits.value / S3_FACTS.getsPerSecond.value - 1),
  busyFraction: 0.8,
};

/** Decides about each request to a bucket. */
export interface Admission {
  /** @returns how long the request waits before S3 works on it, or undefined if S3 refuses it with 503 */
  waitMs(key: string, kind: 'read' | 'write'): number | undefined;
}

export class Partitions implements Admission {
  readonly #options: PartitionOptions;
  readonly #clock: Clock;
  /** In the order of their keys. */
  readonly #partitions: Partition[];
  #second = 0;

  constructor(clock: Clock, options: Partial<PartitionOptions> = {}) {
    this.#options = { ...PARTITIONS, ...options };
    this.#clock = clock;
    this.#partitions = [new Partition('', this.#options)];
  }

  get count(): number {
    return this.#partitions.length;
  }

  /** It never lets a request wait. */
  waitMs(key: string, kind: 'read' | 'write'): 0 | undefined {
    const nowMs = this.#clock.nowMs();
    this.#closeSeconds(Math.floor(nowMs / 1000));
    return this.#of(key).accepts(key, kind, nowMs) ? 0 : undefined;
  }

  /** Looks at the load of each second that has passed, and splits. */
  #closeSeconds(second: number): void {
    if (second === this.#second) return;
    const seconds = second - this.#second;
    this.#second = second;
    for (const partition of this.#partitions) partition.closeSeconds(seconds);
    const busiest = this.#partitions.reduce((a, b) => (b.busyMs > a.busyMs ? b : a));
    if (busiest.busyMs < this.#options.splitAfterMs) return;
    const boundary = busiest.medianKey();
    for (const partition of this.#partitions) partition.busyMs = 0;
    if (boundary === undefined) return;
    this.#partitions.splice(this.#partitions.indexOf(busiest) + 1, 0, new Partition(boundary, this.#options));
  }

  #of(key: string): Partition {
    let found = this.#partitions[0]!;
    for (const partition of this.#partitions) {
      if (compareUtf8(partition.firstKey, key) > 0) break;
      found = partition;
    }
    return found;
  }
}

/** Recent keys that are kept to find where to split. */
const KEYS_KEPT = 64;
/** One of so many requests is kept: a prime, so that patterns of keys do not matter. */
const KEYS_EVERY = 13;

class Partition {
  readonly firstKey: string;
  /** For how long it has been busy, without a break. */
  busyMs = 0;
  readonly #buckets: Readonly<Record<'read' | 'write', TokenBucket>>;
  readonly #options: PartitionOptions;
  readonly #keys: string[] = [];
  #requests = 0;
  readonly #thisSecond = { read: 0, write: 0 };

  constructor(firstKey: string, options: PartitionOptions) {
    this.firstKey = firstKey;
    this.#options = options;
    const { readsPerSecond, writesPerSecond, burstSeconds } = options;
    this.#buckets = {
      read: new TokenBucket(readsPerSecond, burstSeconds),
      write: new TokenBucket(writesPerSecond, burstSeconds),
    };
  }

  accepts(key: string, kind: 'read' | 'write', nowMs: number): boolean {
    this.#requests += 1;
    this.#thisSecond[kind] += 1;
    if (this.#requests % KEYS_EVERY === 0) {
      this.#keys[Math.floor(this.#requests / KEYS_EVERY) % KEYS_KEPT] = key;
    }
    return this.#buckets[kind].take(nowMs);
  }

  closeSeconds(seconds: number): void {
    const { readsPerSecond, writesPerSecond, busyFraction } = this.#options;
    const { read, write } = this.#thisSecond;
    const isBusy = read > busyFraction * readsPerSecond || write > busyFraction * writesPerSecond;
    this.busyMs = isBusy ? this.busyMs + 1000 : 0;
    if (seconds > 1) this.busyMs = 0;
    this.#thisSecond.read = 0;
    this.#thisSecond.write = 0;
  }

  /** Undefined if the requests are all for one key, which no split can help. */
  medianKey(): string | undefined {
    const sorted = this.#keys.filter((key) => key !== undefined).sort(compareUtf8);
    const median = sorted[sorted.length >> 1];
    return median === undefined || median === sorted[0] ? sorted.find((key) => key !== median) : median;
  }
}

class TokenBucket {
  readonly #perMs: number;
  readonly #tokensMax: number;
  #tokens: number;
  #filledMs = 0;

  constructor(perSecond: number, burstSeconds: number) {
    this.#perMs = perSecond / 1000;
    this.#tokensMax = Math.max(1, perSecond * burstSeconds);
    this.#tokens = this.#tokensMax;
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + (nowMs - this.#filledMs) * this.#perMs);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
