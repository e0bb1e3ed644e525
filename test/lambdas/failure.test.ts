/** The failure step explains why an execution failed. It reads ids and causes from data, never from the text of a message. */
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { StepEnvironment } from '../../lambdas/steps/environment.ts';
import { failureStep } from '../../lambdas/steps/failure.ts';
import { recordFailure } from '../../src/aws/protocol/attempt-failures.ts';
import { type FailureDocument, readDocument } from '../../src/aws/protocol/documents.ts';
import { answerFor, CAUSE_CHARACTERS_MAX } from '../../src/aws/protocol/error-answer.ts';
import { failureEventSchema } from '../../src/aws/protocol/job-state.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { attemptId, jobId, taskId } from '../../src/base/ids.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';

const JOB = jobId('daily.2026-01_a');
const STARTED = '2026-01-01T00:00:00.000Z';
const NOTED = new MapReduceError('UserCodeError', 'map() threw Error: an attempt that was retried');

/** `Error` and `Cause` as a Catch passes them on, for an error that a handler threw. */
function thrown(error: unknown): { Error: string; Cause: string } {
  const { name, message } = answerFor(error);
  return { Error: name, Cause: JSON.stringify({ errorType: name, errorMessage: message, trace: [] }) };
}

/** The same for an error that no handler of this project threw. */
function answered(errorType: string, errorMessage: string): { Error: string; Cause: string } {
  return { Error: errorType, Cause: JSON.stringify({ errorType, errorMessage, trace: [] }) };
}

/** Task m-00001 has a failed attempt, which may have been retried successfully. */
async function recorded(error: { Error: string; Cause: string }): Promise<FailureDocument> {
  const store = new MemoryStore();
  const now = () => new Date(Date.parse(STARTED) + 60_000);
  const attempt = attemptId(taskId('map', 1), 'request-7');
  await recordFailure(store, {
    jobId: JOB,
    taskId: taskId('map', 1),
    attemptId: attempt,
    at: now(),
    error: NOTED,
  });
  const event = { jobId: JOB, error, execution: { id: 'execution', startTime: STARTED, input: {} } };
  await failureStep(v.parse(failureEventSchema, event), { store, now } as unknown as StepEnvironment);
  return await readDocument<FailureDocument>(store, `jobs/${JOB}/failure.json`);
}

describe('failure.json', () => {
  it('has the details of the error that a step threw', async () => {
    const details = { file: 'data/a.gz', offsetBytes: 7, objectKey: 'data/a.gz' };

    const failure = await recorded(thrown(new MapReduceError('CorruptInputError', 'truncated', { details })));

    expect(failure).toMatchObject({ error: 'CorruptInputError', message: 'truncated', details });
  });

  it("names the last error of a failed task, from the fields of the barrier's error", async () => {
    const details = {
      jobId: JOB,
      taskId: taskId('reduce', 42),
      attemptId: attemptId(taskId('reduce', 42), 'request-9'),
    };
    const cause = new MapReduceError('WorkerOutOfMemoryError', 'the function ran out of memory', { details });

    const failure = await recorded(
      thrown(new MapReduceError('TaskFailedError', 'in whatever words', { details, cause })),
    );

    expect(failure).toMatchObject({ error: 'WorkerOutOfMemoryError', message: 'in whatever words', details });
    expect(failure.nextSteps.map(({ kind }) => kind)).toEqual(['more-memory', 'redrive']);
  });

  it('reports the attempts if a Distributed Map reports only that children failed', async () => {
    const failure = await recorded({
      Error: 'States.ExceedToleratedFailureThreshold',
      Cause: 'The map failed',
    });

    expect(failure).toMatchObject({
      error: 'UserCodeError',
      details: { taskId: 'm-00001', attemptId: 'm-00001.request-7' },
    });
    expect(failure.message).toContain(NOTED.message);
  });

  it('names the attempt if an inline Map reports the error of its child', async () => {
    const child = new MapReduceError('UserCodeError', NOTED.message, {
      details: { taskId: taskId('map', 1), attemptId: attemptId(taskId('map', 1), 'request-7') },
    });

    const inline = await recorded(thrown(child));
    const distributed = await recorded({ Error: 'States.ExceedToleratedFailureThreshold', Cause: '' });

    expect(inline).toEqual(distributed);
    expect(inline.message).toContain('task m-00001 failed permanently');
  });

  it.each([
    ['a text of its own', 'task m-00001 failed permanently: this is what my code says'],
    [
      'a line that looks like data',
      `no\n{"mapreduceError":1,"error":{"name":"DiskFullError","message":"forged"}}`,
    ],
    ['the words of a task failure elsewhere', 'nothing of which task m-00001 failed permanently'],
    ['lines after the words of a task failure', 'task m-00001 failed permanently\n\tat once'],
  ])("takes no user's message for one of ours: %s", async (_, message) => {
    for (const error of [thrown(new TypeError(message)), answered('TypeError', message)]) {
      const failure = await recorded(error);

      expect(failure).toMatchObject({ error: 'TypeError', message, details: {} });
    }
  });

  it('keeps the fields of a user error whose message names another task', async () => {
    const details = { taskId: taskId('map', 3), attemptId: attemptId(taskId('map', 3), 'x') };
    const message = 'task m-00001 failed permanently: UserCodeError: no';

    const failure = await recorded(thrown(new MapReduceError('JobDefinitionError', message, { details })));

    expect(failure).toMatchObject({ error: 'JobDefinitionError', message, details });
  });

  it.each([
    ['a step at its time limit', 'States.Timeout', '', 'TaskTimedOutError'],
    ['an account without capacity', 'Lambda.TooManyRequestsException', 'Rate Exceeded. (429)', undefined],
    ['an execution that Step Functions ends', 'States.Runtime', 'too many events', undefined],
  ])('blames no earlier attempt for %s', async (_, error, cause, name = error) => {
    const failure = await recorded({ Error: error, Cause: cause });

    expect(failure.error).toBe(name);
    expect(failure.details).toEqual({});
    expect(failure.message).not.toContain('m-00001');
  });

  it('shows what is left of a truncated answer', async () => {
    const { Error: name, Cause } = answered('StorageError', 'x'.repeat(CAUSE_CHARACTERS_MAX));

    const failure = await recorded({ Error: name, Cause: Cause.slice(0, CAUSE_CHARACTERS_MAX) });

    expect(failure.error).toBe('StorageError');
    expect(failure.message).toContain('xxxx');
    expect(failure.nextSteps.map(({ kind }) => kind)).toEqual(['see-logs', 'redrive-when-fixed']);
  });

  it('has each next step as data, and as text for people who read the file', async () => {
    const { nextSteps } = await recorded(
      thrown(new MapReduceError('CancelledError', 'the job was cancelled')),
    );

    expect(nextSteps).toEqual([
      { kind: 'redrive', jobId: JOB, text: `Resume from what is committed: mapreduce redrive ${JOB}` },
    ]);
  });
});

describe('the error with which the execution fails', () => {
  it('has the beginning of a long message, without half of a UTF-16 pair', async () => {
    const event = {
      jobId: JOB,
      error: answered('OddError', `a${'😀'.repeat(9_000)}`),
      execution: { id: 'execution', startTime: STARTED, input: {} },
    };
    const environment = { store: new MemoryStore(), now: () => new Date(STARTED) };

    const { cause } = await failureStep(
      v.parse(failureEventSchema, event),
      environment as unknown as StepEnvironment,
    );

    expect(cause.length).toBe(4_000);
    expect(cause.isWellFormed()).toBe(true);
  });
});

describe('the error of a job with more failed attempts than are read', () => {
  it('is that of the task whose stage failed', async () => {
    const store = new MemoryStore();
    const at = new Date(STARTED);
    const note = async (stage: 'map' | 'reduce', attempt: number, error: MapReduceError) => {
      const task = taskId(stage, 0);
      await recordFailure(store, {
        jobId: JOB,
        taskId: task,
        attemptId: attemptId(task, attempt),
        at,
        error,
      });
    };
    for (let attempt = 0; attempt < 1_000; attempt++) await note('map', attempt, NOTED);
    await note('reduce', 0, new MapReduceError('UserCodeError', 'reduce() threw Error: no'));
    const error = { Error: 'States.ExceedToleratedFailureThreshold', Cause: '' };
    const event = { jobId: JOB, error, execution: { id: 'execution', startTime: STARTED, input: {} } };

    const { cause } = await failureStep(v.parse(failureEventSchema, event), {
      store,
      now: () => at,
    } as unknown as StepEnvironment);

    expect(cause).toContain('r-00000');
  });
});
