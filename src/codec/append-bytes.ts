import { copyBytes } from '../base/byte-ranges.ts';
import type { ByteSink } from './codec.ts';

/** Appends source[start, end) to the sink. The source must not be the sink's own buffer. */
export function appendBytes(source: Uint8Array, start: number, end: number, sink: ByteSink): void {
  const sizeBytes = end - start;
  if (sink.bytes.length - sink.end < sizeBytes) sink.reserve(sizeBytes);
  sink.end = copyBytes(source, start, end, sink.bytes, sink.end);
}
