import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { preview } from '../../base/show-value.ts';
import { appendBytes } from '../../codec/append-bytes.ts';
import { bytesCodec } from '../../codec/bytes-codec.ts';
import type { ByteSink, Codec } from '../../codec/codec.ts';
import { unencodable } from '../../codec/unencodable.ts';
import { byteRanges } from '../byte-ranges.ts';
import { type EncodedRecordWriter, recordWise, type Sink } from '../sink.ts';
import type { Source } from '../source.ts';

/**
 * Files that consist of records of exactly `recordBytes` bytes, as `input` and as `output`. As a source, each record is a Buffer that is valid until
 * `map` returns: `Buffer.from(record)` keeps it. Files may be plain, gzip or zstd, and plain files are split anywhere.
 *
 * If the size of a file is not a multiple of `recordBytes`, the bytes after the last whole record are a bad record: the job
 * fails, or skips it if it skips bad records.
 *
 * As an output, the value is the record, and nothing separates the records; the extension is `bin`. The key is not written;
 * it only sorts the records. A value of another length is an UnencodableValueError.
 *
 * @throws JobDefinitionError unless `recordBytes` is a whole number from 1 to 268435456 (256 MiB). While the job runs, a
 *   record larger than a quarter of the worker's memory is a RecordTooLargeError.
 *
 * @example
 * // TeraSort: 10 bytes of key, 90 bytes of value.
 * input: fixedLength(100),
 * map: (record, { emit }) => emit(record.toString('latin1', 0, 10), record.toString('latin1', 10)),
 */
export function fixedLength(recordBytes: number): Source<Buffer> & Sink<unknown, Uint8Array> {
  if (!Number.isInteger(recordBytes) || recordBytes < 1 || recordBytes > LIMITS.recordBytesMax) {
    throw new MapReduceError(
      'JobDefinitionError',
      `fixedLength() received ${preview(recordBytes)}; the bytes of a record must be a whole number from 1 to ${LIMITS.recordBytesMax}.`,
    );
  }
  return {
    ...byteRanges({
      name: `fixed-length(${recordBytes})`,
      splittable: true,
      createParser: async (piece) =>
        new (await import('./fixed-length-parser.ts')).FixedLengthParser(piece, recordBytes),
    }),
    ...fixedLengthSink(recordBytes),
  };
}

/** The output half of `fixedLength(n)`: the values, one after the other. */
function fixedLengthSink(recordBytes: number): Sink<unknown, Uint8Array> {
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
