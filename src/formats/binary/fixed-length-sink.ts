import { appendBytes } from '../../codec/append-bytes.ts';
import { bytesCodec } from '../../codec/bytes-codec.ts';
import type { ByteSink, Codec } from '../../codec/codec.ts';
import { unencodable } from '../../codec/unencodable.ts';
import { type EncodedRecordWriter, recordWise, type Sink } from '../sink.ts';

/** The output half of `fixedLength(n)`: the values, one after the other. */
export function fixedLengthSink(recordBytes: number): Sink<unknown, Uint8Array> {
  const checked = (length: number, value: () => unknown): void => {
    if (length !== recordBytes) throw wrongLength(value(), recordBytes);
  };
  return recordWise({
    name: nameOf(recordBytes),
    extension: 'bin',
    write(_key: unknown, value: Uint8Array, out: ByteSink) {
      if (!(value instanceof Uint8Array)) throw wrongLength(value, recordBytes);
      checked(value.length, () => value);
      appendBytes(value, 0, value.length, out);
    },
    encodedWriter(_key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined {
      if (value !== bytesCodec) return undefined;
      return ({ valueBytes, valueStart, valueEnd }, out) => {
        checked(valueEnd - valueStart, () => valueBytes.subarray(valueStart, valueEnd));
        appendBytes(valueBytes, valueStart, valueEnd, out);
      };
    },
  });
}

function nameOf(recordBytes: number): string {
  return `fixed-length(${recordBytes})`;
}

const SHOWN_BYTES_MAX = 16;

function wrongLength(value: unknown, recordBytes: number): Error {
  const shown =
    value instanceof Uint8Array
      ? `${value.length} bytes (${Buffer.from(value.subarray(0, SHOWN_BYTES_MAX)).toString('hex')}${value.length > SHOWN_BYTES_MAX ? '...' : ''})`
      : undefined;
  return unencodable({
    codec: nameOf(recordBytes),
    value,
    ...(shown === undefined ? {} : { shown }),
    allowed: `a Uint8Array of exactly ${recordBytes} bytes`,
    remedy: 'Pad or cut the record, or choose another length.',
  });
}
