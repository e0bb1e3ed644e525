/** Checks the numbers among the options of an embedded run and fills in their defaults. */
import { availableParallelism } from 'node:os';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEFAULT_POLICY, type StagePolicy } from '../../stages/policy.ts';
import { chooseMemory } from './memory-budget.ts';
import { memoryLimit, thisMachine } from './memory-limit.ts';
import type { EmbeddedRunOptions } from './run-options.ts';

export interface CheckedNumbers {
  readonly workers: number;
  readonly memoryBytes: number;
  /** How much an attempt may keep in the JavaScript heap. */
  readonly heapBoundBytes: number;
  /** Notices about these numbers for the report. */
  readonly notices: readonly string[];
  readonly policy: Partial<StagePolicy> & Pick<StagePolicy, 'startTimeoutMs' | 'stallTimeoutMs'>;
}

/** @throws UsageError that names the option, the value received and the allowed values */
export function checkOptions(options: EmbeddedRunOptions, machine = thisMachine()): CheckedNumbers {
  const {
    attemptsMax,
    stallTimeoutMs = DEFAULT_POLICY.stallTimeoutMs,
    backupAttempts,
    memoryBytes,
  } = options;
  const workers = options.workers === 'sequential' ? 1 : options.workers;
  if (workers !== undefined) checkNumber('the number of workers', workers, 1, LIMITS.workersMax);
  if (memoryBytes !== undefined) {
    const { memoryBytesMin, memoryBytesMax } = LIMITS;
    checkNumber('the memory of a worker in bytes', memoryBytes, memoryBytesMin, memoryBytesMax);
  }
  if (attemptsMax !== undefined) checkNumber('attemptsMax', attemptsMax, 1, Number.MAX_SAFE_INTEGER);
  checkNumber('stallTimeoutMs', stallTimeoutMs, 1, Number.MAX_SAFE_INTEGER);
  const workersDefault = Math.min(availableParallelism(), LIMITS.workersMax);
  return {
    ...chooseMemory({ workers, memoryBytes, workersDefault }, memoryLimit(machine)),
    policy: {
      stallTimeoutMs,
      // If one record may take that long, loading the job module may too.
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
      `${what} must be a whole number from ${min} to ${max}; received ${value}`,
    );
  }
}
