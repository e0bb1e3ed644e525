/**
 * Chooses how many workers run and how much memory each may use for buffers, so that they fit the machine or the container.
 *
 *     limit  |--- process ---|-- worker: runtime + buffers --|-- worker ... --|-- reserve --|
 *
 * If they do not fit, the system kills the process without a message. So a notice reports when the choice is smaller than
 * usual, or when the user's choice does not fit.
 */
import { LIMITS, MiB } from '../../base/limits.ts';
import { heapBoundBytes } from '../threads/worker-heap.ts';
import type { MemoryLimit } from './memory-limit.ts';

export interface MemoryWish {
  /** The user's choice; undefined if the run may choose. */
  readonly workers: number | undefined;
  readonly memoryBytes: number | undefined;
  /** The number of cores. */
  readonly workersDefault: number;
}

export interface MemoryChoice {
  readonly workers: number;
  readonly memoryBytes: number;
  /** The bound of the JavaScript heap. Smaller than usual if memory is short. */
  readonly heapBoundBytes: number;
  readonly notices: readonly string[];
}

export function chooseMemory(wish: MemoryWish, limit: MemoryLimit): MemoryChoice {
  const usableBytes = limit.bytes * (1 - LIMITS.memoryReserveFraction) - LIMITS.processMemoryBytes;
  const { memoryBytes: asked } = wish;
  const workersThatFit = (budget: number) =>
    Math.max(1, Math.floor(usableBytes / (budget + LIMITS.workerRuntimeBytes)));
  const workers =
    wish.workers ?? Math.min(wish.workersDefault, workersThatFit(asked ?? LIMITS.memoryBytesComfortable));
  const shareBytes = Math.floor((usableBytes / workers - LIMITS.workerRuntimeBytes) / MiB) * MiB;
  const memoryBytes =
    asked ?? Math.min(LIMITS.memoryBytesDefault, Math.max(LIMITS.memoryBytesMin, shareBytes));
  const notices: string[] = [];
  const bound = describeLimit(limit);
  const perWorker = `${workers} ${workers === 1 ? 'worker' : 'workers'} with ${formatSize(memoryBytes)} each`;
  if (memoryBytes > shareBytes) {
    const neededBytes =
      (LIMITS.processMemoryBytes + workers * (memoryBytes + LIMITS.workerRuntimeBytes)) /
      (1 - LIMITS.memoryReserveFraction);
    notices.push(
      `${perWorker} may need ${formatSize(neededBytes)}, but ${bound}: the system may kill the job. ${remedy(workers, shareBytes)}`,
    );
  } else if (
    (asked === undefined && memoryBytes < LIMITS.memoryBytesDefault) ||
    (wish.workers === undefined && workers < wish.workersDefault)
  ) {
    notices.push(`memory: ${perWorker}, because ${bound}. To change this, use --workers and --memory`);
  }
  const isShort = asked === undefined && memoryBytes < LIMITS.memoryBytesDefault;
  const heapBound = isShort ? Math.max(LIMITS.workerRuntimeBytes, memoryBytes) : heapBoundBytes(memoryBytes);
  return { workers, memoryBytes, heapBoundBytes: heapBound, notices };
}

function remedy(workers: number, shareBytes: number): string {
  if (shareBytes >= LIMITS.memoryBytesMin) {
    return `Lower --memory to ${formatSize(shareBytes)}${workers === 1 ? '' : ', or --workers'}`;
  }
  return workers === 1 ? 'Run it where more memory is available' : 'Lower --workers';
}

function describeLimit({ source, bytes }: MemoryLimit): string {
  switch (source) {
    case 'the container or control group':
      return `${source} allows ${formatSize(bytes)} in total`;
    case 'the machine':
      return `${source} has ${formatSize(bytes)} in total`;
    case 'available memory':
      return `the machine has only ${formatSize(bytes)} available`;
  }
}

/** Formats a size in the syntax of --memory. */
function formatSize(bytes: number): string {
  return `${Math.round(bytes / MiB)}MiB`;
}
