/**
 * Buffers that are reused: chunks of streams, blocks of runs. New ones for each use would be garbage outside the heap,
 * which the collector is slow to free: the process would grow with the size of the input.
 *
 * Each thread has one pool. The capacities are powers of two. The owner of a buffer may give it back once nothing reads it
 * any more, or leave it to the garbage collector.
 */
import { MiB } from './limits.ts';

const SIZE_MIN = 4096;
/** Idle buffers that a thread keeps. */
const IDLE_BYTES_MAX = 32 * MiB;

const idle = new Map<number, ArrayBuffer[]>();
let idleBytes = 0;

/** Returns a buffer of `sizeBytes`, whose content is undefined. */
export function takeBuffer(sizeBytes: number): Buffer {
  const capacity = Math.max(SIZE_MIN, 2 ** Math.ceil(Math.log2(sizeBytes)));
  const memory = idle.get(capacity)?.pop();
  if (memory === undefined) return Buffer.allocUnsafeSlow(capacity).subarray(0, sizeBytes);
  idleBytes -= capacity;
  return Buffer.from(memory, 0, sizeBytes);
}

/** Returns a buffer of takeBuffer() to the pool. It must not be used afterwards. */
export function giveBuffer(buffer: Buffer): void {
  // takeBuffer() never creates a SharedArrayBuffer.
  const memory = buffer.buffer as ArrayBuffer;
  const capacity = memory.byteLength;
  if (idleBytes + capacity > IDLE_BYTES_MAX) return;
  const sameSize = idle.get(capacity);
  if (sameSize === undefined) idle.set(capacity, [memory]);
  else sameSize.push(memory);
  idleBytes += capacity;
}
