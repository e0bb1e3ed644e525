/** How an attempt tells that it is alive, and is told to stop. */

/** What an attempt tells of itself while it runs; plain numbers, read by others at any time. Cheap enough per record. */
export interface Progress {
  recordsRead: number;
  bytesRead: number;
  recordsWritten: number;
  bytesSpilled: number;
  spills: number;
  /** Index of the piece of the split, and the byte offset of the chunk being read: where a worker died. */
  pieceIndex: number;
  chunkOffsetBytes: number;
  /** Emits, counts, values read and values combined: signs of life inside one call of the user's code. */
  steps: number;
}

export interface AttemptControl {
  /** Asked between chunks and blocks: throws CancelledError or DeadlineNearError when the attempt should stop. */
  check(): void;
}
