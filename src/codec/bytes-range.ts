/**
 * Bytes inside a larger buffer: [start, end) of `bytes`. Where a key, a value, or a part of a tuple is text or bytes, `emit`
 * takes such a range too, and copies its bytes immediately. So nothing has to be decoded or copied before. As text, it means
 * its UTF-8 text, in which bytes that are not UTF-8 become U+FFFD.
 *
 * Any object with these properties is one, also a `BytesLine`.
 */
export interface BytesRange {
  readonly bytes: Buffer;
  /** 0 to `end`. */
  readonly start: number;
  /** At most `bytes.length`. */
  readonly end: number;
}

export function isBytesRange(value: unknown): value is BytesRange {
  if (typeof value !== 'object' || value === null) return false;
  // The cast: any property of an object may be read.
  const { bytes, start, end } = value as Partial<BytesRange>;
  return (
    Buffer.isBuffer(bytes) &&
    Number.isInteger(start) &&
    Number.isInteger(end) &&
    start! >= 0 &&
    end! >= start! &&
    end! <= bytes.length
  );
}

/** A range of its own of the same bytes. */
export function copyOfRange({ bytes, start, end }: BytesRange): BytesRange {
  return { bytes: Buffer.from(bytes.subarray(start, end)), start: 0, end: end - start };
}

/** Whether the range holds this byte. */
export function rangeIncludes({ bytes, start, end }: BytesRange, byte: number): boolean {
  const at = bytes.indexOf(byte, start);
  return at !== -1 && at < end;
}
