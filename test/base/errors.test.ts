import { describe, expect, it } from 'vitest';
import {
  deserializeError,
  isErrorName,
  isRetryable,
  MapReduceError,
  serializeError,
} from '../../src/base/errors.ts';
import { taskId } from '../../src/base/ids.ts';

describe('an error that is sent between threads', () => {
  it('keeps its name, message, details, stack and causes', () => {
    const cause = Object.assign(new Error('connection reset'), { name: 'SocketError' });
    const error = new MapReduceError('StorageError', 'cannot read', {
      details: { taskId: taskId('map', 1) },
      cause,
    });

    const found = deserializeError(structuredClone(serializeError(error)));

    expect(found).toBeInstanceOf(MapReduceError);
    expect(found).toMatchObject({
      name: 'StorageError',
      message: 'cannot read',
      retryable: true,
      details: { taskId: taskId('map', 1) },
      stack: error.stack,
      cause: { name: 'SocketError', message: 'connection reset' },
    });
  });

  it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])(
    'does not become a MapReduceError because its name is %s, which every object inherits',
    (name) => {
      const found = deserializeError({ name, message: 'thrown by a user' });

      expect(isErrorName(name)).toBe(false);
      expect(found).not.toBeInstanceOf(MapReduceError);
      expect(found).toMatchObject({ name, message: 'thrown by a user' });
    },
  );

  it.each(['CancelledError', 'StorageError'])(
    'does not become a MapReduceError if the user named it %s',
    (name) => {
      class Theirs extends Error {
        override readonly name = name;
      }
      const error = new MapReduceError('UserCodeError', 'map() threw', { cause: new Theirs('no') });

      const { cause } = deserializeError(structuredClone(serializeError(error)));

      expect(cause).not.toBeInstanceOf(MapReduceError);
      expect(cause).toMatchObject({ name, message: 'no' });
    },
  );

  it('keeps of its details only what has the type of its field', () => {
    const odd = {
      jobId: 5,
      taskId: 'x-1',
      attemptId: {},
      phase: 'lunch',
      file: () => 1,
      offsetBytes: Number.NaN,
      groupKey: Symbol('key'),
      toRepair: 'everything',
      get objectKey(): string {
        throw new Error('not now');
      },
      more: 5n,
      jobName: 'words',
    };
    // A job in JavaScript can pass anything.
    const error = Reflect.construct(MapReduceError, ['UserCodeError', 'no', { details: odd }]);
    const outer = new Error('outer', { cause: error });

    const { details } = serializeError(error);
    const found = structuredClone(serializeError(outer));

    expect(details).toEqual({ jobName: 'words' });
    expect(found.cause?.details).toEqual({ jobName: 'words' });
  });

  it.each([null, 'text', 7])('has no details if they are %s', (details) => {
    const error = Reflect.construct(MapReduceError, ['UserCodeError', 'no', { details }]);

    expect(serializeError(error).details).toEqual({});
  });

  it('is retryable if its name is not in the table', () => {
    const error = Reflect.construct(MapReduceError, ['NoSuchError', 'no']);

    expect(isRetryable(error)).toBe(true);
  });
});
