/** A window of a file in memory, as a store: the bytes that a reader of the window asks for first. */
import { LIMITS } from '../../base/limits.ts';
import type { SplitPiece } from '../../read/input-file.ts';
import { StoredPiece } from '../../read/open-piece.ts';
import { ForwardingStore } from '../../storage/forwarding-store.ts';
import type { ObjectStore, StreamOptions } from '../../storage/object-store.ts';

export class FetchedWindow extends ForwardingStore {
  readonly #bytes: Buffer;
  readonly #start: number;

  /** Fetches the window, and one chunk after it, as pieceBytes() will ask for them. */
  static async fetch(store: ObjectStore, piece: SplitPiece): Promise<FetchedWindow> {
    const open = new StoredPiece(piece, {
      store,
      recordBytesMax: 0,
      chunkBytes: undefined,
      onBad: () => {},
      count: () => {},
    });
    const start = Math.max(0, piece.startBytes - 1);
    return new FetchedWindow(
      store,
      start,
      await open.range(start, piece.endBytes + LIMITS.sampleWindowBytes),
    );
  }

  private constructor(store: ObjectStore, start: number, bytes: Buffer) {
    super(store);
    this.#start = start;
    this.#bytes = bytes;
  }

  override stream(key: string, options: StreamOptions = {}): AsyncIterableIterator<Buffer> {
    const { range, chunkSizeBytes = this.#bytes.length } = options;
    if (range?.start !== this.#start || range.end !== this.#start + this.#bytes.length) {
      return super.stream(key, options);
    }
    return chunksOf(this.#bytes, chunkSizeBytes);
  }
}

async function* chunksOf(bytes: Buffer, chunkBytes: number): AsyncGenerator<Buffer, undefined> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
