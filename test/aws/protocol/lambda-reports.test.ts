import { describe, expect, it } from 'vitest';
import { deathOf } from '../../../src/aws/protocol/lambda-reports.ts';

const REQUEST = '74646775-3735-49fd-a93c-0830f3dc7db4';
const answer = (errorType: string, errorMessage: string) => JSON.stringify({ errorType, errorMessage });

describe('the death of a function', () => {
  it.each([
    [
      'memory, as Lambda reports it',
      'Runtime.OutOfMemory',
      answer('Runtime.OutOfMemory', `RequestId: ${REQUEST} Error: Runtime exited with error: signal: killed`),
      'WorkerOutOfMemoryError',
    ],
    [
      'a full heap, at which Node aborts',
      'Runtime.ExitError',
      answer('Runtime.ExitError', `RequestId: ${REQUEST} Error: Runtime exited with error: signal: aborted`),
      'WorkerOutOfMemoryError',
    ],
    [
      'a kill',
      'Runtime.ExitError',
      answer('Runtime.ExitError', `RequestId: ${REQUEST} Error: Runtime exited with error: signal: killed`),
      'WorkerDiedError',
    ],
    [
      'an exit',
      'Runtime.ExitError',
      answer('Runtime.ExitError', `RequestId: ${REQUEST} Error: Runtime exited with error: exit status 1`),
      'WorkerDiedError',
    ],
    [
      'the time limit',
      'Sandbox.Timedout',
      answer('Sandbox.Timedout', `RequestId: ${REQUEST} Error: Task timed out after 3.00 seconds`),
      'TaskTimedOutError',
    ],
    [
      'the time limit, as older runtimes report it',
      'Lambda.Unknown',
      `The cause could not be determined because Lambda did not return an error type. Returned payload: {"errorMessage":"2026-11-22T06:00:00.000Z ${REQUEST} Task timed out after 3.00 seconds"}`,
      'TaskTimedOutError',
    ],
    [
      'an unhandled rejection',
      'Runtime.UnhandledPromiseRejection',
      answer('Runtime.UnhandledPromiseRejection', `${REQUEST}: nobody caught this`),
      'WorkerDiedError',
    ],
  ])('%s: %s', (_, error, cause, name) => {
    const told = deathOf({ Error: error, Cause: cause });

    expect(told).toMatchObject({ name, requestId: REQUEST });
    expect(told.message).toContain(error);
  });

  it('is also reported if the function never answered', () => {
    const told = deathOf({ Error: 'States.Timeout', Cause: '' });

    expect(told).toMatchObject({ name: 'TaskTimedOutError', requestId: undefined });
  });

  it.each([
    ['an unhandled rejection', 'Runtime.UnhandledPromiseRejection', 'Task timed out after 3.00 seconds'],
    ['an unhandled rejection', 'Runtime.UnhandledPromiseRejection', 'signal: aborted'],
    ['an uncaught error', 'Error', 'Task timed out after 3.00 seconds'],
    ['an uncaught error', 'QueryTimeout', 'no answer'],
    ['an uncaught error', 'TypeError', 'signal: aborted'],
  ])("of %s is not read out of the words of the job's code: %s, %s", (_, error, message) => {
    expect(deathOf({ Error: error, Cause: answer(error, message) }).name).toBe('WorkerDiedError');
  });

  it("does not take an id in a message of the job's code for a request id", () => {
    const death = deathOf({ Error: 'Error', Cause: answer('Error', `no customer ${REQUEST}`) });

    expect(death.requestId).toBeUndefined();
  });
});
