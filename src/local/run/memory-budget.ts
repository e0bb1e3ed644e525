/**
 * How many workers, and how much memory each may use for buffers, so that all of it fits the machine or the container.
 *
 *     limit  |--- process ---|-- worker: runtime + buffers --|-- worker ... --|-- reserve --|
 *
 * The process is killed without a word where it does not fit, so what was chosen less than usual is said, and so is a
 * choice of the user's that does not fit.
 */
import { LIMITS, MiB } from '../../base/limits.ts';
import { heapBoundBytes } from '../threads/worker-heap.ts';
import type { MemoryLimit } from './memory-limit.ts';

export interface MemoryWish {
  /** As asked for; undefined leaves the choice to us. */
  readonly workers: number | undefined;
  readonly memoryBytes: number | undefined;
  /** As many as there are cores. */
  readonly workersDefault: number;
}

export interface MemoryChoice {
  readonly workers: number;
  readonly memoryBytes: number;
  /** Of the JavaScript heap: as usual, and less where memory is short. */
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
  const bound = `${limit.source} allows ${formatSize(limit.bytes)} in all`;
  const perWorker = `${workers} ${workers === 1 ? 'worker' : 'workers'} with ${formatSize(memoryBytes)} each`;
  if (memoryBytes > shareBytes) {
    const neededBytes =
      (LIMITS.processMemoryBytes + workers * (memoryBytes + LIMITS.workerRuntimeBytes)) /
      (1 - LIMITS.memoryReserveFraction);
    notices.push(
      `${perWorker} may need ${formatSize(neededBytes)}, and ${bound}: the system may kill the job. ${remedy(workers, shareBytes)}`,
    );
  } else if (
    (asked === undefined && memoryBytes < LIMITS.memoryBytesDefault) ||
    (wish.workers === undefined && workers < wish.workersDefault)
  ) {
    notices.push(`memory: ${perWorker}, since ${bound}. --workers and --memory choose otherwise`);
  }
  const isShort = asked === undefined && memoryBytes < LIMITS.memoryBytesDefault;
  const heapBound = isShort ? Math.max(LIMITS.workerRuntimeBytes, memoryBytes) : heapBoundBytes(memoryBytes);
  return { workers, memoryBytes, heapBoundBytes: heapBound, notices };
}

function remedy(workers: number, shareBytes: number): string {
  if (shareBytes >= LIMITS.memoryBytesMin) {
    return `Lower --memory to ${formatSize(shareBytes)}${workers === 1 ? '' : ', or --workers'}`;
  }
  return workers === 1 ? 'Give it more memory' : 'Lower --workers';
}

/** As --memory takes it. */
function formatSize(bytes: number): string {
  return `${Math.round(bytes / MiB)}MiB`;
}
