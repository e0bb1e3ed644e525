/**
 * Every request of a process passes this gate. It bounds the requests in flight, first come, first served, and their rate.
 * Time spent waiting here does not count as S3 being slow.
 *
 *     new request       ->  waiting  \                                        /  response
 *                                     >  a slot is free, and the rate of  ->  |
 *     throttled before  ->  waiting  /   its kind allows another request      \  throttled: waits outside, its rate is cut
 *
 * Reads and writes have rates of their own, because S3 counts them separately: 5,500 GETs and HEADs, and 3,500 PUTs, POSTs,
 * COPYs and DELETEs per second of a prefix. Source: S3 User Guide, "Best practices design patterns: optimizing Amazon S3
 * performance".
 *
 * S3 may also become slow instead of throttling. Then the requests wait in a queue of S3, and fewer in flight shorten that
 * queue at the same throughput. So the slots decrease while even the fastest of several responses is slow: to as many as
 * would wait for slowReadMs.
 */
import type { Clock } from '../../base/clock.ts';
import { S3Cancelled, type S3Operation } from './s3-errors.ts';
import type { S3Limits } from './s3-limits.ts';
import { RequestRate } from './s3-request-rate.ts';

export type RequestKind = 'read' | 'write';

/** The caller's deadline passed before the gate let its request through. */
export class S3TooLate extends Error {
  override readonly name = 'S3TooLate';
  /** The last error with which S3 throttled a request of the same kind. */
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('the deadline passed before the request could be sent', { cause });
    this.cause = cause;
  }
}

export interface GateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the request was sent before. It then precedes those that were not. */
  readonly again?: boolean;
  /** Whether the caller's deadline has passed. */
  readonly isLate?: () => boolean;
}

interface Waiter {
  readonly order: number;
  readonly isLate: () => boolean;
  enter(): void;
  refuse(error: Error): void;
}

interface Lane {
  readonly rate: RequestRate;
  readonly again: Set<Waiter>;
  readonly first: Set<Waiter>;
  lastThrottle: unknown;
}

export class RequestGate {
  readonly #limits: S3Limits;
  readonly #clock: Clock;
  readonly #lanes: Readonly<Record<RequestKind, Lane>>;
  readonly #slots: SlotLimit;
  #inFlight = 0;
  #order = 0;
  #cancelTimer = () => {};

  constructor({ limits, clock, random }: { limits: S3Limits; clock: Clock; random: () => number }) {
    this.#limits = limits;
    this.#clock = clock;
    const lane = (): Lane => ({
      rate: new RequestRate(limits, random),
      again: new Set(),
      first: new Set(),
      lastThrottle: undefined,
    });
    this.#lanes = { read: lane(), write: lane() };
    this.#slots = new SlotLimit(limits);
  }

  /** Throws S3Cancelled if the signal is aborted, and S3TooLate if the deadline passes, before this request's turn. */
  async through<T>(kind: RequestKind, work: () => Promise<T>, options: GateOptions = {}): Promise<T> {
    if (options.signal?.aborted) throw new S3Cancelled();
    const lane = this.#lanes[kind];
    if (!this.#isOpen(lane) || isWaited(lane)) await this.#turn(lane, options);
    else this.#enters(lane);
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
      this.#admit();
    }
  }

  /** Whether a request may be sent in addition, a hedge: only if nothing is scarce. If so, it counts as sent. */
  takeExtra(kind: RequestKind): boolean {
    const { rate } = this.#lanes[kind];
    const nowMs = this.#clock.nowMs();
    if (this.#slots.isTight || rate.perSecond(nowMs) !== Number.POSITIVE_INFINITY) return false;
    rate.sends(nowMs);
    return true;
  }

  /** How many reads of a caller make sense at once. More would only wait, and delay the requests of others. */
  get readsAtOnce(): number {
    const perSecond = this.#lanes.read.rate.perSecond(this.#clock.nowMs());
    const { requestsInFlightMax } = this.#limits;
    if (perSecond === Number.POSITIVE_INFINITY) return 2 * requestsInFlightMax;
    return Math.min(requestsInFlightMax, Math.max(SCARCE_READS_AT_ONCE, Math.ceil(perSecond / 2)));
  }

  throttled(kind: RequestKind, { sentMs, error }: { sentMs: number; error: unknown }): void {
    const lane = this.#lanes[kind];
    lane.lastThrottle = error;
    lane.rate.throttled({ sentMs, nowMs: this.#clock.nowMs() });
    this.#admit();
  }

  /** Called with the time to the first byte of a read that S3 answered, or after which it had not. */
  answered({ sentMs, latencyMs }: { sentMs: number; latencyMs: number }): void {
    this.#slots.answered({ sentMs, latencyMs, nowMs: this.#clock.nowMs() });
  }

  #isOpen(lane: Lane): boolean {
    return this.#inFlight < this.#slots.max && lane.rate.waitMs(this.#clock.nowMs()) === 0;
  }

  #enters(lane: Lane): void {
    this.#inFlight += 1;
    lane.rate.sends(this.#clock.nowMs());
  }

  #turn(lane: Lane, { signal, again = false, isLate = () => false }: GateOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const queue = again ? lane.again : lane.first;
    const leave = () => {
      queue.delete(waiter);
      signal?.removeEventListener('abort', onAbort);
    };
    const waiter: Waiter = {
      order: this.#order++,
      isLate,
      enter: () => {
        leave();
        resolve();
      },
      refuse: (error) => {
        leave();
        reject(error);
      },
    };
    const onAbort = () => {
      waiter.refuse(new S3Cancelled());
      this.#admit();
    };
    queue.add(waiter);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#admit();
    return promise;
  }

  /** Lets waiting requests through, in order, and sets a timer for the next one. */
  #admit(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const nowMs = this.#clock.nowMs();
    while (this.#inFlight < this.#slots.max) {
      let next: { lane: Lane; waiter: Waiter } | undefined;
      let waitMs = Number.POSITIVE_INFINITY;
      for (const lane of [this.#lanes.read, this.#lanes.write]) {
        const waiter = firstOf(lane);
        if (waiter === undefined) continue;
        const laneWaitMs = lane.rate.waitMs(nowMs);
        if (laneWaitMs > 0) waitMs = Math.min(waitMs, laneWaitMs);
        else if (next === undefined || waiter.order < next.waiter.order) next = { lane, waiter };
      }
      if (next === undefined) {
        if (waitMs !== Number.POSITIVE_INFINITY) {
          this.#cancelTimer = this.#clock.after(Math.min(waitMs, TICK_MS_MAX), () => this.#admit());
        }
        return;
      }
      this.#enters(next.lane);
      next.waiter.enter();
    }
  }
}

function isWaited({ again, first }: Lane): boolean {
  return again.size + first.size > 0;
}

/** The request whose turn is next. Refuses those before it that are too late. */
function firstOf(lane: Lane): Waiter | undefined {
  for (const queue of [lane.again, lane.first]) {
    for (const waiter of queue) {
      if (lane.lastThrottle === undefined || !waiter.isLate()) return waiter;
      waiter.refuse(new S3TooLate(lane.lastThrottle));
    }
  }
  return undefined;
}

/** The bound of requests in flight. */
class SlotLimit {
  readonly #limits: S3Limits;
  #max: number;
  /** Responses to requests sent before this time say nothing about the present bound. */
  #changedMs = Number.NEGATIVE_INFINITY;
  #lowestMs = Number.POSITIVE_INFINITY;
  #windowLowestMs = Number.POSITIVE_INFINITY;
  #seen = 0;

  constructor(limits: S3Limits) {
    this.#limits = limits;
    this.#max = limits.requestsInFlightMax;
  }

  get max(): number {
    return this.#max;
  }

  get isTight(): boolean {
    return this.#max < this.#limits.requestsInFlightMax;
  }

  answered({ sentMs, latencyMs, nowMs }: { sentMs: number; latencyMs: number; nowMs: number }): void {
    if (sentMs < this.#changedMs) return;
    this.#windowLowestMs = Math.min(this.#windowLowestMs, latencyMs);
    this.#seen += 1;
    if (this.#seen < RESPONSES_PER_DECISION) return;
    this.#lowestMs = Math.min(this.#lowestMs, this.#windowLowestMs);
    const { slowReadMs, requestsInFlightMax } = this.#limits;
    // A process that starts when S3 is slow already must not take that for normal.
    const normalMs = Math.min(slowReadMs, this.#lowestMs);
    const isSlow = this.#windowLowestMs > Math.max(slowReadMs, SLOW_FACTOR * normalMs);
    const max = isSlow
      ? this.#fewer(this.#windowLowestMs)
      : Math.min(requestsInFlightMax, this.#max + SLOTS_STEP);
    if (max !== this.#max) this.#changedMs = nowMs;
    this.#max = max;
    this.#seen = 0;
    this.#windowLowestMs = Number.POSITIVE_INFINITY;
  }

  /**
   * If all processes do the same, requests then wait for slowReadMs, since the wait in a queue is proportional to its
   * length. If they wait for half of the timeout, one slot has to do: a little later, S3 would work on nothing but
   * requests that have timed out.
   */
  #fewer(waitedMs: number): number {
    const { slowReadMs, answerTimeoutMs } = this.#limits;
    const slotsMin = waitedMs > answerTimeoutMs / 2 ? 1 : SLOTS_MIN;
    const fewer = Math.floor(this.#max * Math.min(SLOTS_CUT_FACTOR, slowReadMs / waitedMs));
    return Math.max(Math.min(slotsMin, this.#max), fewer);
  }
}

export function requestKind(operation: S3Operation): RequestKind {
  return READS.has(operation) ? 'read' : 'write';
}

const READS: ReadonlySet<S3Operation> = new Set(['GetObject', 'HeadObject', 'ListObjectsV2']);
/** The time after which the gate looks again for requests that are too late. */
const TICK_MS_MAX = 1_000;
const SCARCE_READS_AT_ONCE = 4;

const RESPONSES_PER_DECISION = 16;
/** How many times slower than ever before counts as slow. */
const SLOW_FACTOR = 4;
const SLOTS_CUT_FACTOR = 0.7;
const SLOTS_STEP = 4;
/** Few, but enough for a process that itself was too busy to receive responses in time. */
const SLOTS_MIN = 8;
