/**
 * Reads one partition of a run, block after block, from a stream of bytes; the next block is on its way while the
 * current one is merged. Verifies every block, that nothing is missing at the end, and that the number of records is
 * the one that was promised.
 */
import { giveBuffer, takeBuffer } from '../base/buffer-pool.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { BLOCK_HEADER_BYTES, type BlockHeader, corrupt, openBlock, readBlockHeader } from './block.ts';

/** Where the blocks of one partition of one run lie: [startBytes, endBytes) of an object. */
export interface RunSegment {
  readonly store: ObjectStore;
  readonly key: string;
  readonly etag: string | undefined;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly records: number;
}

const NO_BYTES = Buffer.alloc(0);

export interface OpenBlock {
  /** The raw records. Valid until the next call of next(). */
  readonly raw: Buffer;
  readonly records: number;
}

export class RunReader {
  readonly #segment: RunSegment;
  readonly #chunks: AsyncIterableIterator<Buffer>;
  /** Unread bytes: #pending[#at, #end). */
  #pending: Buffer = NO_BYTES;
  #at = 0;
  #end = 0;
  #recordsLeft: number;
  /** From the next block on. */
  #bytesLeft: number;
  /** Assembles blocks that cross chunks. */
  #own: Buffer = NO_BYTES;
  readonly #chunkBytes: number;

  constructor(segment: RunSegment, chunkSizeBytes: number) {
    this.#segment = segment;
    this.#recordsLeft = segment.records;
    this.#bytesLeft = segment.endBytes - segment.startBytes;
    this.#chunkBytes = Math.max(1, Math.min(chunkSizeBytes, segment.endBytes - segment.startBytes));
    this.#chunks = segment.store.stream(segment.key, {
      range: { start: segment.startBytes, end: segment.endBytes },
      chunkSizeBytes: this.#chunkBytes,
      ...(segment.etag === undefined ? {} : { ifMatch: segment.etag }),
    });
  }

  /** The next block, or undefined at the end. Throws CorruptShuffleError. */
  async next(): Promise<OpenBlock | undefined> {
    const origin = this.#segment.key;
    if (!(await this.#fill(BLOCK_HEADER_BYTES))) {
      if (this.#end > this.#at) throw corrupt(origin, 'it ends in the middle of a block header');
      if (this.#recordsLeft !== 0)
        throw corrupt(origin, `${this.#recordsLeft} records are missing at its end`);
      return undefined;
    }
    const header: BlockHeader = readBlockHeader(this.#pending, this.#at, origin);
    const blockBytes = BLOCK_HEADER_BYTES + header.storedBytes;
    // Before memory is taken for it: a flipped bit may claim half a gigabyte.
    if (blockBytes > this.#bytesLeft || !(await this.#fill(blockBytes))) {
      throw corrupt(origin, 'it ends in the middle of a block');
    }
    const raw = openBlock(this.#pending, this.#at, header, origin);
    this.#at += blockBytes;
    this.#bytesLeft -= blockBytes;
    this.#recordsLeft -= header.records;
    if (this.#recordsLeft < 0) throw corrupt(origin, 'it holds more records than its index says');
    return { raw, records: header.records };
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
    if (this.#own !== NO_BYTES) giveBuffer(this.#own);
    this.#own = NO_BYTES;
    this.#pending = NO_BYTES;
    this.#at = 0;
    this.#end = 0;
  }

  /** Makes at least `sizeBytes` unread bytes contiguous; false when the run ends before that. */
  async #fill(sizeBytes: number): Promise<boolean> {
    while (this.#end - this.#at < sizeBytes) {
      // The store may reuse a chunk's memory once it is asked for the next one: what is unread moves out first.
      if (this.#end > this.#at) this.#keepUnread(sizeBytes);
      const { value: chunk, done } = await this.#chunks.next();
      if (done) return false;
      if (this.#end === this.#at) {
        this.#pending = chunk;
        this.#at = 0;
        this.#end = chunk.length;
      } else {
        if (this.#own.length - this.#end < chunk.length) this.#keepUnread(this.#end + chunk.length);
        this.#end += chunk.copy(this.#own, this.#end);
      }
    }
    return true;
  }

  /** Moves the unread bytes to the start of a buffer of this reader's own, with room for `capacityBytes` in all. */
  #keepUnread(capacityBytes: number): void {
    const target =
      this.#own.length < capacityBytes ? takeBuffer(capacityBytes + this.#chunkBytes) : this.#own;
    this.#pending.copy(target, 0, this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
    if (target !== this.#own && this.#own !== NO_BYTES) giveBuffer(this.#own);
    this.#own = target;
    this.#pending = target;
  }
}
