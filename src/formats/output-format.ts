import type { ByteSink, Codec } from '../codec/codec.ts';
import type { RecordSlice } from '../codec/record-slice.ts';

/** How the records of the result become bytes in `part-r-00000.<extension>`. */
export interface OutputFormat<K, V> {
  /** Shown in messages. */
  readonly name: string;
  /** Without the dot: letters, digits, '.', '_' and '-'. */
  readonly extension: string;
  /** Appends one record to the sink. Synchronous. @throws UnencodableValueError for what the format cannot hold */
  write(key: K, value: V, sink: ByteSink): void;
  /**
   * Optional, for reducers that pass keys and values through: returns a function that appends a record straight from its
   * encoded bytes, or undefined if the format has no shortcut for these codecs. The bytes must be the same as those of
   * write().
   */
  encodedWriter?(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined;
}

/**
 * Appends one record. The slice and its bytes belong to the engine: they are valid only during the call, and must not be
 * changed.
 */
export type EncodedRecordWriter = (record: Readonly<RecordSlice>, sink: ByteSink) => void;
