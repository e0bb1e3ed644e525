/**
 * Sends every request of the store: with a bounded number at once, each for a bounded time, and retried with growing pauses
 * after passing failures. The store retries, not the SDK. If a client has retries of its own, they are added and count as
 * attempts whose result is unknown.
 *
 *     throttled (503 SlowDown and similar)            retried until the caller's deadline, or throttledMsMax
 *     500, a broken connection, no response, 409      retried, attemptsMax in all
 *
 * Throttling means that the request is valid and S3 will accept it later, so any number of throttles says nothing about
 * whether it can succeed. Each throttle also lowers the rate of the process, see s3-request-gate.ts.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { backoffMs } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import {
  faultOf,
  isPassing,
  type S3Call,
  S3Cancelled,
  S3Failure,
  S3Interrupted,
  type S3Operation,
  sentByClient,
} from './s3-errors.ts';
import type { S3Limits } from './s3-limits.ts';
import { patientTimer } from './s3-patient-timer.ts';
import { RequestGate, requestKind, S3TooLate } from './s3-request-gate.ts';

export interface RequestOptions {
  /** From sending to the first byte of the response. Default: limits.answerTimeoutMs. */
  readonly timeoutMs?: number;
  /** Aborted when the caller stops waiting. */
  readonly signal?: AbortSignal;
  /** Called before the request is sent again. What it throws ends the request. */
  readonly beforeRetry?: () => Promise<void>;
}

/** How long a caller can wait for S3 to accept its requests. */
export interface CallerBounds {
  /** The time until the caller's deadline, after which nothing is retried. */
  readonly remainingMs?: () => number;
}

export interface S3RequestsParts {
  readonly client: S3Client;
  readonly bucket: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: S3Limits;
  /** Called each time S3 throttles a request. */
  readonly onThrottled: (nowMs: number) => void;
  readonly bounds?: CallerBounds;
  /** A gate shared with other stores. */
  readonly gate?: RequestGate;
  readonly counts?: Partial<Record<S3Operation, number>>;
}

/** What is known about one request so far, over all of its attempts. */
interface RetryState {
  readonly call: S3Call;
  attempts: number;
  throttles: number;
  /** When the first of these throttles was received. */
  throttledSinceMs: number;
  sentMs: number;
  maybeDone: boolean;
}

/** Sends one request. It must create a new command for each call, since the SDK modifies a command's input. */
export type Send<T> = (client: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>;

export class S3Requests {
  readonly bucket: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly limits: S3Limits;
  /** Requests sent so far, by operation, retries included. */
  readonly counts: Partial<Record<S3Operation, number>>;
  readonly #parts: S3RequestsParts;
  readonly #gate: RequestGate;

  constructor(parts: S3RequestsParts) {
    this.#parts = parts;
    this.bucket = parts.bucket;
    this.prefix = parts.prefix;
    this.clock = parts.clock;
    this.limits = parts.limits;
    this.counts = parts.counts ?? {};
    this.#gate = parts.gate ?? new RequestGate(parts);
  }

  call(operation: S3Operation, key: string): S3Call {
    return { operation, bucket: this.bucket, prefix: this.prefix, key };
  }

  /** For a caller with bounds of its own: shares the counts and the gate. */
  within(bounds: CallerBounds): S3Requests {
    return new S3Requests({ ...this.#parts, gate: this.#gate, counts: this.counts, bounds });
  }

  /** Sends the request, with retries, until it succeeds. Throws S3Failure. */
  send<T>(call: S3Call, send: Send<T>, options: RequestOptions = {}): Promise<T> {
    return this.retried(call, () => this.sendOnce(call, send, options), options);
  }

  /**
   * Calls `attempt` until it succeeds, fails permanently, has failed attemptsMax times, or has been throttled for as long as
   * the caller can wait. Each call passes the gate. Throws S3Failure; other errors are passed on unchanged.
   */
  async retried<T>(
    call: S3Call,
    attempt: () => Promise<T>,
    { signal, beforeRetry }: RequestOptions = {},
  ): Promise<T> {
    const kind = requestKind(call.operation);
    const state = newRetryState(call, this.clock.nowMs());
    const isLate = () => this.#remainingMs() <= 0;
    const counted = () => {
      state.attempts += 1;
      state.sentMs = this.clock.nowMs();
      return attempt();
    };
    for (let failures = 1; ; ) {
      try {
        return await this.#gate.through(kind, counted, { signal, again: state.attempts > 0, isLate });
      } catch (error) {
        if (error instanceof S3Failure) throw error;
        if (error instanceof S3TooLate) throw this.#throttledTooLong(error.cause, state);
        const fault = faultOf(error);
        if (fault === 'throttled') {
          this.#noteThrottle(call.operation, { sentMs: state.sentMs, error });
          await this.#pause(this.#pauseMsAfterThrottle(error, state), signal);
          await beforeRetry?.();
          continue;
        }
        state.throttles = 0;
        state.maybeDone ||= isPassing(error) || sentByClient(error) > 1;
        if ((fault !== 'passing' && fault !== 'conflict') || failures === this.limits.attemptsMax) {
          throw new S3Failure(error, state);
        }
        await this.#pause(backoffMs(failures, this.limits, this.#parts.random), signal);
        await beforeRetry?.();
        failures += 1;
      }
    }
  }

  /** Throws S3Failure if the next call would be too late. */
  #pauseMsAfterThrottle(error: unknown, state: RetryState): number {
    if (state.throttles === 0) state.throttledSinceMs = this.clock.nowMs();
    state.throttles += 1;
    state.maybeDone = true;
    const { backoffMsBase, backoffMsMax, throttledBackoffMsMax } = this.limits;
    const bounds = { backoffMsBase, backoffMsMax: Math.min(backoffMsMax, throttledBackoffMsMax) };
    const delayMs = backoffMs(state.throttles, bounds, this.#parts.random);
    const throttledMs = this.clock.nowMs() - state.throttledSinceMs;
    if (throttledMs + delayMs >= this.limits.throttledMsMax || delayMs > this.#remainingMs()) {
      throw this.#throttledTooLong(error, state);
    }
    return delayMs;
  }

  #throttledTooLong(cause: unknown, state: RetryState): S3Failure {
    return new S3Failure(cause, { ...state, throttledMs: this.clock.nowMs() - state.throttledSinceMs });
  }

  /** Sends one request, without retries, for a bounded time. */
  async sendOnce<T>(call: S3Call, send: Send<T>, options: RequestOptions = {}): Promise<T> {
    const { timeoutMs = this.limits.answerTimeoutMs, signal } = options;
    this.counts[call.operation] = (this.counts[call.operation] ?? 0) + 1;
    const controller = new AbortController();
    const sentMs = this.clock.nowMs();
    const answered = () => {
      if (!SLOWNESS_SHOWN_BY.has(call.operation)) return;
      this.#gate.answered({ sentMs, latencyMs: this.clock.nowMs() - sentMs });
    };
    const { promise: cut, reject: cutOff } = Promise.withResolvers<never>();
    const stop = (why: Error) => {
      cutOff(why);
      controller.abort();
    };
    const onAbort = () => stop(new S3Cancelled());
    const cancelTimer = patientTimer(this.clock, timeoutMs, () => {
      answered();
      stop(new S3Interrupted(`no response for ${timeoutMs} ms`));
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = send(this.#parts.client, { abortSignal: controller.signal });
      answer.catch(() => {});
      const result = await Promise.race([cut, answer]);
      answered();
      return result;
    } catch (error) {
      // Notes also the throttling of a hedged read, whose failure is otherwise ignored.
      if (faultOf(error) === 'throttled') this.#noteThrottle(call.operation, { sentMs, error });
      throw error;
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async region(): Promise<string | undefined> {
    return await this.#parts.client.config.region().catch(() => undefined);
  }

  /** See RequestGate.takeExtra(). */
  takeExtra({ operation }: S3Call): boolean {
    return this.#gate.takeExtra(requestKind(operation));
  }

  get readsAtOnce(): number {
    return this.#gate.readsAtOnce;
  }

  #noteThrottle(operation: S3Operation, { sentMs, error }: { sentMs: number; error: unknown }): void {
    this.#gate.throttled(requestKind(operation), { sentMs, error });
    this.#parts.onThrottled(this.clock.nowMs());
  }

  /** The time until the caller's deadline. */
  #remainingMs(): number {
    return this.#parts.bounds?.remainingMs?.() ?? Number.POSITIVE_INFINITY;
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      cancel();
      reject(new S3Cancelled());
    };
    const cancel = this.clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }
}

function newRetryState(call: S3Call, nowMs: number): RetryState {
  return { call, attempts: 0, throttles: 0, throttledSinceMs: nowMs, sentMs: nowMs, maybeDone: false };
}

/** Requests without a body whose response S3 need not compute. */
const SLOWNESS_SHOWN_BY: ReadonlySet<S3Operation> = new Set(['GetObject', 'HeadObject']);
