/**
 * Bounds the number of concurrent requests, first come, first served. Time spent waiting here does not count as S3 being
 * slow. A throttled request keeps its place while it backs off, so that the whole process slows down: otherwise new
 * requests would take its place and be throttled as well.
 */
import { S3Cancelled } from './s3-errors.ts';

export class RequestGate {
  /** In order of arrival. */
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(requestsInFlightMax: number) {
    this.#free = requestsInFlightMax;
  }

  /** Throws S3Cancelled if the signal is aborted before this request's turn. */
  async through<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) throw new S3Cancelled();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.delete(enter);
      signal?.removeEventListener('abort', onAbort);
    };
    const enter = () => {
      leave();
      resolve();
    };
    const onAbort = () => {
      leave();
      reject(new S3Cancelled());
    };
    this.#waiting.add(enter);
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }
}
