/**
 * How every request of the store is sent: at most so many at once, each for a bounded time, and again, with growing
 * pauses, when it failed in a way that may pass. The store retries, not the SDK: the SDK's own retries, where a client
 * has them, come on top and count as attempts whose outcome is not known.
 *
 *     refused because S3 is busy (503 SlowDown and its like)   again until the caller's deadline, or throttledMsMax;
 *                                                              the pauses are taken inside the gate
 *     500, a broken connection, no answer, 409                 again, attemptsMax in all; pauses outside the gate
 *
 * A throttle says that the request was understood and that S3 will take it later, so any number of them says nothing
 * about whether it can succeed. See docs/decisions/0015-throttles.md.
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
import { RequestGate } from './s3-request-gate.ts';

export interface RequestOptions {
  /** From sending to the answer's first byte. Default limits.answerTimeoutMs. */
  readonly timeoutMs?: number;
  /** When the caller goes away. */
  readonly signal?: AbortSignal;
}

/** How long a caller can wait for S3 to take its requests. */
export interface CallerBounds {
  /** Until its deadline. Nothing is sent again after it. */
  readonly remainingMs?: () => number;
}

export interface S3RequestsParts {
  readonly client: S3Client;
  readonly bucket: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: S3Limits;
  /** Called each time S3 asks for fewer requests. */
  readonly onThrottled: (nowMs: number) => void;
  readonly bounds?: CallerBounds;
  /** Shared with others. */
  readonly gate?: RequestGate;
  readonly counts?: Partial<Record<S3Operation, number>>;
}

/** What is known of one request so far, over all its attempts. */
interface RetryState {
  readonly call: S3Call;
  readonly signal: AbortSignal | undefined;
  attempts: number;
  throttles: number;
  throttledSinceMs: number;
  maybeDone: boolean;
}

/** Sends one request. A new command each time, since the SDK writes into a command's input. */
export type Send<T> = (client: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>;

export class S3Requests {
  readonly bucket: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly limits: S3Limits;
  /** Requests sent so far, by operation, second and third attempts included. */
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
    this.#gate = parts.gate ?? new RequestGate(parts.limits.requestsInFlightMax);
  }

  call(operation: S3Operation, key: string): S3Call {
    return { operation, bucket: this.bucket, prefix: this.prefix, key };
  }

  /** The same requests, counted together and through the same gate, for a caller with bounds of its own. */
  within(bounds: CallerBounds): S3Requests {
    return new S3Requests({ ...this.#parts, gate: this.#gate, counts: this.counts, bounds });
  }

  /** Sends until it is answered. Throws S3Failure. */
  send<T>(call: S3Call, send: Send<T>, options: RequestOptions = {}): Promise<T> {
    return this.retried(call, () => this.sendOnce(call, send, options), options);
  }

  /**
   * `attempt` again and again until it succeeds, fails for good, has failed attemptsMax times, or has been throttled for
   * as long as the caller has time; each one passes the gate. Throws S3Failure, or what is no failure of S3 as it is.
   */
  async retried<T>(call: S3Call, attempt: () => Promise<T>, { signal }: RequestOptions = {}): Promise<T> {
    const { attemptsMax } = this.limits;
    const state: RetryState = {
      call,
      attempts: 0,
      maybeDone: false,
      throttles: 0,
      throttledSinceMs: 0,
      signal,
    };
    for (let failures = 1; ; failures++) {
      try {
        return await this.#gate.through(() => this.#throughThrottles(attempt, state), signal);
      } catch (error) {
        if (error instanceof S3Failure) throw error;
        const fault = faultOf(error);
        state.throttles = 0;
        state.maybeDone ||= isPassing(error) || sentByClient(error) > 1;
        if ((fault !== 'passing' && fault !== 'conflict') || failures === attemptsMax) {
          throw new S3Failure(error, state);
        }
        await this.#pause(backoffMs(failures, this.limits, this.#parts.random), signal);
      }
    }
  }

  /** `attempt` until it is not throttled. Throws S3Failure when the next one would come too late. */
  async #throughThrottles<T>(attempt: () => Promise<T>, state: RetryState): Promise<T> {
    for (;;) {
      if (state.signal?.aborted) throw new S3Cancelled();
      state.attempts += 1;
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof S3Failure || faultOf(error) !== 'throttled') throw error;
        this.#noteThrottle();
        const nowMs = this.clock.nowMs();
        if (state.throttles === 0) state.throttledSinceMs = nowMs;
        state.throttles += 1;
        state.maybeDone = true;
        const delayMs = backoffMs(state.throttles, this.limits, this.#parts.random);
        const throttledMs = nowMs - state.throttledSinceMs;
        if (throttledMs + delayMs >= this.limits.throttledMsMax || delayMs > this.#remainingMs()) {
          throw new S3Failure(error, { ...state, throttledMs });
        }
        await this.#pause(delayMs, state.signal);
      }
    }
  }

  /** One request, without another attempt, for a bounded time. */
  async sendOnce<T>(call: S3Call, send: Send<T>, options: RequestOptions = {}): Promise<T> {
    const { timeoutMs = this.limits.answerTimeoutMs, signal } = options;
    this.counts[call.operation] = (this.counts[call.operation] ?? 0) + 1;
    const controller = new AbortController();
    const { promise: cut, reject: cutOff } = Promise.withResolvers<never>();
    const stop = (why: Error) => {
      cutOff(why);
      controller.abort();
    };
    const onAbort = () => stop(new S3Cancelled());
    const cancelTimer = patientTimer(this.clock, timeoutMs, () =>
      stop(new S3Interrupted(`no answer for ${timeoutMs} ms`)),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = send(this.#parts.client, { abortSignal: controller.signal });
      answer.catch(() => {});
      return await Promise.race([cut, answer]);
    } catch (error) {
      // Also that of a hedged read, which fails without anybody hearing of it.
      if (faultOf(error) === 'throttled') this.#noteThrottle();
      throw error;
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async region(): Promise<string | undefined> {
    return await this.#parts.client.config.region().catch(() => undefined);
  }

  #noteThrottle(): void {
    this.#parts.onThrottled(this.clock.nowMs());
  }

  /** Until the caller's deadline. */
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
