/**
 * Buffer's own primitives for text. They do what `write` and `toString` do, less the handling of optional arguments,
 * which for a key of ten bytes is most of the cost. Node has had them on every Buffer since its first releases, but
 * its type definitions leave them out.
 */
interface TextPrimitives {
  /** Writes the text as UTF-8; answers how many bytes that took. The room has to be there. */
  utf8Write(text: string, at: number, lengthMax?: number): number;
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

export type RawBuffer = Buffer & TextPrimitives;

export function raw(bytes: Buffer): RawBuffer {
  return bytes as RawBuffer;
}
