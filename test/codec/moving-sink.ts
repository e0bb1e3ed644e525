import type { ByteSink } from '../../src/codec/codec.ts';

/**
 * The most awkward sink that the contract allows: it makes exactly the room asked for, in a new buffer every time, and
 * moves the bytes written so far. A codec that writes without reserving, or keeps `bytes` or `end` across a call,
 * loses bytes.
 */
export class MovingSink implements ByteSink {
  bytes: Buffer = Buffer.alloc(0);
  end = 0;
  #start = 0;
  #moves = 0;

  reserve(sizeBytes: number): void {
    if (this.bytes.length - this.end >= sizeBytes) return;
    const written = this.taken();
    this.#start = 1 + (this.#moves++ % 3);
    this.bytes = Buffer.alloc(this.#start + written.length + sizeBytes, 0xee);
    this.bytes.set(written, this.#start);
    this.end = this.#start + written.length;
  }

  /** A copy of everything written so far. */
  taken(): Buffer {
    if (this.end > this.bytes.length)
      throw new Error(`wrote ${this.end - this.bytes.length} bytes beyond the room`);
    return Buffer.from(this.bytes.subarray(this.#start, this.end));
  }
}
