/**
 * Reads small files ahead. A task with thousands of small files would otherwise wait for the store once per file: on S3 for a
 * whole request.
 *
 *     pieces     |file 1|file 2|file 3|======= a large file =======|file 4|file 5|file 6|...
 *     requests    taken  |---- in flight or arrived: bounded by number and by bytes ----|
 *
 * It is a store in front of the store. A stream that reads a small file which was requested ahead waits for that request, and gets
 * its error, as if it had asked for it only then.
 */
import { LIMITS } from '../base/limits.ts';
import { ForwardingStore } from '../storage/forwarding-store.ts';
import type { ObjectStore, StreamOptions } from '../storage/object-store.ts';
import type { InputFile, SplitPiece } from './input-file.ts';

export class SmallFilesAhead extends ForwardingStore {
  readonly #store: ObjectStore;
  readonly #pieces: readonly SplitPiece[];
  readonly #bytesMax: number;
  /** By key. Files that are read from their start to their end. */
  readonly #ahead = new Map<string, { readonly file: InputFile; readonly bytes: Promise<Buffer> }>();
  #bytesAhead = 0;
  /** The next piece to look at. */
  #next = 0;

  /**
   * @param pieces  in the order in which the task reads them
   * @param memoryBytes  the worker's budget
   */
  constructor(
    store: ObjectStore,
    { pieces, memoryBytes }: { pieces: readonly SplitPiece[]; memoryBytes: number },
  ) {
    super(store);
    this.#store = store;
    this.#pieces = pieces;
    this.#bytesMax = Math.min(
      LIMITS.smallFilesAheadBytesMax,
      memoryBytes * LIMITS.smallFilesAheadMemoryFraction,
    );
  }

  override stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    this.#request();
    const ahead = this.#ahead.get(key);
    if (ahead === undefined || !isOfWhole(ahead.file, options)) return super.stream(key, options);
    return this.#taken(ahead);
  }

  /** Requests nothing more. What is in flight is left to itself. */
  [Symbol.dispose](): void {
    this.#next = this.#pieces.length;
    this.#ahead.clear();
  }

  async *#taken({
    file,
    bytes,
  }: {
    file: InputFile;
    bytes: Promise<Buffer>;
  }): AsyncGenerator<Buffer, undefined> {
    try {
      yield await bytes;
    } finally {
      this.#ahead.delete(file.key);
      this.#bytesAhead -= file.sizeBytes;
      this.#request();
    }
  }

  #request(): void {
    // A single file gains nothing.
    if (this.#pieces.length === 1) return;
    while (this.#next < this.#pieces.length && this.#ahead.size < LIMITS.smallFilesAheadMax) {
      const piece = this.#pieces[this.#next]!;
      const { file } = piece;
      if (isSmallFile(piece) && !this.#ahead.has(file.key)) {
        if (this.#bytesAhead + file.sizeBytes > this.#bytesMax) return;
        const bytes = this.#store.get(file.key, { ifMatch: file.etag });
        // It may fail long before its turn, or never be taken.
        bytes.catch(() => {});
        this.#ahead.set(file.key, { file, bytes });
        this.#bytesAhead += file.sizeBytes;
      }
      this.#next += 1;
    }
  }
}

function isSmallFile({ file, startBytes, endBytes }: SplitPiece): boolean {
  const isWhole = startBytes === 0 && endBytes === file.sizeBytes;
  return isWhole && file.sizeBytes > 0 && file.sizeBytes <= LIMITS.smallFileBytes;
}

function isOfWhole(file: InputFile, { range, ifMatch }: StreamOptions): boolean {
  return ifMatch === file.etag && range?.start === 0 && range.end === file.sizeBytes;
}
