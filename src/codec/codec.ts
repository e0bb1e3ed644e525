/**
 * How keys and values become bytes. A codec must decode what it encoded to an equal value. A key codec must also keep
 * order: comparing two encoded keys byte by byte (unsigned, the shorter first if one is a prefix of the other) must give the
 * order of the keys. So the engine can sort, merge and partition without decoding keys.
 */
import type { BytesRange } from './bytes-range.ts';

/** Where codecs write: a buffer that the engine owns, and how far it is filled. */
export interface ByteSink {
  /** The buffer. The room after `end` may hold anything. */
  bytes: Buffer;
  /** Where the next byte goes. A codec advances it by the bytes it writes. */
  end: number;
  /**
   * Makes room: afterwards `bytes.length - end >= sizeBytes`. It may replace `bytes` and move `end`, so a codec
   * must read both again after the call.
   */
  reserve(sizeBytes: number): void;
}

/**
 * How values of one type become bytes and are read again. Both methods are synchronous.
 *
 * @example
 * const dates: Codec<Date> = {
 *   name: 'date',
 *   encode(date, sink) {
 *     sink.reserve(8);
 *     sink.bytes.writeDoubleLE(date.getTime(), sink.end);
 *     sink.end += 8;
 *   },
 *   decode: (bytes, start) => new Date(bytes.readDoubleLE(start)),
 * };
 */
export interface Codec<T> {
  /** Part of the job's identity: codecs that write different bytes must have different names. */
  readonly name: string;
  /** Appends the value's bytes at `sink.end`. Should throw an error that names the value if it cannot be encoded. */
  encode(value: T, sink: ByteSink): void;
  /** Reads the value whose bytes are `bytes[start, end)`. The result holds no reference to `bytes`. */
  decode(bytes: Buffer, start: number, end: number): T;
}

/** A codec whose bytes sort as its values do, so that it can encode keys. */
export interface KeyCodec<T> extends Codec<T> {
  /** The codec's promise that comparing encoded bytes gives the order of the values. */
  readonly ordered: true;
}

/** The type of JSON keys or values. Made by `json<T>()`. */
export interface JsonType<T> {
  /** Distinguishes it from the other types. */
  readonly json: true;
  /** Carries T for the compiler; never present. */
  readonly type?: T;
}

/** What a job may have as `key`: the name of a type, a tuple of types, `json<T>()`, or a custom KeyCodec. */
export type KeyType =
  | 'string'
  | 'number'
  | 'bytes'
  | JsonType<unknown>
  | KeyCodec<unknown>
  | readonly KeyType[];

/** What a job may have as `value`: the name of a type, a tuple of types, `json<T>()`, or a custom Codec. */
export type ValueType =
  | 'string'
  | 'number'
  | 'bytes'
  | JsonType<unknown>
  | Codec<unknown>
  | readonly ValueType[];

/** The TypeScript type of a KeyType or ValueType: `['string', 'number']` gives `readonly [string, number]`. */
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
            ? // An array of unknown length is the bound of a type that is still being inferred: recursion would never end.
              number extends T['length']
              ? readonly unknown[]
              : { readonly [I in keyof T]: TypeOf<T[I]> }
            : never;

/**
 * What `emit` takes for a KeyType or ValueType: where it says text or bytes, also a range of bytes, which `emit` copies.
 * `['string', 'number']` gives `readonly [string | BytesRange, number]`.
 */
export type EmittedOf<T> = T extends 'string'
  ? string | BytesRange
  : T extends 'bytes'
    ? Uint8Array | BytesRange
    : T extends 'number' | JsonType<unknown> | Codec<unknown>
      ? TypeOf<T>
      : T extends readonly unknown[]
        ? number extends T['length']
          ? readonly unknown[]
          : { readonly [I in keyof T]: EmittedOf<T[I]> }
        : never;
