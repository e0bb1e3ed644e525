import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  GetExecutionHistoryCommand,
  ListMapRunsCommand,
  type MapRunItemCounts,
  type MapRunListItem,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { describe, expect, test } from 'vitest';
import type { Deployment } from '../../../src/aws/client/deployment.ts';
import { type JobExecution, latestExecution, startExecution } from '../../../src/aws/client/executions.ts';
import type { JobStatus } from '../../../src/aws/client/job-status.ts';
import { type WatchOptions, watchJob } from '../../../src/aws/client/watch.ts';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { planKey, stageKey } from '../../../src/aws/protocol/keys.ts';
import type { JobEvent } from '../../../src/report/report.ts';
import { ARN, JOB, PLAN, STARTED, world } from './job-world.ts';

function eventKinds(events: readonly JobEvent[]): string[] {
  return events.map((event) => {
    if (event.kind === 'progress')
      return `${event.progress.stage} ${event.progress.done}/${event.progress.tasks}`;
    if (event.kind === 'stage-ended') return `${event.report.stage} ended`;
    return event.kind;
  });
}

/**
 * Returns the reports about a job until `until` accepts one. The clock advances by a millisecond each time it is read.
 */
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
  test('reports its plan with what may not fit, the committed tasks and the failed attempts until it ends', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const steps = [
      () => writeDocument(aws.store, planKey(JOB), { ...PLAN, notices: ['it may not fit'] }),
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
      'notice',
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

  test('names the attempt that failed last, whatever its id', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const fail = (id: string, ms: number) =>
      writeDocument(aws.store, `work/daily/failures/m-00001.${id}.json`, {
        taskId: 'm-00001',
        attemptId: `m-00001.${id}`,
        at: new Date(STARTED.getTime() + ms).toISOString(),
        error: { name: 'WorkerDiedError', message: id },
      });
    await writeDocument(aws.store, planKey(JOB), PLAN);
    await Promise.all([fail('d', 1), fail('c', 2)]);
    const steps = [() => fail('b', 3), () => fail('a', 4)];

    const { events } = await watched(aws, ({ committed }) => {
      void steps.shift()?.();
      return committed.failedAttempts === 4;
    });

    const failed = events.filter((event) => event.kind === 'attempt-failed');
    expect(failed.map(({ attemptId }) => attemptId)).toEqual(
      ['c', 'c', 'b', 'a'].map((id) => `m-00001.${id}`),
    );
  });

  test('reports the bytes of the input and the running tasks, and for the reduce stage the records and bytes of the shuffle', async () => {
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

  test('counts the running tasks of an inline Map, which has no Map Run', async () => {
    const aws = world({ daily: ['RUNNING'] });
    const mock = mockClient(SFNClient);
    mock.on(DescribeExecutionCommand).resolves({ executionArn: ARN, status: 'RUNNING', startDate: STARTED });
    mock.on(ListMapRunsCommand).resolves({ mapRuns: [] });
    const types = ['MapStateEntered', 'TaskScheduled', 'TaskScheduled', 'TaskSucceeded'] as const;
    const events = types.map((type, id) => ({ id, type, timestamp: STARTED }));
    mock.on(GetExecutionHistoryCommand).resolves({ events });
    await writeDocument(aws.store, planKey(JOB), PLAN);
    let looks = 0;

    const { events: reported } = await watched(aws, () => ++looks === 2);

    const progress = reported.filter((event) => event.kind === 'progress').map((event) => event.progress);
    expect(progress[0]).toMatchObject({ stage: 'map', done: 0, running: 1 });
  });

  test('continues without what the caller may not read', async () => {
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

  test('works for a job that Step Functions does not know yet', async () => {
    const aws = world({});
    const looks: string[] = [];

    const execution = await startExecution(aws, { job: JOB, redrive: 0, input: {} });
    const { status } = await watched(aws, ({ phase }) => looks.push(phase) === 2, execution);

    expect(status).toMatchObject({ phase: 'planning', execution: { arn: ARN, status: 'RUNNING' } });
    expect(looks).toEqual(['planning', 'planning']);
  });

  test('can be stopped while the job continues', async () => {
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
