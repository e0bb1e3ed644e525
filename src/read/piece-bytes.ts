/**
 * The stored bytes of one piece and, while the reader asks for more, of what follows it in the file.
 *
 *     file     |...............|------ piece ------|..............................|
 *     ranges                  |--------------------------| then |----| |--------| ...
 *                             one byte before             one chunk behind: enough for most last records
 *
 * The first range ends one chunk behind the piece, since a record that starts in the piece may end behind it; further
 * ones, each twice the last, are asked for only when that record is still open. So a task reads its own split,
 * not the rest of the file, and a record of n bytes costs O(log n) requests.
 */
import { MapReduceError } from '../base/errors.ts';
import { LIMITS, MiB } from '../base/limits.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { SplitPiece } from './input-file.ts';

/** Counted up while chunks are handed out; bytes read ahead in vain are not counted. */
export interface BytesRead {
  bytes: number;
}

/** Reads only the very object that was planned (`ifMatch`). A chunk is the reader's until it asks for the next. */
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
        `reading bytes ${start} to ${end} of ${file.key} gave ${read.bytes - before} bytes instead of ${end - start}`,
        { details: { objectKey: file.key } },
      );
    }
    nextRangeBytes = Math.min(2 * nextRangeBytes, RANGE_BYTES_MAX);
    start = end;
    end = Math.min(file.sizeBytes, start + nextRangeBytes);
  }
}

const RANGE_BYTES_MAX = 16 * MiB;
