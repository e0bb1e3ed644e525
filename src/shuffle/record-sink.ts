/** Where merged records go. */
import type { RecordSlice } from '../codec/record-slice.ts';

/** Receives records. */
export interface RecordSink {
  append(record: Readonly<RecordSlice>): void;
  /** Whether the caller should await flush() before it appends many more records. */
  readonly wantsFlush: boolean;
  flush(): Promise<void>;
  /** Set if the sink also takes whole blocks of records. */
  readonly bulk?: BulkSink | undefined;
}

/** Receives merged records a block at a time. */
export interface BulkSink {
  /** The byte that follows each value, without its key; undefined for the payloads of blocks (block.ts). */
  readonly suffix?: number;
  /** A block is complete when it has so many bytes. */
  readonly blockBytes: number;
  /** A block may have so many. Larger records go to append() of the RecordSink. */
  readonly roomBytes: number;
  /** Copies a block. */
  appendBlock(block: Buffer, records: number): void;
}
