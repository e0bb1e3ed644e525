import { describe, expect, it } from 'vitest';
import { userCodeError } from '../../src/api/user-code.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { taskId } from '../../src/base/ids.ts';

describe('what a function of the job throws', () => {
  it('keeps its name if it is an error of the engine', () => {
    const thrown = new MapReduceError('CorruptShuffleError', 'damaged', {
      details: { toRepair: taskId('map', 1) },
    });

    const error = userCodeError('reduce', thrown, { groupKey: 'a' });

    expect(error).toMatchObject({
      name: 'CorruptShuffleError',
      message: 'damaged',
      details: { phase: 'reduce', groupKey: 'a', toRepair: 'm-00001' },
    });
  });

  it('becomes a UserCodeError if it is a MapReduceError with a name of its own', () => {
    const thrown = Reflect.construct(MapReduceError, ['OddError', 'no', { details: null }]);

    const error = userCodeError('map', thrown, { file: 'a.txt' });

    expect(error).toMatchObject({ name: 'UserCodeError', message: 'map() threw OddError: no' });
    expect(error.details).toMatchObject({ phase: 'map', file: 'a.txt' });
    expect(error.details.userStack).toContain('user-code.test.ts');
  });

  it('keeps none of its details that are not plain data', () => {
    const details = { file: () => 1, offsetBytes: 5n, toRepair: 'everything', groupKey: 'a' };
    const thrown = Reflect.construct(MapReduceError, ['UserCodeError', 'no', { details }]);

    const error = userCodeError('map', thrown, { file: 'a.txt' });

    expect(error.details).toEqual({ phase: 'map', file: 'a.txt', groupKey: 'a' });
  });
});
