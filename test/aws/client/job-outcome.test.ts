import { describe, expect, test } from 'vitest';
import { failureOf, readReport } from '../../../src/aws/client/job-outcome.ts';
import { jobStatus } from '../../../src/aws/client/job-status.ts';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { answerFor } from '../../../src/aws/protocol/error-answer.ts';
import { failureKey, planKey } from '../../../src/aws/protocol/keys.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { taskId } from '../../../src/base/ids.ts';
import { commandLinesFor } from '../../../src/cli/flags/deployment-flags.ts';
import { JOB, PLAN, type World, world } from './job-world.ts';

test('results that another job has replaced are not shown as those of this job', async () => {
  const aws = world({ daily: ['SUCCEEDED'] });
  await writeDocument(aws.store, planKey(JOB), PLAN);
  await writeDocument(aws.store, 'output/daily/manifest.json', {
    ...{ formatVersion: 1, jobId: 'weekly', jobName: 'weekly', params: {}, startedAt: '', wallMs: 1 },
    ...{ input: { files: 0, bytes: 0, splits: 0 }, reducers: 1, stages: [], parts: [] },
    ...{ partitionRecords: [], counters: {}, failures: [] },
  });

  await expect(readReport(aws, await jobStatus(aws, JOB))).rejects.toThrow(
    'the results of job daily were replaced by those of job weekly',
  );
});

describe('the reason why a job failed', () => {
  test("is the message of failure.json, with the task, the object and the user's stack", async () => {
    const aws = world({ daily: ['FAILED'] });
    await writeDocument(aws.store, planKey(JOB), PLAN);
    await writeDocument(aws.store, failureKey(JOB), {
      error: 'UserCodeError',
      message: 'task m-00001 failed permanently',
      details: {
        taskId: 'm-00001',
        file: 'data/x.txt',
        offsetBytes: 7,
        phase: 'map',
        userStack: 'at map (x.ts:1:2)',
      },
      nextSteps: [{ kind: 'wait-for-friday', text: 'Wait for Friday.' }],
    });

    const failure = await failureOf(aws, await jobStatus(aws, JOB));

    expect(failure.name).toBe('UserCodeError');
    expect(failure.message).toBe('job daily: task m-00001 failed permanently\n  next: Wait for Friday.');
    expect(failure.details).toEqual({
      taskId: 'm-00001',
      file: `${aws.store.location}/data/x.txt`,
      offsetBytes: 7,
      userStack: 'at map (x.ts:1:2)',
      jobName: 'word-count',
      jobId: JOB,
    });
  });

  test('is a failed task if the name of the error is unknown', async () => {
    for (const error of ['TypeError', 'toString']) {
      const aws = world({ daily: ['FAILED'] });
      await writeDocument(aws.store, failureKey(JOB), { error, message: 'x', details: {}, nextSteps: [] });

      expect((await failureOf(aws, await jobStatus(aws, JOB))).name).toBe('TaskFailedError');
    }
  });

  test('comes with commands for the same deployment', async () => {
    const aws: World = {
      ...world({ daily: ['FAILED'] }),
      ...commandLinesFor({ stack: 'Mine', local: true }),
    };
    await writeDocument(aws.store, failureKey(JOB), {
      error: 'TaskFailedError',
      message: 'task m-00001 failed permanently',
      details: {},
      nextSteps: [
        { kind: 'see-logs', jobId: 'daily', text: 'See the log: mapreduce logs daily' },
        { kind: 'correct-request', text: 'As it stood: mapreduce logs daily' },
      ],
    });

    const { message } = await failureOf(aws, await jobStatus(aws, JOB));

    expect(message).toContain(
      'next: See what the functions logged: mapreduce logs daily --stack Mine --local\n',
    );
    expect(message).toMatch(/next: Correct the request as the message says, and submit it again\.$/);
  });

  test('is the cause of the execution if there is no failure.json', async () => {
    const aws = world({ daily: ['FAILED'] });

    const failure = await failureOf(aws, await jobStatus(aws, JOB));

    expect(failure.message).toBe(
      'job daily: it failed and left no failure.json. The execution is FAILED: it broke\n  next: See what the functions logged: mapreduce logs daily\n  next: When the cause has passed, or is fixed and deployed (then add --allow-other-code), resume from what is committed: mapreduce redrive daily',
    );
  });

  test('has the fields of the error that a function threw, even without failure.json', async () => {
    const aws = world({ daily: ['FAILED'] });
    const status = await jobStatus(aws, JOB);
    const details = { taskId: taskId('map', 1), file: 'data/x.txt' };
    const { name, message } = answerFor(
      new MapReduceError('CorruptInputError', 'it is cut short', { details }),
    );
    const cause = JSON.stringify({ errorType: name, errorMessage: message, trace: [] });

    const failure = await failureOf(aws, {
      ...status,
      execution: { ...status.execution!, error: name, cause },
    });

    expect(failure.name).toBe('CorruptInputError');
    expect(failure.message).toContain('The execution is FAILED: it is cut short\n');
    expect(failure.details).toMatchObject({
      taskId: taskId('map', 1),
      file: `${aws.store.location}/data/x.txt`,
    });
  });

  test('is the cancellation if the job was cancelled', async () => {
    const aws = world({ daily: ['ABORTED'] });

    const failure = await failureOf(aws, await jobStatus(aws, JOB));

    expect(failure.name).toBe('CancelledError');
    expect(failure.message).toContain("'mapreduce redrive daily'");
  });
});
