/**
 * 0  done            1  the job failed            2  the command cannot be carried out as it was given
 * 128 + n  stopped by signal n: 130 for Ctrl-C (SIGINT), 143 for SIGTERM
 */
import { constants } from 'node:os';
import { type ErrorName, isMapReduceError } from '../../base/errors.ts';

export const EXIT_CODE = { done: 0, failed: 1, usage: 2 } as const;

/** What the caller can mend in the command or the job's definition, before anything has run. */
const USAGE_ERRORS: ReadonlySet<ErrorName> = new Set([
  'UsageError',
  'JobDefinitionError',
  'InputNotFoundError',
  'OutputExistsError',
]);

export function exitCodeOf(error: unknown): number {
  if (!isMapReduceError(error)) return EXIT_CODE.failed;
  // With a task, the same error means that the job was under way.
  return USAGE_ERRORS.has(error.name) && error.details.taskId === undefined
    ? EXIT_CODE.usage
    : EXIT_CODE.failed;
}

export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
