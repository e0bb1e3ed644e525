/**
 * How keys and values become bytes. A value codec has to round-trip; a key codec must also keep order: comparing two
 * encoded keys byte by byte (unsigned, the shorter first where one is a prefix of the other) gives the order of the
 * keys. That is what lets the engine sort, merge and partition without ever decoding a key.
 */

/** Where codecs write: a buffer that the engine owns, and how far it is filled. */
export interface ByteSink {
  bytes: Buffer;
  /** Where the next byte goes. Codecs advance it. */
  end: number;
  /**
   * Makes room: afterwards `bytes.length - end >= sizeBytes`. May replace `bytes` and move `end`, so a codec
   * re-reads both after the call.
   */
  reserve(sizeBytes: number): void;
}

export interface Codec<T> {
  /** Part of the job's identity: two codecs that write different bytes have different names. */
  readonly name: string;
  /** Appends the value's bytes at `sink.end`. Throws UnencodableValueError, saying which value and why. */
  encode(value: T, sink: ByteSink): void;
  /** Reads the value whose bytes are `bytes[start, end)`. The result holds no reference to `bytes`. */
  decode(bytes: Buffer, start: number, end: number): T;
}

/** A codec whose bytes sort as its values do. */
export interface KeyCodec<T> extends Codec<T> {
  readonly ordered: true;
}

/** A JSON value typed by the caller; made by `json<T>()`. */
export interface JsonType<T> {
  readonly json: true;
  /** Type only, never present. */
  readonly type?: T;
}

/** What a job writes for its `key`: a type's name, a tuple of them, `json<T>()`, or a codec of one's own. */
export type KeyType =
  | 'string'
  | 'number'
  | 'bytes'
  | JsonType<unknown>
  | KeyCodec<unknown>
  | readonly KeyType[];

/** What a job writes for its `value`. */
export type ValueType =
  | 'string'
  | 'number'
  | 'bytes'
  | JsonType<unknown>
  | Codec<unknown>
  | readonly ValueType[];

/** The TypeScript type behind a KeyType or ValueType: `['string', 'number']` is `readonly [string, number]`. */
export type TypeOf<T> = T extends 'string'
  ? string
  : T extends 'number'
    ? number
    : T extends 'bytes'
      ? Uint8Array
      : T extends JsonType<infer V>
        ? V
        : T extends Codec<infer V>
          ? V
          : T extends readonly unknown[]
            ? // An array of unknown length is the bound of a type still being inferred: following it would not end.
              number extends T['length']
              ? readonly unknown[]
              : { readonly [I in keyof T]: TypeOf<T[I]> }
            : never;
