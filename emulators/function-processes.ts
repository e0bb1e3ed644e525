/**
 * Decides how many function processes an emulator runs at once. The number is also the account's concurrency limit.
 *
 * Each process takes about 130 MiB before it does anything. Without a limit, 180 simultaneous uploads took 24 GiB.
 */
import os from 'node:os';

import { memoryLimit, thisMachine } from '../src/local/run/memory-limit.ts';
import { EmulatorStartError } from './errors.ts';

export const FUNCTION_PROCESSES_VARIABLE = 'MAPREDUCE_FUNCTION_PROCESSES';

/** The concurrency limit of a new AWS account. */
const DEFAULT_MIN = 10;
/** The default concurrency limit of an older one. */
const MAX = 1_000;
/** More processes per core only wait for each other. */
const DEFAULT_PER_CORE = 16;
/** The memory to plan for each process; a working function takes more than a waiting one. */
const DEFAULT_BYTES_EACH = 256 * 1024 * 1024;
const DEFAULT_MEMORY_SHARE = 0.5;

/**
 * Returns the option, otherwise MAPREDUCE_FUNCTION_PROCESSES, otherwise a number that fits this machine. Throws an
 * EmulatorStartError if the option or the variable is not a whole number from 1 to 1,000.
 */
export function functionProcessesMax(option?: number): number {
  const variable = process.env[FUNCTION_PROCESSES_VARIABLE];
  if (option !== undefined) return checked(option, 'functionProcessesMax', String(option));
  if (variable) return checked(Number(variable), FUNCTION_PROCESSES_VARIABLE, variable);
  return defaultFunctionProcessesMax({
    memoryBytes: memoryLimit(thisMachine()).bytes,
    cores: os.availableParallelism(),
  });
}

/** Plans for half of the available memory, and for at most as many processes as the cores can use. */
export function defaultFunctionProcessesMax(machine: { memoryBytes: number; cores: number }): number {
  const fit = Math.floor((machine.memoryBytes * DEFAULT_MEMORY_SHARE) / DEFAULT_BYTES_EACH);
  return Math.min(Math.max(Math.min(fit, machine.cores * DEFAULT_PER_CORE), DEFAULT_MIN), MAX);
}

function checked(value: number, name: string, received: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX) return value;
  throw new EmulatorStartError(
    `${name} must be a whole number from 1 to ${MAX}, the number of functions that may run at once; received ${received}`,
  );
}
