import type { ByteSink } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import type { FileCompression, Sink } from './sink.ts';

/** What a file of merged records needs beside the records. Plain data, which crosses threads. */
export interface MergedFormat {
  readonly extension: string;
  /** The bytes before the records of a file, and after them. */
  readonly begin: Uint8Array;
  readonly end: Uint8Array;
  readonly compression?: FileCompression;
}

/** Calls begin() and end() of a recordWise sink, which always append the same bytes. */
export function mergedFormatOf(sink: Sink<never, never>): MergedFormat {
  const writer = sink.createWriter();
  return {
    extension: sink.extension,
    begin: bytesOf((out) => writer.begin?.(out)),
    end: bytesOf((out) => writer.end?.(out)),
    ...(sink.compression === undefined ? {} : { compression: sink.compression }),
  };
}

function bytesOf(append: (out: ByteSink) => void): Uint8Array {
  const out = new GrowableSink(16);
  append(out);
  return Uint8Array.from(out.bytes.subarray(0, out.end));
}
