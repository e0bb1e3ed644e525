import { describe, expect, test } from 'vitest';
import { MapReduceError } from '../../../src/base/errors.ts';
import { taskId } from '../../../src/base/ids.ts';
import { exitCodeOf, exitCodeOfSignal } from '../../../src/cli/process/exit-code.ts';

describe('exit codes', () => {
  test('are 2 for what the caller can fix before anything runs, and 1 for a job that failed', () => {
    expect(exitCodeOf(new MapReduceError('UsageError', ''))).toBe(2);
    expect(exitCodeOf(new MapReduceError('JobDefinitionError', ''))).toBe(2);
    expect(exitCodeOf(new MapReduceError('InputNotFoundError', ''))).toBe(2);
    expect(exitCodeOf(new MapReduceError('OutputExistsError', ''))).toBe(2);
    expect(
      exitCodeOf(new MapReduceError('InputNotFoundError', '', { details: { taskId: taskId('map', 0) } })),
    ).toBe(1);
    expect(exitCodeOf(new MapReduceError('TaskFailedError', ''))).toBe(1);
    expect(exitCodeOf(new Error())).toBe(1);
  });

  test('are 128 plus the number of the signal that stopped the job', () => {
    expect([exitCodeOfSignal('SIGINT'), exitCodeOfSignal('SIGTERM')]).toEqual([130, 143]);
  });
});
