/**
 * Buffer's own primitives for text. They do what `write` and `toString` do without handling optional arguments, which is
 * most of the cost for a key of ten bytes. Every Buffer has had them since Node's first releases, but Node's type
 * definitions omit them.
 */
interface TextPrimitives {
  /** Writes the text as UTF-8 and returns how many bytes that took. The caller must have reserved the room. */
  utf8Write(text: string, at: number, lengthMax?: number): number;
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

export type RawBuffer = Buffer & TextPrimitives;

export function raw(bytes: Buffer): RawBuffer {
  // The only place that adds the omitted methods to the type.
  return bytes as RawBuffer;
}
