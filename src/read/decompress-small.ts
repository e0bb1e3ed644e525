/**
 * Decompresses a small file in one call. A stream for each file would cost more than the file: with thousands of small ones, most
 * of a task's time.
 *
 * Only what this call decompresses without any doubt is used. If it fails, or does not consume all bytes (several compressed
 * streams in sequence, padding), or the output is large, the streaming decoder reads the same bytes: it knows what is allowed, and
 * words the errors.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { KiB, LIMITS } from '../base/limits.ts';
import { type Compression, decompress, ZSTD_PARAMS } from './decompress.ts';

/**
 * @param source  the bytes of a file of at most LIMITS.smallFileBytes
 * @throws what decompress() throws
 */
export async function* decompressSmall(
  source: AsyncIterable<Buffer>,
  options: { compression: Compression; fileName: string },
): AsyncGenerator<Buffer, undefined> {
  const chunks: Buffer[] = [];
  // The source may reuse the memory of a chunk.
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const content = inOneCall(bytes, options.compression);
  if (content === undefined) yield* decompress(only(bytes), options);
  else if (content.length > 0) yield content;
}

function inOneCall(bytes: Buffer, compression: Compression): Buffer | undefined {
  if (compression === 'gzip' && sizeInTrailer(bytes) > LIMITS.smallFileContentBytesMax) return undefined;
  const options = { info: true, maxOutputLength: LIMITS.smallFileContentBytesMax, chunkSize: CHUNK_BYTES };
  try {
    // With `info`, they return an object; the types do not say so.
    const { buffer, engine } = (compression === 'gzip'
      ? gunzipSync(bytes, options)
      : zstdDecompressSync(bytes, { ...options, params: ZSTD_PARAMS })) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return engine.bytesWritten === bytes.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

/** The size of the content, modulo 2^32, in the last four bytes of a gzip file. It spares an attempt that would be in vain. */
function sizeInTrailer(bytes: Buffer): number {
  return bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4);
}

const CHUNK_BYTES = 32 * KiB;

async function* only(bytes: Buffer): AsyncGenerator<Buffer, undefined> {
  yield bytes;
}
