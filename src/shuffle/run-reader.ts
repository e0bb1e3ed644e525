/**
 * Reads one partition of a run from a stream of bytes, block by block. The stream fetches the next block while the
 * current one is merged. The reader verifies every block, that the end is not missing, and that the number of records
 * matches the index.
 *
 * A merge has hundreds of runs open. If one of them failed the attempt, all would be read again. So the reader of a run
 * repeats what may succeed on another try: after a passing error of the store, it goes on where the stream ended; a block
 * that is damaged is read again, since the damage may be only in the bytes that arrived.
 */
import { giveBuffer, takeBuffer } from '../base/buffer-pool.ts';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { PhaseClock } from '../base/phase-clock.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { BLOCK_HEADER_BYTES, type BlockHeader, corrupt, openBlock, readBlockHeader } from './block.ts';

/** The position of the blocks of one partition of one run: [startBytes, endBytes) of an object. */
export interface RunSegment {
  readonly store: ObjectStore;
  readonly key: string;
  readonly etag: string | undefined;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly records: number;
  /** The object that errors name, if the segment is a copy of it. Default: `key`. */
  readonly origin?: string;
}

const NO_BYTES = Buffer.alloc(0);

export interface OpenBlock {
  /** The encoded records, decompressed. Valid until the next call of next(). */
  readonly raw: Buffer;
  readonly records: number;
}

export class RunReader {
  readonly #segment: RunSegment;
  #chunks: AsyncIterableIterator<Buffer>;
  /** Unread bytes: #pending[#at, #end). */
  #pending: Buffer = NO_BYTES;
  #at = 0;
  #end = 0;
  #recordsLeft: number;
  /** The number of bytes from the next block to the end. */
  #bytesLeft: number;
  /** Assembles blocks that cross chunks. */
  #own: Buffer = NO_BYTES;
  readonly #chunkBytes: number;
  readonly #phases: PhaseClock | undefined;
  /** How often the stream has been opened again since the last block. */
  #reopened = 0;
  #isClosed = false;

  constructor(segment: RunSegment, chunkSizeBytes: number, phases?: PhaseClock) {
    this.#phases = phases;
    this.#segment = segment;
    this.#recordsLeft = segment.records;
    this.#bytesLeft = segment.endBytes - segment.startBytes;
    this.#chunkBytes = Math.max(1, Math.min(chunkSizeBytes, segment.endBytes - segment.startBytes));
    this.#chunks = this.#open(segment.startBytes);
  }

  /**
   * Reads the next block; returns undefined at the end.
   *
   * @throws CorruptShuffleError if the run is damaged
   */
  async next(): Promise<OpenBlock | undefined> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        const block = await this.#nextBlock();
        this.#reopened = 0;
        return block;
      } catch (error) {
        const isDamaged = error instanceof MapReduceError && error.name === 'CorruptShuffleError';
        if (!isDamaged || isAgain || this.#isClosed) throw error;
        this.#at = 0;
        this.#end = 0;
        await this.#reopen(this.#segment.endBytes - this.#bytesLeft);
      }
    }
  }

  async #nextBlock(): Promise<OpenBlock | undefined> {
    const origin = this.#segment.origin ?? this.#segment.key;
    if (!(await this.#fill(BLOCK_HEADER_BYTES))) {
      if (this.#end > this.#at) throw corrupt(origin, 'it ends in the middle of a block header');
      if (this.#recordsLeft !== 0)
        throw corrupt(origin, `${this.#recordsLeft} records are missing at its end`);
      return undefined;
    }
    const header: BlockHeader = readBlockHeader(this.#pending, this.#at, origin);
    const blockBytes = BLOCK_HEADER_BYTES + header.storedBytes;
    // This is checked before memory is allocated, because a flipped bit may claim half a gigabyte.
    if (blockBytes > this.#bytesLeft || !(await this.#fill(blockBytes))) {
      throw corrupt(origin, 'it ends in the middle of a block');
    }
    // Several readers may run at once, so only what is synchronous is counted here.
    const before = this.#phases?.enter('reading');
    let raw: Buffer;
    try {
      raw = openBlock(this.#pending, this.#at, header, origin);
    } finally {
      if (before !== undefined) this.#phases!.enter(before);
    }
    if (header.records > this.#recordsLeft)
      throw corrupt(origin, 'it holds more records than its index says');
    this.#at += blockBytes;
    this.#bytesLeft -= blockBytes;
    this.#recordsLeft -= header.records;
    return { raw, records: header.records };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#chunks.return?.();
    if (this.#own !== NO_BYTES) giveBuffer(this.#own);
    this.#own = NO_BYTES;
    this.#pending = NO_BYTES;
    this.#at = 0;
    this.#end = 0;
  }

  /** Makes at least `sizeBytes` unread bytes contiguous. Returns false if the run ends before that. */
  async #fill(sizeBytes: number): Promise<boolean> {
    while (this.#end - this.#at < sizeBytes) {
      // The store may reuse the memory of a chunk when the next one is requested, so unread bytes are copied first.
      if (this.#end > this.#at) this.#keepUnread(sizeBytes);
      const chunk = await this.#nextChunk();
      if (chunk === undefined) return false;
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

  async #nextChunk(): Promise<Buffer | undefined> {
    for (;;) {
      try {
        const { value, done } = await this.#chunks.next();
        return done ? undefined : value;
      } catch (error) {
        if (!mayPass(error) || this.#isClosed || this.#reopened >= LIMITS.runReopensMax) throw error;
        this.#reopened += 1;
        await this.#reopen(this.#segment.endBytes - this.#bytesLeft + this.#end - this.#at);
      }
    }
  }

  async #reopen(startBytes: number): Promise<void> {
    const ended = this.#chunks;
    // A stream reads nothing before its first chunk is requested, so that close() may find this one unused.
    this.#chunks = this.#open(startBytes);
    await ended.return?.();
  }

  #open(start: number): AsyncIterableIterator<Buffer> {
    const { store, key, endBytes: end, etag } = this.#segment;
    return store.stream(key, {
      range: { start, end },
      chunkSizeBytes: this.#chunkBytes,
      ...(etag === undefined ? {} : { ifMatch: etag }),
    });
  }

  /** Moves the unread bytes to the start of a buffer that this reader owns, with room for `capacityBytes` in total. */
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

/** Whether the same read may succeed on another try. */
export function mayPass(error: unknown): boolean {
  return error instanceof MapReduceError && error.name === 'StorageError' && error.retryable;
}
