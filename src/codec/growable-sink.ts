import type { ByteSink } from './codec.ts';

/**
 * A sink with a buffer of its own that doubles when it is full: a write costs amortised O(1), and reserve() never moves
 * `end`. It has no bound: its owner decides when to empty it.
 */
export class GrowableSink implements ByteSink {
  bytes: Buffer;
  end = 0;

  constructor(capacityBytes = 1024) {
    // Not from Node's pool: a sink lives long, and would keep a whole slab of the pool alive.
    this.bytes = Buffer.allocUnsafeSlow(Math.max(16, capacityBytes));
  }

  reserve(sizeBytes: number): void {
    const neededBytes = this.end + sizeBytes;
    if (neededBytes <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(neededBytes, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }

  /** Forgets what was written, and keeps the buffer. */
  reset(): void {
    this.end = 0;
  }
}
