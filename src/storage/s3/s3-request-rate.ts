/**
 * The rate at which a process sends requests of one kind. It is unlimited until S3 throttles a request. From then on, the
 * process sends what S3 has shown to accept, and tries for more:
 *
 *     requests/s
 *        |\
 *        | \          .'|         .'|           each throttle: times rateCutFactor
 *        |  '._     .'  |_.     .'  |_.         otherwise: growth by rateGrowthPerSecond, which itself grows with the
 *        |     '...'      '...'       '...      time since the last cut
 *        +------------------------------------ time
 *
 * S3 throttles each request with the same probability, so a process that sends twice as many is cut twice as often: the
 * rates of all processes meet, although they share nothing. A rate is used here, and not a number of requests in flight,
 * because the fair share of one of a thousand processes is less than one request in flight.
 *
 * Requests that were sent before a cut say nothing about the rate after it, so their throttles do not cut it again.
 *
 * Source: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer networks",
 * 1989. The growth is like that of CUBIC (RFC 9438), which the adaptive mode of the AWS SDKs uses as well.
 */
import type { S3Limits } from './s3-limits.ts';

export type RateLimits = Pick<
  S3Limits,
  'rateCutFactor' | 'rateGrowthPerSecond' | 'ratePerSecondMin' | 'ratePerSecondMax'
>;

export class RequestRate {
  readonly #limits: RateLimits;
  readonly #random: () => number;
  /** The rate after the last cut. */
  #cutPerSecond = Number.POSITIVE_INFINITY;
  #cutMs = Number.NEGATIVE_INFINITY;
  /** Requests that may be sent at once. */
  #tokens = 0;
  #filledMs = 0;
  readonly #sent = new RecentCount();

  constructor(limits: RateLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Requests per second; Infinity if S3 has not throttled lately. */
  perSecond(nowMs: number): number {
    if (this.#cutPerSecond === Number.POSITIVE_INFINITY) return this.#cutPerSecond;
    const { rateGrowthPerSecond, ratePerSecondMax } = this.#limits;
    const seconds = (nowMs - this.#cutMs) / 1000;
    const perSecond = this.#cutPerSecond * Math.exp(rateGrowthPerSecond * (seconds + seconds ** 2 / 2));
    if (perSecond <= ratePerSecondMax) return perSecond;
    this.#cutPerSecond = Number.POSITIVE_INFINITY;
    return this.#cutPerSecond;
  }

  /** Milliseconds until a request may be sent; 0 if it may be sent now. */
  waitMs(nowMs: number): number {
    const perSecond = this.perSecond(nowMs);
    if (perSecond === Number.POSITIVE_INFINITY) return 0;
    const filled = this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1000;
    this.#tokens = Math.min(filled, Math.max(1, (perSecond * BURST_MS) / 1000));
    this.#filledMs = nowMs;
    return this.#tokens > 1 - ROUNDING ? 0 : ((1 - this.#tokens) / perSecond) * 1000;
  }

  /** Called for each request that is sent, after waitMs() has returned 0. */
  sends(nowMs: number): void {
    this.#sent.add(nowMs);
    if (this.#cutPerSecond !== Number.POSITIVE_INFINITY) this.#tokens -= 1;
  }

  /** Called for each request that S3 throttled. */
  throttled({ sentMs, nowMs }: { sentMs: number; nowMs: number }): void {
    if (sentMs <= this.#cutMs) return;
    const { rateCutFactor, ratePerSecondMin } = this.#limits;
    // A process that sends less than it may is cut from what it sends.
    const perSecond = Math.min(this.perSecond(nowMs), this.#sent.perSecond(nowMs));
    this.#cutPerSecond = Math.max(ratePerSecondMin, perSecond * rateCutFactor);
    this.#cutMs = nowMs;
    // Processes that are throttled at the same time do not send their next requests at the same time.
    this.#tokens = Math.min(1, this.#random());
    this.#filledMs = nowMs;
  }
}

/** Counts events of about the last second. */
class RecentCount {
  readonly #counts = new Float64Array(BUCKETS);
  #bucket = Number.NaN;
  #firstMs = Number.NaN;

  add(nowMs: number): void {
    this.#advance(nowMs);
    if (Number.isNaN(this.#firstMs)) this.#firstMs = nowMs;
    this.#counts[this.#bucket % BUCKETS]! += 1;
  }

  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    const count = this.#counts.reduce((sum, one) => sum + one, 0);
    const windowMs = Math.min(nowMs - this.#firstMs, (BUCKETS - 1) * BUCKET_MS + (nowMs % BUCKET_MS));
    return (count / Math.max(windowMs, BUCKET_MS)) * 1000;
  }

  #advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    if (bucket === this.#bucket) return;
    const stale = Number.isNaN(this.#bucket) ? BUCKETS : Math.min(BUCKETS, bucket - this.#bucket);
    for (let index = 0; index < stale; index++) this.#counts[(bucket - index) % BUCKETS] = 0;
    this.#bucket = bucket;
  }
}

const BUCKETS = 10;
const BUCKET_MS = 100;
/** Without it, the wait could be too short to change the time. */
const ROUNDING = 1e-6;
/** A timer may fire this much late without lowering the rate. */
const BURST_MS = 20;
