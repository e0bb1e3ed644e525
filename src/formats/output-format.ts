import type { ByteSink, Codec } from '../codec/codec.ts';

/** How the records of the result become bytes in `part-r-00000.<extension>`. */
export interface OutputFormat<K, V> {
  /** Shown in messages. */
  readonly name: string;
  /** Without the dot: letters, digits, '.', '_' and '-'. */
  readonly extension: string;
  /** Appends one record to the sink. Synchronous. Throws UnencodableValueError for what the format cannot hold. */
  write(key: K, value: V, sink: ByteSink): void;
  /**
   * Optional, for reducers that pass keys and values through: returns a function that appends a record straight from its
   * encoded bytes, or undefined if the format has no shortcut for these codecs. The bytes must be the same as those of
   * write().
   */
  encodedWriter?(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined;
}

/** Appends the record whose key is `keyBytes[keyStart, keyEnd)` and whose value is `valueBytes[valueStart, valueEnd)`. */
export type EncodedRecordWriter = (
  keyBytes: Buffer,
  keyStart: number,
  keyEnd: number,
  valueBytes: Buffer,
  valueStart: number,
  valueEnd: number,
  sink: ByteSink,
) => void;
