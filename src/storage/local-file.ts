/**
 * Local files of an attempt. They are read and written synchronously, since map and reduce may spill in the middle of a
 * record. Failures are thrown as errors of the engine: they may pass through user code, because emit may spill, but user
 * code has not caused them.
 */
import { openSync, readSync, writeSync } from 'node:fs';
import { toMapReduceError } from '../base/errors.ts';

export function openLocalFile(path: string, flags: 'w' | 'w+'): number {
  return withEngineErrors(() => openSync(path, flags));
}

/** Writes at `position`, or after the previous write if there is no position. */
export function writeFully(file: number, bytes: Buffer, position?: number): void {
  withEngineErrors(() => {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(
        file,
        bytes,
        written,
        bytes.length - written,
        position === undefined ? null : position + written,
      );
    }
  });
}

/** Reads into bytes[start, end), starting at `position`. Returns how many bytes it read, 0 at the end of the file. */
export function readAt(
  file: number,
  bytes: Buffer,
  { start, end, position }: { start: number; end: number; position: number },
): number {
  return withEngineErrors(() => readSync(file, bytes, start, end - start, position));
}

function withEngineErrors<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw toMapReduceError(error);
  }
}
