/**
 * How every request of the store is sent: at most so many at once, each for a bounded time, and again, a bounded number
 * of times with growing pauses, when it failed in a way that may pass. The one who retries is the store: the SDK's
 * own retries, where a client has them, come on top and count as attempts whose outcome is not known.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { backoffMs } from '../schedule/backoff.ts';
import type { Clock } from '../schedule/clock.ts';
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
  /** Called when S3 asks for fewer requests. */
  readonly onThrottled?: () => void;
}

/** Sends one request. A new command each time, since the SDK writes into a command's input. */
export type Send<T> = (client: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>;

export class S3Requests {
  readonly bucket: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly limits: S3Limits;
  /** Requests sent so far, by operation, second and third attempts included. */
  readonly counts: Partial<Record<S3Operation, number>> = {};
  readonly #client: S3Client;
  readonly #random: () => number;
  readonly #gate: RequestGate;

  constructor({
    client,
    bucket,
    prefix,
    clock,
    random,
    limits,
  }: {
    client: S3Client;
    bucket: string;
    prefix: string;
    clock: Clock;
    random: () => number;
    limits: S3Limits;
  }) {
    this.#client = client;
    this.bucket = bucket;
    this.prefix = prefix;
    this.clock = clock;
    this.#random = random;
    this.limits = limits;
    this.#gate = new RequestGate(limits.requestsInFlightMax);
  }

  call(operation: S3Operation, key: string): S3Call {
    return { operation, bucket: this.bucket, prefix: this.prefix, key };
  }

  /** Sends until it is answered. Throws S3Failure. */
  send<T>(call: S3Call, send: Send<T>, options: RequestOptions = {}): Promise<T> {
    return this.retried(call, () => this.sendOnce(call, send, options), options);
  }

  /**
   * `attempt` again and again until it succeeds, fails for good, or attemptsMax is reached; each one passes the gate.
   * Throws S3Failure, or what is no failure of S3 as it is.
   */
  async retried<T>(call: S3Call, attempt: () => Promise<T>, options: RequestOptions = {}): Promise<T> {
    const { attemptsMax } = this.limits;
    let maybeDone = false;
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#gate.through(() => {
          if (options.signal?.aborted) throw new S3Cancelled('nobody waits for it any more');
          return attempt();
        });
      } catch (error) {
        if (error instanceof S3Failure) throw error;
        const fault = faultOf(error);
        maybeDone ||= isPassing(error) || sentByClient(error) > 1;
        if (fault === 'throttled') options.onThrottled?.();
        const again = fault === 'passing' || fault === 'throttled' || fault === 'conflict';
        if (!again || attempts === attemptsMax) throw new S3Failure(error, { call, attempts, maybeDone });
        await this.#pause(backoffMs(attempts, this.limits, this.#random), options.signal);
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
    const onAbort = () => stop(new S3Cancelled('nobody waits for it any more'));
    const cancelTimer = patientTimer(this.clock, timeoutMs, () =>
      stop(new S3Interrupted(`no answer for ${timeoutMs} ms`)),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = send(this.#client, { abortSignal: controller.signal });
      answer.catch(() => {});
      return await Promise.race([cut, answer]);
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async region(): Promise<string | undefined> {
    return await this.#client.config.region().catch(() => undefined);
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      cancel();
      reject(new S3Cancelled('nobody waits for it any more'));
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
