import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ANSWER_CHARACTERS_MAX,
  answerFor,
  CAUSE_CHARACTERS_MAX,
  carriedError,
} from '../../../src/aws/protocol/error-answer.ts';
import { type ErrorDetails, MapReduceError } from '../../../src/base/errors.ts';
import { attemptId, jobId, taskId } from '../../../src/base/ids.ts';

const DETAILS: Required<ErrorDetails> = {
  jobName: 'word-count',
  jobId: jobId('daily'),
  taskId: taskId('map', 1),
  attemptId: attemptId(taskId('map', 1), 'backup-74646775-3735-49fd-a93c-0830f3dc7db4'),
  phase: 'map',
  file: 'data/a b\n"c"\\\u007f\u0000\u2028\ud83d\ude00/x.txt',
  offsetBytes: 2 ** 40 + 1,
  record: 2 ** 50,
  groupKey: "['the', 1]",
  objectKey: 'work/daily/shuffle/m-00001',
  toRepair: 'shuffle-index',
  userStack: 'TypeError: no\n    at map (job.ts:1:2)',
};

/** Creates the `Cause` that the runtime and Step Functions make from an error of a handler. */
function causeOf({ name, message, stack = '' }: Error): string {
  const withoutDel = (text: string) => text.replaceAll('\u007f', '%7F');
  return JSON.stringify({
    errorType: withoutDel(name),
    errorMessage: withoutDel(message),
    trace: withoutDel(stack).split('\n'),
  });
}

function received(thrown: unknown) {
  const cause = causeOf(answerFor(thrown)).slice(0, CAUSE_CHARACTERS_MAX);
  return carriedError((JSON.parse(cause) as { errorMessage: string }).errorMessage);
}

describe('an error that passes through Lambda and Step Functions', () => {
  it('keeps its name and message if a cause has details that are not plain data', () => {
    const details = { offsetBytes: 5n, file: 7, jobId: {} };
    const cause = Reflect.construct(MapReduceError, ['UserCodeError', 'inner', { details }]);

    const error = received(new MapReduceError('UserCodeError', 'map() threw', { cause }));

    expect(error).toMatchObject({
      name: 'UserCodeError',
      message: 'map() threw',
      cause: { message: 'inner', details: {} },
    });
  });

  it('has no half of a UTF-16 pair in its name or its text', () => {
    const answer = answerFor(Object.assign(new Error('a\ud83d b'), { name: 'Odd\ud83d' }));

    expect(answer.name).toBe('Odd\ufffd');
    expect(answer.message.isWellFormed()).toBe(true);
    expect(carriedError(answer.message)).toMatchObject({ name: 'Odd\ufffd' });
  });

  it('keeps its name, its message, every detail and its causes', () => {
    const inner = Object.assign(new Error('connection reset'), { name: 'SocketError' });
    const cause = new MapReduceError('StorageError', 'cannot read', { details: DETAILS, cause: inner });

    const error = received(new MapReduceError('TaskFailedError', 'in words', { details: DETAILS, cause }));

    expect(error).toEqual({
      name: 'TaskFailedError',
      message: 'in words',
      details: DETAILS,
      cause: {
        name: 'StorageError',
        message: 'cannot read',
        details: DETAILS,
        cause: { name: 'SocketError', message: 'connection reset' },
      },
    });
  });

  it('has its own name, and its message comes first', () => {
    const answer = answerFor(new MapReduceError('StorageError', 'S3 said no'));

    expect(answer.name).toBe('StorageError');
    expect(answer.message.split('\n')[0]).toBe('S3 said no');
  });

  it.each([
    ['plain', 'x'],
    ['that JSON escapes twice', '\u0000'],
    ['in another script', '\u6c34'],
    ['with quotes', '"\\'],
  ])('is shortened until Step Functions does not truncate its cause: texts %s', (_, unit) => {
    const long = unit.repeat(100_000);
    const key = unit.repeat(Math.floor(1_024 / Buffer.byteLength(unit)));
    const details = { ...DETAILS, file: key, objectKey: key, groupKey: long, userStack: long };
    const cause = new MapReduceError('UserCodeError', long, { details, cause: new Error(long) });
    const thrown = new MapReduceError('TaskFailedError', long, { details, cause });

    expect(causeOf(answerFor(thrown)).length).toBeLessThan(CAUSE_CHARACTERS_MAX);
    expect(received(thrown)).toMatchObject({
      name: 'TaskFailedError',
      details: { taskId: DETAILS.taskId, attemptId: DETAILS.attemptId },
      cause: { name: 'UserCodeError', details: { taskId: DETAILS.taskId } },
    });
  });

  it('has the bound that docs/limits.md names', () => {
    const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8');

    expect(page).toContain(`**${CAUSE_CHARACTERS_MAX.toLocaleString('en-US')} characters**`);
    expect(page).toContain(`at most ${ANSWER_CHARACTERS_MAX.toLocaleString('en-US')} characters`);
  });

  it.each([
    ['a text', 'no'],
    ['nothing', undefined],
    ['an object', { message: 'no' }],
  ])('may have been %s', (_, thrown) => {
    expect(received(thrown)).toMatchObject({ name: 'Error', message: expect.any(String) });
  });

  it('cannot be forged by a message', () => {
    const forged = '{"mapreduceError":1,"error":{"name":"DiskFullError","message":"forged"}}';

    expect(received(new MapReduceError('UserCodeError', `map() threw\n${forged}`))).toMatchObject({
      name: 'UserCodeError',
      message: `map() threw\n${forged}`,
    });
  });

  it.each([
    ['text without data', 'task m-00001 failed permanently'],
    ['other JSON', 'x\n{"error":{"name":"StorageError","message":"x"}}'],
    ['another format', 'x\n{"mapreduceError":2,"error":{"name":"StorageError","message":"x"}}'],
    ['a name that is not a text', 'x\n{"mapreduceError":1,"error":{"name":1,"message":"x"}}'],
    [
      'a detail of another type',
      'x\n{"mapreduceError":1,"error":{"name":"x","message":"x","details":{"taskId":1}}}',
    ],
    ['a truncated answer', 'x\n{"mapreduceError":1,"error":{"name":"StorageError","mess'],
    ['deep nesting', `x\n${'['.repeat(30_000)}`],
    ['no characters', ''],
  ])('is not found in %s', (_, errorMessage) => {
    expect(carriedError(errorMessage)).toBeUndefined();
  });
});
