import { appendBytes } from './append-bytes.ts';
import { type BytesRange, isBytesRange } from './bytes-range.ts';
import type { ByteSink, KeyCodec } from './codec.ts';
import { unencodable } from './unencodable.ts';

/** A Uint8Array, unchanged; for both keys and values. It also encodes a range of bytes. */
export const bytesCodec: KeyCodec<Uint8Array> = {
  name: 'bytes',
  ordered: true,
  encode(value: Uint8Array | BytesRange, sink: ByteSink): void {
    if (value instanceof Uint8Array) appendBytes(value, 0, value.length, sink);
    else if (isBytesRange(value)) appendBytes(value.bytes, value.start, value.end, sink);
    else throw notBytes(value);
  },
  decode(bytes: Buffer, start: number, end: number): Uint8Array {
    const copy = new Uint8Array(end - start);
    copy.set(bytes.subarray(start, end));
    return copy;
  },
};

function notBytes(value: unknown): Error {
  return unencodable({
    codec: 'bytes',
    value,
    allowed: 'a Uint8Array, a Buffer, or a range of bytes ({ bytes, start, end })',
    remedy: 'Emit Buffer.from(text) for text, or declare the type that is emitted.',
  });
}
