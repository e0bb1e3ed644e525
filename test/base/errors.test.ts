import { describe, expect, it } from 'vitest';
import { deserializeError, isErrorName, MapReduceError, serializeError } from '../../src/base/errors.ts';
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
});
