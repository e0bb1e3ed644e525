/**
 * 0  done            1  the job failed            2  the command is wrong
 * 128 + n  stopped by signal n: 130 for Ctrl-C (SIGINT), 143 for SIGTERM
 */
import { constants } from 'node:os';
import { ERROR_TABLE } from '../../base/error-table.ts';
import { isMapReduceError } from '../../base/errors.ts';

export const EXIT_CODE = { done: 0, failed: 1, usage: 2 } as const;

export function exitCodeOf(error: unknown): number {
  if (!isMapReduceError(error)) return EXIT_CODE.failed;
  // An error that names a task means that the job had started.
  return error.details.taskId === undefined ? ERROR_TABLE[error.name].exitCode : EXIT_CODE.failed;
}

export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
