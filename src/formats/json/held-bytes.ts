/** Bytes of a file that have arrived and are not done with. The byte after them is 0, at which the scanner of JSON stops. */
export class HeldBytes {
  bytes: Buffer = Buffer.alloc(1);
  /** How many bytes there are. */
  length = 0;
  /** Bytes before this place are done with: append() may drop them. */
  at = 0;
  #droppedBytes = 0;

  append(chunk: Buffer): void {
    if (this.length + chunk.length >= this.bytes.length) this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
    this.bytes[this.length] = 0;
  }

  /** The offset in the file of a place. */
  offsetOf(at: number): number {
    return this.#droppedBytes + at;
  }

  /** All of them, for messages. */
  all(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  #makeRoom(moreBytes: number): void {
    const kept = this.bytes.subarray(this.at, this.length);
    const needed = kept.length + moreBytes + 1;
    const target = needed > this.bytes.length ? Buffer.allocUnsafe(needed * 2) : this.bytes;
    target.set(kept);
    this.bytes = target;
    this.#droppedBytes += this.at;
    this.length = kept.length;
    this.at = 0;
  }
}
