/**
 * Reads a range of an open file chunk by chunk.
 *
 * A file that is in the page cache is read on this thread. The round trip to the thread pool would cost as much as the copy,
 * and the pool's threads would take time from other workers. A chunk that takes long came from a device, so the pool then
 * reads the following ones ahead, while the caller uses one:
 *
 *     here  | 0 | 1 | 2 |    3    |                                | 36 | ...
 *     pool                        | 4 | 5 | ... two chunks ahead ... |
 *                        was slow                               tries again
 */
import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { giveBuffer, takeBuffer } from '../../base/buffer-pool.ts';

/** One that the caller uses, and two that are being filled. */
const POOL_BUFFERS = 3;
/** Copying 256 KiB from the page cache takes 0.05 ms. */
const SLOW_READ_MS = 2;
/** How many chunks the pool reads after a slow one: 8 MiB. */
const AHEAD_CHUNKS = 32;
/** After so many chunks in a row, timers and messages of this thread have their turn. */
const TURN_CHUNKS = 16;

export interface ChunkOptions {
  /** Half-open, within the file. */
  readonly range: { readonly start: number; readonly end: number };
  readonly chunkSizeBytes: number;
  /** Default: a monotonic clock. */
  readonly nowMs?: () => number;
}

/**
 * Yields chunks of `chunkSizeBytes`, of which the last may be smaller. A chunk is valid until the next one is asked for. A
 * chunk that is smaller than it should be ends a file that has become shorter; nothing follows it.
 */
export async function* readChunks(
  file: FileHandle,
  { range: { start, end }, chunkSizeBytes, nowMs = () => performance.now() }: ChunkOptions,
): AsyncGenerator<Buffer, undefined> {
  const chunks = Math.ceil((end - start) / chunkSizeBytes);
  const lengthOf = (index: number) => Math.min(chunkSizeBytes, end - start - index * chunkSizeBytes);
  const placeOf = (index: number) => start + index * chunkSizeBytes;
  let own: Buffer | undefined;
  const pool = new Map<number, { readonly buffer: Buffer; readonly read: Promise<number> }>();
  /** The first chunk that nothing reads yet, and the first that the pool is not to read. */
  let next = 0;
  let aheadEnd = 0;

  const startInPool = () => {
    const index = next++;
    const slot = index % POOL_BUFFERS;
    const buffer = pool.get(slot)?.buffer ?? takeBuffer(lengthOf(index));
    const read = readFully(file, buffer.subarray(0, lengthOf(index)), placeOf(index));
    // The read may fail while the caller is busy and nothing awaits it. It is awaited below.
    read.catch(() => {});
    pool.set(slot, { buffer, read });
  };
  const readHere = (): Buffer => {
    const index = next++;
    own ??= takeBuffer(lengthOf(index));
    const startedMs = nowMs();
    const done = readFullySync(file, own.subarray(0, lengthOf(index)), placeOf(index));
    if (nowMs() - startedMs > SLOW_READ_MS) aheadEnd = next + AHEAD_CHUNKS;
    return own.subarray(0, done);
  };

  try {
    for (let index = 0; index < chunks; index++) {
      if (next === index && index < aheadEnd) startInPool();
      const here = next === index ? readHere() : undefined;
      const wanted = Math.min(index + POOL_BUFFERS, aheadEnd, chunks);
      while (next < wanted) startInPool();
      if (here !== undefined && index % TURN_CHUNKS === TURN_CHUNKS - 1) await setImmediate();
      const { buffer, read } = pool.get(index % POOL_BUFFERS) ?? {};
      const chunk = here ?? buffer!.subarray(0, await read!);
      yield chunk;
      if (chunk.length < lengthOf(index)) return;
    }
  } finally {
    await Promise.allSettled([...pool.values()].map(({ read }) => read));
    if (own !== undefined) giveBuffer(own);
    for (const { buffer } of pool.values()) giveBuffer(buffer);
  }
}

/** Fills the buffer from this place of the file. Returns fewer bytes only if the file has become shorter. */
export async function readFully(file: FileHandle, buffer: Buffer, at: number): Promise<number> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, at + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
  return buffer.length;
}

function readFullySync(file: FileHandle, buffer: Buffer, at: number): number {
  for (let done = 0; done < buffer.length; ) {
    const bytesRead = readSync(file.fd, buffer, done, buffer.length - done, at + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
  return buffer.length;
}
