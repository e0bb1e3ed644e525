/**
 * Starts the thread of a worker, which then waits to be told its job. The command in the published package does this first of
 * all, with a bundle of this module alone.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { LIMITS, MiB } from '../../base/limits.ts';
import { heapBoundBytes, heapCeilingBytes, SEMI_SPACE_MB, YOUNG_GENERATION_MB } from './worker-heap.ts';

export interface StartedThread {
  readonly thread: Worker;
  /** How much an attempt may keep in the JavaScript heap. */
  readonly heapBoundBytes: number;
}

export interface ThreadOptions {
  /** Default: what follows from the default memory of a worker. */
  readonly heapBoundBytes?: number;
  /** For the thread's name. */
  readonly worker?: number;
}

/**
 * The process does not wait for the thread to end until a WorkerThread takes it.
 *
 * @param entry  URL, or absolute path, of a module that calls `serveAttempts`
 */
export function startThread(
  entry: URL | string,
  { heapBoundBytes: bound = heapBoundBytes(LIMITS.memoryBytesDefault), worker = 0 }: ThreadOptions = {},
): StartedThread {
  // It applies to isolates that start from now on. resourceLimits has only the maximum.
  setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MB}`);
  const thread = new Worker(entry, {
    name: `mapreduce-${worker}`,
    resourceLimits: {
      maxOldGenerationSizeMb: Math.ceil(heapCeilingBytes(bound) / MiB),
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
    },
    env: environment(),
    stdout: true,
    stderr: true,
  });
  thread.unref();
  return { thread, heapBoundBytes: bound };
}

/**
 * Returns the environment of the process. If the main thread keeps compiled code on disk, workers do too. This halves the
 * time to start one (27 ms instead of 50 when measured), most of which is spent on stripping types.
 */
function environment(): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
