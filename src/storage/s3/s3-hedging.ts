/**
 * Hedged reads: if the first byte of a GET takes longer than those of nearly all other GETs, a second GET is sent. The first
 * response wins, and the other request is aborted. This costs a bounded fraction of extra GETs and cuts the long tail, for
 * which a reducer with thousands of reads would otherwise wait.
 *
 * Source: Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013; AWS' "Performance guidelines for Amazon S3"
 * recommend the same.
 */
import type { Clock } from '../../base/clock.ts';
import type { S3Limits } from './s3-limits.ts';
import { patientTimer } from './s3-patient-timer.ts';

/** Decides after how long a read counts as slow, and whether a second one may be sent. */
export class HedgePolicy {
  readonly #limits: S3Limits;
  /** The latest latencies, in a ring buffer. */
  readonly #latenciesMs = new Float64Array(LATENCIES_KEPT);
  #seen = 0;
  #slowMs: number;
  #allowance: number;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(limits: S3Limits) {
    this.#limits = limits;
    this.#slowMs = Math.max(limits.hedgeAfterMsAtFirst, limits.hedgeAfterMsMin);
    this.#allowance = limits.hedgesBurstMax;
  }

  get hedgeAfterMs(): number {
    return this.#slowMs;
  }

  /** Called with the latency of each read, and with the time that a read had taken when its second GET overtook it. */
  answeredAfter(latencyMs: number): void {
    const { hedgedFractionMax, hedgesBurstMax, hedgeAfterMsMin, hedgePercentile } = this.#limits;
    this.#allowance = Math.min(hedgesBurstMax, this.#allowance + hedgedFractionMax);
    this.#latenciesMs[this.#seen % LATENCIES_KEPT] = latencyMs;
    this.#seen += 1;
    if (this.#seen % LATENCIES_PER_ESTIMATE !== 0) return;
    const sorted = this.#latenciesMs.slice(0, Math.min(this.#seen, LATENCIES_KEPT)).sort();
    this.#slowMs = Math.max(hedgeAfterMsMin, sorted[Math.floor(sorted.length * hedgePercentile)] ?? 0);
  }

  /** Called when S3 throttles: allows no second GETs for a while, and discards the allowance for them. */
  throttled(nowMs: number): void {
    this.#allowance = 0;
    this.#quietUntilMs = nowMs + this.#limits.hedgeQuietMs;
  }

  takeHedge(nowMs: number): boolean {
    if (this.#allowance < 1 || nowMs < this.#quietUntilMs) return false;
    this.#allowance -= 1;
    return true;
  }
}

export interface Racer<T> {
  readonly answer: Promise<T>;
  abort(): void;
}

/** Returns the first response of `start()` or, if that is slow, of a second call of it. */
export function hedged<T>(
  start: (isHedge: boolean) => Racer<T>,
  {
    clock,
    policy,
    mayPass,
    takeExtra,
    discard,
  }: {
    clock: Clock;
    policy: HedgePolicy;
    /** Whether the other racer may succeed in spite of this error. */
    mayPass: (error: unknown) => boolean;
    /** Whether the store may send one more request. */
    takeExtra: () => boolean;
    /** Called with a response that arrived too late to be aborted. */
    discard: (answer: T) => void;
  },
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const running = new Map<Racer<T>, number>();
  let over = false;
  const end = () => {
    over = true;
    cancelTimer();
    for (const [loser, startedMs] of running) {
      policy.answeredAfter(clock.nowMs() - startedMs);
      loser.abort();
    }
  };
  const race = (isHedge: boolean) => {
    const startedMs = clock.nowMs();
    const racer = start(isHedge);
    running.set(racer, startedMs);
    racer.answer.then(
      (answer) => {
        running.delete(racer);
        if (over) return discard(answer);
        policy.answeredAfter(clock.nowMs() - startedMs);
        end();
        resolve(answer);
      },
      (error: unknown) => {
        running.delete(racer);
        if (over || (running.size > 0 && mayPass(error))) return;
        end();
        reject(error);
      },
    );
  };
  let cancelTimer = () => {};
  race(false);
  cancelTimer = patientTimer(clock, policy.hedgeAfterMs, () => {
    if (!over && policy.takeHedge(clock.nowMs()) && takeExtra()) race(true);
  });
  return promise;
}

const LATENCIES_KEPT = 128;
const LATENCIES_PER_ESTIMATE = 16;
