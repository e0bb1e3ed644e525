/**
 * The stored bytes of one piece and, as long as the reader asks for more, of what follows it in the file.
 *
 *     file     |...............|------ piece ------|..............................|
 *     ranges                  |--------------------------| then |----| |--------| ...
 *                             one byte before             one chunk after it: enough for most last records
 *
 * The first range ends one chunk after the piece, since a record that starts in the piece may end after it. Further
 * ranges, each twice as large, are requested only while that record is incomplete. So a task reads its own split and not
 * the rest of the file, and a record of n bytes costs O(log n) requests.
 */
import { MapReduceError } from '../base/errors.ts';
import { LIMITS, MiB } from '../base/limits.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { SplitPiece } from './input-file.ts';

/** Counts the bytes of the chunks handed out, but not bytes that were read ahead and never used. */
export interface BytesRead {
  bytes: number;
}

/** Reads only the version of the object that was planned (`ifMatch`). A chunk is valid until the reader requests the next. */
export async function* pieceBytes(
  { file, startBytes, endBytes }: SplitPiece,
  {
    store,
    read,
    chunkBytes = LIMITS.inputChunkBytes,
  }: { store: ObjectStore; read: BytesRead; chunkBytes?: number | undefined },
): AsyncGenerator<Buffer, undefined> {
  let start = Math.max(0, startBytes - 1);
  let end = Math.min(file.sizeBytes, endBytes + chunkBytes);
  let nextRangeBytes = chunkBytes;
  while (start < end) {
    const before = read.bytes;
    for await (const chunk of store.stream(file.key, {
      range: { start, end },
      ifMatch: file.etag,
      chunkSizeBytes: chunkBytes,
    })) {
      read.bytes += chunk.length;
      yield chunk;
    }
    if (read.bytes - before !== end - start) {
      throw new MapReduceError(
        'StorageError',
        `reading bytes ${start} to ${end} of ${file.key} returned ${read.bytes - before} bytes instead of ${end - start}`,
        { details: { objectKey: file.key } },
      );
    }
    nextRangeBytes = Math.min(2 * nextRangeBytes, RANGE_BYTES_MAX);
    start = end;
    end = Math.min(file.sizeBytes, start + nextRangeBytes);
  }
}

const RANGE_BYTES_MAX = 16 * MiB;
