/** Counts of the requests that S3 received: by operation, by second, refused, and a checksum over the schedule. */
import { crc32 } from 'node:zlib';
import type { S3Operation } from '../../src/storage/s3/s3-errors.ts';

export type Outcome = 'served' | 'throttled' | 'failed';

export class RequestLog {
  /** Of all requests that arrived, whatever their outcome. */
  readonly counts: Partial<Record<S3Operation, number>> = {};
  /** Of those that S3 charges for: it does not charge for a 503. */
  readonly charged: Partial<Record<S3Operation, number>> = {};
  throttled = 0;
  bytesRead = 0;
  bytesWritten = 0;
  inFlight = 0;
  inFlightMax = 0;
  /** Requests by second, without refused ones. */
  readonly #served: number[] = [];
  #schedule = 0;

  /** @param nowMs  when the request arrived */
  add(operation: S3Operation, key: string, { nowMs, outcome }: { nowMs: number; outcome: Outcome }): void {
    this.counts[operation] = (this.counts[operation] ?? 0) + 1;
    this.#schedule = crc32(`${nowMs} ${operation} ${key} ${outcome};`, this.#schedule);
    if (outcome === 'throttled') {
      this.throttled += 1;
      return;
    }
    this.charged[operation] = (this.charged[operation] ?? 0) + 1;
    const second = Math.floor(nowMs / 1000);
    this.#served[second] = (this.#served[second] ?? 0) + 1;
  }

  begin(): void {
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
  }

  end(): void {
    this.inFlight -= 1;
  }

  /** Equal for two runs with the same requests at the same times. */
  get schedule(): string {
    return this.#schedule.toString(16).padStart(8, '0');
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Requests served in each second. */
  get perSecond(): readonly number[] {
    return Array.from(this.#served, (count) => count ?? 0);
  }

  get peakPerSecond(): number {
    return this.perSecond.reduce((peak, count) => Math.max(peak, count), 0);
  }
}
