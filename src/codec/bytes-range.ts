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

const NO_BYTES = Buffer.alloc(0);

/**
 * The line that a parser is delivering as a string, and where its bytes lie. If a job emits that very text, its bytes need not be
 * encoded again, and are copied together with those of other lines (src/map/record-buffer.ts).
 *
 * There is one line, since a thread delivers one at a time. Text decides whether it is the line, so that it does not matter who
 * delivered it. Its bytes stay unchanged until clear().
 */
class LineInBytes {
  text = '';
  /** The UTF-8 bytes of the text are bytes[start, end): one for each character. A block of its own, for all of its lines. */
  bytes: Buffer = NO_BYTES;
  start = 0;
  end = 0;

  /** Called when the bytes may change. */
  clear(): void {
    this.text = '';
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
  }
}

export const lineInBytes = new LineInBytes();
