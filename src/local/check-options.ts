/** The numbers of an embedded run, with their defaults filled in. */
import { availableParallelism } from 'node:os';
import { MapReduceError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { DEFAULT_POLICY, type StagePolicy } from '../schedule/policy.ts';
import type { EmbeddedRunOptions } from './run-options.ts';

export interface CheckedNumbers {
  readonly workers: number;
  readonly memoryBytes: number;
  readonly policy: Partial<StagePolicy> & Pick<StagePolicy, 'startTimeoutMs' | 'stallTimeoutMs'>;
}

/** @throws UsageError naming the option, the value and what is allowed. */
export function checkOptions(options: EmbeddedRunOptions): CheckedNumbers {
  const {
    workers = Math.min(availableParallelism(), LIMITS.workersMax),
    memoryBytes = LIMITS.memoryBytesDefault,
  } = options;
  const { attemptsMax, stallTimeoutMs = DEFAULT_POLICY.stallTimeoutMs, backupAttempts } = options;
  if (workers !== 'sequential') checkNumber('the number of workers', workers, 1, LIMITS.workersMax);
  checkNumber('the memory of a worker in bytes', memoryBytes, LIMITS.memoryBytesMin, LIMITS.memoryBytesMax);
  if (attemptsMax !== undefined) checkNumber('attemptsMax', attemptsMax, 1, Number.MAX_SAFE_INTEGER);
  checkNumber('stallTimeoutMs', stallTimeoutMs, 1, Number.MAX_SAFE_INTEGER);
  if (options.inputs.length === 0)
    throw new MapReduceError('UsageError', 'there is no input. Add --input <file, folder or glob>');
  return {
    workers: workers === 'sequential' ? 1 : workers,
    memoryBytes,
    policy: {
      stallTimeoutMs,
      // Who allows one record that long allows it to the module's own code too.
      startTimeoutMs: Math.max(DEFAULT_POLICY.startTimeoutMs, stallTimeoutMs),
      ...(attemptsMax === undefined ? {} : { attemptsMax }),
      ...(backupAttempts === undefined ? {} : { backupAttempts }),
    },
  };
}

function checkNumber(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new MapReduceError(
      'UsageError',
      `${what} is a whole number from ${min} to ${max}; received ${value}`,
    );
  }
}
