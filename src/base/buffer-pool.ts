/**
 * Buffers that are used over and over: chunks of streams, blocks of runs. A fresh one for each would be garbage that
 * lies outside the heap, which the collector is slow to see: the process would grow with the size of the input.
 *
 * One pool a thread. Buffers come in powers of two. Whoever takes one may give it back once nobody reads it any more,
 * or leave it to the collector.
 */
import { MiB } from './limits.ts';

const SIZE_MIN = 4096;
/** Idle buffers that a thread keeps. */
const IDLE_BYTES_MAX = 32 * MiB;

const idle = new Map<number, ArrayBuffer[]>();
let idleBytes = 0;

/** A buffer of `sizeBytes`, its content undefined. */
export function takeBuffer(sizeBytes: number): Buffer {
  const capacity = Math.max(SIZE_MIN, 2 ** Math.ceil(Math.log2(sizeBytes)));
  const memory = idle.get(capacity)?.pop();
  if (memory === undefined) return Buffer.allocUnsafeSlow(capacity).subarray(0, sizeBytes);
  idleBytes -= capacity;
  return Buffer.from(memory, 0, sizeBytes);
}

/** Takes a buffer back that takeBuffer() gave; nobody may use it afterwards. */
export function giveBuffer(buffer: Buffer): void {
  const memory = buffer.buffer as ArrayBuffer;
  const capacity = memory.byteLength;
  if (idleBytes + capacity > IDLE_BYTES_MAX) return;
  const sameSize = idle.get(capacity);
  if (sameSize === undefined) idle.set(capacity, [memory]);
  else sameSize.push(memory);
  idleBytes += capacity;
}
