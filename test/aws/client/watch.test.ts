import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  DescribeMapRunCommand,
  ExecutionDoesNotExist,
  ListMapRunsCommand,
  type MapRunItemCounts,
  type MapRunListItem,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { describe, expect, test } from 'vitest';
import type { Deployment } from '../../../src/aws/client/deployment.ts';
import { type JobExecution, latestExecution, startExecution } from '../../../src/aws/client/executions.ts';
import { failureOf, readReport } from '../../../src/aws/client/job-outcome.ts';
import { type JobStatus, jobStatus } from '../../../src/aws/client/job-status.ts';
import { type WatchOptions, watchJob } from '../../../src/aws/client/watch.ts';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { failureKey, planKey, requestKey, stageKey } from '../../../src/aws/protocol/keys.ts';
import { jobId } from '../../../src/base/ids.ts';
import { commandLinesFor } from '../../../src/cli/flags/deployment-flags.ts';
import type { JobEvent } from '../../../src/report/report.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';

const JOB = jobId('daily');
const MACHINE = 'arn:aws:states:us-east-1:123456789012:stateMachine:M';
const ARN = 'arn:aws:states:us-east-1:123456789012:execution:M:daily';
const STARTED = new Date('2026-01-01T00:00:00Z');
const split = (startBytes: number, endBytes: number) => ({ pieces: [{ startBytes, endBytes }] });
const PLAN = {
  app: 'word-count',
  outputPrefix: 'output/daily/',
  plannedAt: STARTED.toISOString(),
  plan: {
    settings: { jobId: JOB, jobName: 'word-count', reducers: 1, merge: false },
    splits: [split(0, 15), split(15, 20)],
    inputBytes: 20,
    inputFiles: 2,
  },
};

interface World extends Deployment {
  readonly store: MemoryStore;
}

/** `executions`: by name, what they answer each time they are asked; the last answer stays. */
function world(executions: Readonly<Record<string, readonly DescribeExecutionOutput['status'][]>>): World {
  const mock = mockClient(SFNClient);
  const asked = new Map<string, number>();
  mock.on(DescribeExecutionCommand).callsFake(({ executionArn }: { executionArn: string }) => {
    const name = executionArn.split(':').at(-1)!;
    const statuses = executions[name];
    if (statuses === undefined) {
      throw new ExecutionDoesNotExist({ message: `${name} does not exist`, $metadata: {} });
    }
    const times = asked.get(name) ?? 0;
    asked.set(name, times + 1);
    const status = statuses[Math.min(times, statuses.length - 1)];
    return {
      executionArn,
      status,
      startDate: STARTED,
      ...(status === 'FAILED' ? { cause: 'it broke' } : {}),
    };
  });
  mock.on(StartExecutionCommand).resolves({ executionArn: ARN, startDate: STARTED });
  return {
    bucket: 'bucket',
    stateMachineArn: MACHINE,
    store: new MemoryStore(),
    sfn: new SFNClient({ region: 'us-east-1' }),
    commandLine: (command: string) => `mapreduce ${command}`,
    deployLine: (more = '') => `mapreduce deploy${more}`,
  };
}

function eventKinds(events: readonly JobEvent[]): string[] {
  return events.map((event) => {
    if (event.kind === 'progress')
      return `${event.progress.stage} ${event.progress.done}/${event.progress.tasks}`;
    if (event.kind === 'stage-ended') return `${event.report.stage} ended`;
    return event.kind;
  });
}

/** What is told of a job until `until` likes what it sees. A millisecond goes by with each look at the clock. */
async function watched(
  aws: Deployment,
  until: NonNullable<WatchOptions['until']>,
  execution?: JobExecution,
): Promise<{ status: JobStatus; events: JobEvent[] }> {
  const events: JobEvent[] = [];
  let nowMs = 0;
  const status = await watchJob(
    aws,
    { jobId: JOB, execution: execution ?? (await latestExecution(aws, JOB)), plan: undefined },
    {
      onEvent: (event) => events.push(event),
      signal: new AbortController().signal,
      nowMs: () => nowMs++,
      until,
    },
  );
  return { status, events };
}

describe('waiting for a job', () => {
  test('tells its plan, the tasks that commit, attempts that fail, and ends when it ends', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const steps = [
      () => writeDocument(aws.store, planKey(JOB), PLAN),
      async () => {
        await aws.store.put('work/daily/shuffle/m-00000', Buffer.from('x'));
        await writeDocument(aws.store, 'work/daily/failures/m-00001.a.json', {
          taskId: 'm-00001',
          attemptId: 'm-00001.a',
          at: STARTED.toISOString(),
          error: { name: 'WorkerDiedError', message: 'gone' },
        });
      },
      () => aws.store.put('work/daily/shuffle/m-00001', Buffer.from('x')),
      () => aws.store.put('output/daily/part-r-00000.tsv', Buffer.from('x')),
    ];

    const { status, events } = await watched(aws, ({ phase }) => {
      void steps.shift()?.();
      return phase === 'committing';
    });

    expect(status.phase).toBe('committing');
    expect(eventKinds(events)).toEqual([
      'planned',
      'stage-started',
      'map 0/2',
      'attempt-failed',
      'map 1/2',
      'map ended',
      'stage-started',
      'reduce 0/1',
      'reduce ended',
    ]);
    expect(events.find(({ kind }) => kind === 'attempt-failed')).toMatchObject({
      attemptId: 'm-00001.a',
      error: { name: 'WorkerDiedError' },
    });
  });

  test('tells bytes of the input, tasks at work, and of the reduce stage records and bytes of the shuffle', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const mock = mockClient(SFNClient);
    mock.on(DescribeExecutionCommand).resolves({ executionArn: ARN, status: 'RUNNING', startDate: STARTED });
    mock.on(ListMapRunsCommand).resolves({
      mapRuns: [
        { mapRunArn: 'ended', stopDate: STARTED },
        { mapRunArn: 'running', stopDate: undefined },
      ] as MapRunListItem[],
    });
    mock.on(DescribeMapRunCommand).resolves({ itemCounts: { running: 7 } as MapRunItemCounts });
    const plan = { ...PLAN.plan, settings: { ...PLAN.plan.settings, reducers: 10 } };
    await writeDocument(aws.store, planKey(JOB), { ...PLAN, plan });
    await aws.store.put('work/daily/shuffle/m-00001', Buffer.alloc(300));
    const steps = [
      async () => {
        await aws.store.put('work/daily/shuffle/m-00000', Buffer.alloc(700));
        await writeDocument(aws.store, stageKey(JOB, 'map'), {
          partitionRecords: [40, 10, 50, 0, 0, 0, 0, 0, 0, 0],
        });
        await aws.store.put('output/daily/part-r-00002.tsv', Buffer.from('x'));
      },
    ];

    const { events } = await watched(aws, ({ phase }) => {
      void steps.shift()?.();
      return phase === 'reduce';
    });

    const progress = events.filter((event) => event.kind === 'progress').map((event) => event.progress);
    expect(progress[0]).toMatchObject({ stage: 'map', done: 1, running: 1, bytes: 5, bytesTotal: 20 });
    expect(progress.at(-1)).toMatchObject({
      stage: 'reduce',
      done: 1,
      running: 7,
      records: 50,
      bytes: 500,
      bytesTotal: 1_000,
    });
  });

  test('goes on without what one may not look at', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const refused = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
    const mock = mockClient(SFNClient);
    mock.on(DescribeExecutionCommand).resolves({ executionArn: ARN, status: 'RUNNING', startDate: STARTED });
    mock.on(ListMapRunsCommand).rejects(refused);
    await writeDocument(aws.store, planKey(JOB), PLAN);
    let looks = 0;

    const { events } = await watched(aws, () => ++looks === 3);

    expect(eventKinds(events)).toContain('map 0/2');
    expect(mock.commandCalls(ListMapRunsCommand)).toHaveLength(1);
  });

  test('that was started just now does not depend on Step Functions knowing of it already', async () => {
    const aws = world({});
    const looks: string[] = [];

    const execution = await startExecution(aws, { job: JOB, redrive: 0, input: {} });
    const { status } = await watched(aws, ({ phase }) => looks.push(phase) === 2, execution);

    expect(status).toMatchObject({ phase: 'planning', execution: { arn: ARN, status: 'RUNNING' } });
    expect(looks).toEqual(['planning', 'planning']);
  });

  test('can be given up, and the job goes on', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const abort = new AbortController();
    const watching = watchJob(
      aws,
      { jobId: JOB, execution: await latestExecution(aws, JOB), plan: undefined },
      { onEvent: () => {}, signal: abort.signal, nowMs: () => performance.now() },
    );

    abort.abort(new Error('enough'));

    await expect(watching).rejects.toThrow('enough');
  });
});

describe('the execution of a job', () => {
  test('is the latest of its redrives', async () => {
    const aws = world({ daily: ['FAILED'], 'daily-redrive-1': ['ABORTED'], 'daily-redrive-2': ['RUNNING'] });

    expect(await latestExecution(aws, JOB)).toMatchObject({ redrive: 2, status: 'RUNNING' });
  });

  test('that an upload has started is named by the claim', async () => {
    const aws = world({ 'made-up-by-eventbridge': ['SUCCEEDED'] });
    const execution = ARN.replace(/daily$/, 'made-up-by-eventbridge');
    await writeDocument(aws.store, requestKey(JOB), { formatVersion: 1, jobId: JOB, execution });

    expect(await latestExecution(aws, JOB)).toMatchObject({ arn: execution, redrive: 0 });
  });

  test('of long ago is gone, and the bucket says how the job ended', async () => {
    const aws = world({});
    await writeDocument(aws.store, planKey(JOB), PLAN);
    await aws.store.put('output/daily/_SUCCESS', Buffer.alloc(0));

    expect(await jobStatus(aws, JOB)).toMatchObject({ phase: 'succeeded', execution: undefined });
  });

  test('of an id that nobody has used is an error with the nearest id', async () => {
    const aws = world({});
    await writeDocument(aws.store, planKey(jobId('daily-2')), PLAN);

    await expect(jobStatus(aws, JOB)).rejects.toThrow("Did you mean 'daily-2'?");
  });
});

test('results that another job has replaced are not taken for those of the job', async () => {
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

describe('why a job failed', () => {
  test("is failure.json's message, with task, object and the user's stack", async () => {
    const aws = world({ daily: ['FAILED'] });
    await writeDocument(aws.store, planKey(JOB), PLAN);
    await writeDocument(aws.store, failureKey(JOB), {
      error: 'UserCodeError',
      message: 'task m-00001 failed for good',
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
    expect(failure.message).toBe('job daily: task m-00001 failed for good\n  next: Wait for Friday.');
    expect(failure.details).toEqual({
      taskId: 'm-00001',
      file: `${aws.store.location}/data/x.txt`,
      offsetBytes: 7,
      userStack: 'at map (x.ts:1:2)',
      jobName: 'word-count',
      jobId: JOB,
    });
  });

  test('is a failed task where the name is none of ours', async () => {
    for (const error of ['TypeError', 'toString']) {
      const aws = world({ daily: ['FAILED'] });
      await writeDocument(aws.store, failureKey(JOB), { error, message: 'x', details: {}, nextSteps: [] });

      expect((await failureOf(aws, await jobStatus(aws, JOB))).name).toBe('TaskFailedError');
    }
  });

  test('comes with commands that go to the same deployment', async () => {
    const aws: World = {
      ...world({ daily: ['FAILED'] }),
      ...commandLinesFor({ stack: 'Mine', local: true }),
    };
    await writeDocument(aws.store, failureKey(JOB), {
      error: 'TaskFailedError',
      message: 'task m-00001 failed for good',
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

  test('is what the execution says where there is no failure.json', async () => {
    const aws = world({ daily: ['FAILED'] });

    const failure = await failureOf(aws, await jobStatus(aws, JOB));

    expect(failure.message).toContain('job daily failed (FAILED): it broke');
  });

  test('is that it was cancelled, after a cancel', async () => {
    const aws = world({ daily: ['ABORTED'] });

    const failure = await failureOf(aws, await jobStatus(aws, JOB));

    expect(failure.name).toBe('CancelledError');
    expect(failure.message).toContain("'mapreduce redrive daily'");
  });
});
