import type { ByteSink, Codec } from '../codec/codec.ts';

/** How results become bytes in `part-r-00000.<extension>`. */
export interface OutputFormat<K, V> {
  readonly name: string;
  /** Without the dot. */
  readonly extension: string;
  /** Appends one record. Throws UnencodableValueError for what the format cannot hold. */
  write(key: K, value: V, sink: ByteSink): void;
  /**
   * A faster way for reducers that pass keys and values through: appends a record straight from its encoded bytes.
   * Undefined where the format knows no shortcut for these codecs; the result must be the same as write()'s.
   */
  encodedWriter?(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined;
}

export type EncodedRecordWriter = (
  keyBytes: Buffer,
  keyStart: number,
  keyEnd: number,
  valueBytes: Buffer,
  valueStart: number,
  valueEnd: number,
  sink: ByteSink,
) => void;
