/**
 * The bytes of an object or of a part: a list of buffers, which is never copied, or only a size. Bytes of which there is
 * only the size read as zeros, so that objects of many gigabytes take no memory.
 */
import { crc32 } from 'node:zlib';

export interface StoredBytes {
  readonly sizeBytes: number;
  /** Changes with the content, as an ETag does. */
  readonly checksum: number;
  /** Undefined: all bytes are zeros. */
  readonly buffers: readonly Buffer[] | undefined;
}

const ZEROS = Buffer.alloc(1024 * 1024);

/** Takes over the buffers: they must not change any more. */
export function bytesOf(...buffers: readonly Buffer[]): StoredBytes {
  const sizeBytes = buffers.reduce((sum, { length }) => sum + length, 0);
  const checksum = buffers.reduce((sum, buffer) => crc32(buffer, sum), 0);
  return { sizeBytes, checksum, buffers };
}

export function zeros(sizeBytes: number): StoredBytes {
  return { sizeBytes, checksum: sizeBytes >>> 0, buffers: undefined };
}

/** If the bytes of one part are only a size, so are those of the whole. */
export function concatenated(parts: readonly StoredBytes[]): StoredBytes {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const checksum = crc32(parts.map((part) => part.checksum).join());
  const isKnown = parts.every(({ buffers }) => buffers !== undefined);
  return { sizeBytes, checksum, buffers: isKnown ? parts.flatMap(({ buffers }) => buffers!) : undefined };
}

/** Yields the bytes [start, end) in pieces of at most `pieceBytesMax`, without copying them. */
export function* piecesOf(
  { buffers, sizeBytes }: StoredBytes,
  { start, end, pieceBytesMax }: { start: number; end: number; pieceBytesMax: number },
): Generator<Buffer> {
  if (buffers === undefined) {
    for (let at = start; at < end; at += Math.min(pieceBytesMax, ZEROS.length)) {
      yield ZEROS.subarray(0, Math.min(pieceBytesMax, ZEROS.length, end - at));
    }
    return;
  }
  let bufferStart = 0;
  for (const buffer of buffers) {
    const from = Math.max(start, bufferStart) - bufferStart;
    const to = Math.min(end, sizeBytes, bufferStart + buffer.length) - bufferStart;
    for (let at = from; at < to; at += pieceBytesMax) {
      yield buffer.subarray(at, Math.min(at + pieceBytesMax, to));
    }
    bufferStart += buffer.length;
    if (bufferStart >= end) return;
  }
}

export function sliced(bytes: StoredBytes, start: number, end: number): StoredBytes {
  if (start === 0 && end === bytes.sizeBytes) return bytes;
  if (bytes.buffers === undefined) return zeros(end - start);
  return bytesOf(...piecesOf(bytes, { start, end, pieceBytesMax: Number.POSITIVE_INFINITY }));
}
