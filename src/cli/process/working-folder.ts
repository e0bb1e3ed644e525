/**
 * A working folder that was removed while a shell was in it: every relative path fails there, and process.cwd() throws,
 * in libraries as well.
 */
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf, fieldOf } from '../../base/field-of.ts';

/** @throws UsageError if the working folder no longer exists */
export function assertWorkingFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw workingFolderGone(error);
  }
}

export function isWorkingFolderGone(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' && fieldOf(error, 'syscall') === 'uv_cwd';
}

export function workingFolderGone(cause: unknown): MapReduceError {
  return new MapReduceError(
    'UsageError',
    'the folder in which this command was started was removed. Change to one that exists (cd) and run the command again',
    { cause },
  );
}
