/** How an attempt shows that it is alive, and learns that it should stop. */

/** What an attempt reports while it runs. Plain numbers, cheap enough to update per record; others read them at any time. */
export interface Progress {
  recordsRead: number;
  bytesRead: number;
  recordsWritten: number;
  bytesSpilled: number;
  spills: number;
  /** The index of the piece in the split and the byte offset of the current chunk, to report where a worker died. */
  pieceIndex: number;
  chunkOffsetBytes: number;
  /** Emits, counts, values read and values combined: they show progress inside one call of the user's code. */
  steps: number;
}

/** Of an attempt that has done nothing yet. */
export function newProgress(): Progress {
  return {
    recordsRead: 0,
    bytesRead: 0,
    recordsWritten: 0,
    bytesSpilled: 0,
    spills: 0,
    pieceIndex: 0,
    chunkOffsetBytes: 0,
    steps: 0,
  };
}

export interface AttemptControl {
  /** Called between chunks and blocks. Throws CancelledError or DeadlineNearError if the attempt should stop. */
  check(): void;
}
