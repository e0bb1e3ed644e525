import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  ExecutionDoesNotExist,
  type ExecutionListItem,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListMapRunsCommand,
  type MapRunExecutionCounts,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Deployment } from '../../../src/aws/client/deployment.ts';
import { readHistory } from '../../../src/aws/client/execution-history.ts';
import { usageOf } from '../../../src/aws/client/usage.ts';
import { watchOf } from '../../../src/aws/model/cost.ts';
import { storageRequests } from '../../../src/aws/model/report-requests.ts';
import type { JobReport } from '../../../src/report/report.ts';

const DEFINITION = {
  States: {
    Plan: { Parameters: { FunctionName: 'plan' } },
    WatchMap: { Parameters: { StateMachineArn: 'watch-machine' } },
    MapStage: { ItemProcessor: { States: { MapTask: { Parameters: { FunctionName: 'map' } } } } },
    Commit: { Parameters: { FunctionName: 'commit' } },
    PublishFailure: { Parameters: { Entries: [] } },
  },
};
const at = (type: string, ms: number, name?: string) =>
  ({
    id: 1,
    type,
    timestamp: new Date(ms),
    ...(name === undefined ? {} : { stateEnteredEventDetails: { name } }),
  }) as HistoryEvent;
/** The events of a task state that runs between two times. */
const state = (name: string, fromMs: number, toMs: number) => [
  at('TaskStateEntered', fromMs, name),
  at('TaskScheduled', fromMs + 10),
  at('TaskStateExited', toMs),
];

/** Of each plan: three functions with 4 GB and two with 1 GB, which take 250 ms to start. */
const WAKES = { invocations: 5, gbSeconds: 0.25 * (3 * 4 + 2 * 1), scratchGbSeconds: 0.25 * 3 * 2 };

describe('the usage of a job', () => {
  const sfn = mockClient(SFNClient);
  const lambda = mockClient(LambdaClient);
  const deployment = { sfn: new SFNClient({ region: 'us-east-1' }), stateMachineArn: 'm' } as Deployment;
  const NOTHING = { stages: [], input: { splits: 0, bytes: 0 } } as unknown as JobReport;

  beforeEach(() => {
    sfn.reset();
    lambda.reset();
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    sfn.on(DescribeStateMachineForExecutionCommand).resolves({ definition: JSON.stringify(DEFINITION) });
    sfn.on(ListMapRunsCommand).resolves({ mapRuns: [] });
    lambda.on(GetFunctionConfigurationCommand).callsFake(({ FunctionName: name }) => ({
      MemorySize: name === 'map' || name === 'commit' ? 4_096 : 1_024,
      EphemeralStorage: { Size: name === 'map' || name === 'commit' ? 2_560 : 512 },
    }));
  });

  test('is read from the history: the states entered, and the invocations and time of each step', () => {
    const events = [
      ...state('Plan', 0, 500),
      at('MapStateEntered', 600),
      at('MapStateExited', 900),
      ...state('Commit', 1_000, 1_200),
      ...state('Commit', 1_300, 1_400),
      at('SucceedStateEntered', 1_800),
    ];

    const { transitions, steps } = readHistory(events);

    expect(transitions).toBe(5);
    expect(Object.fromEntries(steps)).toEqual({
      Plan: { invocations: 1, ms: 500 },
      Commit: { invocations: 2, ms: 300 },
    });
  });

  /** Two tasks of 3 and 1 s; the second fails at once, and waits 4 s for its retry. */
  const inlineMap = (sub: (name: string, ms: number) => HistoryEvent[]) => [
    at('MapStateEntered', 1_000, 'MapInline'),
    at('MapStateStarted', 1_000),
    ...sub('MapInlineTask', 1_000),
    at('TaskScheduled', 1_000),
    ...sub('MapInlineTask', 1_000),
    at('TaskScheduled', 1_000),
    at('TaskFailed', 1_000),
    at('TaskSucceeded', 4_000),
    at('TaskScheduled', 5_000),
    at('TaskSucceeded', 6_000),
    at('MapStateSucceeded', 6_000),
    at('MapStateExited', 6_000),
  ];

  test.each([
    ['AWS and LocalStack', (name: string, ms: number) => [at('TaskStateEntered', ms, name)], 5],
    ['MiniStack, which lists no states of iterations', () => [], 3],
  ])('includes the tasks of an inline Map, by the Map, on %s', (_, sub, transitions) => {
    const events = [...state('Plan', 0, 500), ...inlineMap(sub), ...state('MapBarrier', 6_000, 7_000)];

    const history = readHistory(events);

    expect(Object.fromEntries(history.steps)).toEqual({
      Plan: { invocations: 1, ms: 500 },
      MapInline: { invocations: 3, ms: 4_000 },
      MapBarrier: { invocations: 1, ms: 1_000 },
    });
    expect(history.transitions).toBe(transitions);
    expect(history.inlineRunning).toBe(0);
  });

  test('counts the tasks of an inline Map that run now, without those that wait for a retry', () => {
    const events = inlineMap(() => []);

    expect(events.map((_, end) => readHistory(events.slice(0, end + 1)).inlineRunning)).toEqual([
      0, 0, 1, 2, 1, 0, 1, 0, 0, 0,
    ]);
  });

  test('of an inline Map whose tasks have the memory of a task', async () => {
    sfn.on(GetExecutionHistoryCommand).resolves({ events: inlineMap(() => []) });

    const usage = await usageOf(deployment, ['first'], NOTHING);

    expect(usage).toMatchObject({ invocations: 3, transitions: 1, isUpperBound: false });
    expect(usage.gbSeconds).toBeCloseTo(4 * 4, 6);
    // 512 of the 2,560 MB are free.
    expect(usage.scratchGbSeconds).toBeCloseTo(4 * 2, 6);
  });

  test('uses the memory of the function that ran: a commit has that of a task', async () => {
    const events = [...state('Plan', 0, 1_000), ...state('Commit', 2_000, 12_000)];
    sfn.on(GetExecutionHistoryCommand).resolves({ events });

    const usage = await usageOf(deployment, ['first'], NOTHING);

    expect(usage).toMatchObject({ invocations: 2 + WAKES.invocations, transitions: 2 });
    expect(usage.gbSeconds).toBeCloseTo(1 + 10 * 4 + WAKES.gbSeconds, 6);
    expect(usage.scratchGbSeconds).toBeCloseTo(10 * 2 + WAKES.scratchGbSeconds, 6);
  });

  test('includes the watch of a stage that had one, its backup attempts, and no state without a function', async () => {
    sfn
      .on(GetExecutionHistoryCommand)
      .resolves({ events: [...state('WatchMap', 0, 100), ...state('PublishFailure', 200, 90_000)] });
    const stage = { stage: 'map', tasks: 100, attempts: 100, wallMs: 60_000, bytesWritten: 0 };
    const report = (backupAttempts: number) => {
      const stages = [{ ...stage, backupAttempts, taskTimes: { medianMs: 2_000 } }];
      return { ...NOTHING, stages } as unknown as JobReport;
    };
    const { looks } = watchOf(stage);

    const watched = await usageOf(deployment, ['first'], report(0));
    const backedUp = await usageOf(deployment, ['first'], report(3));

    expect(watched).toMatchObject({ invocations: looks, transitions: 2 + 4 * looks });
    expect(watched.gbSeconds).toBeCloseTo(looks / 2, 6);
    expect(watched.s3Writes - storageRequests(report(0)).s3Writes).toBe(looks);
    expect(backedUp.invocations).toBe(looks + 3);
    expect(backedUp.gbSeconds).toBeCloseTo(looks / 2 + 3 * 2 * 4, 6);
  });

  test('adds up all executions of the job that still exist', async () => {
    const gone = (executionArn: string) => {
      if (executionArn === 'long ago') throw new ExecutionDoesNotExist({ message: '', $metadata: {} });
    };
    sfn.on(GetExecutionHistoryCommand).callsFake(({ executionArn }: { executionArn: string }) => {
      gone(executionArn);
      return { events: state('Plan', 0, 1_000) };
    });
    sfn.on(ListMapRunsCommand).callsFake(({ executionArn }: { executionArn: string }) => {
      gone(executionArn);
      return { mapRuns: [{ mapRunArn: 'run', startDate: new Date(0), stopDate: new Date(4_000) }] };
    });
    sfn.on(DescribeMapRunCommand).resolves({ executionCounts: { total: 10 } as MapRunExecutionCounts });
    sfn.on(ListExecutionsCommand).resolves({
      executions: [{ startDate: new Date(0), stopDate: new Date(2_000) }] as ExecutionListItem[],
    });

    const usage = await usageOf(deployment, ['long ago', 'first', 'redrive'], NOTHING);

    // Each execution has one step and 10 children with two transitions each. One child is listed, with 2 seconds of 4
    // GB.
    expect(usage).toMatchObject({ transitions: 2 + 2 * 20, invocations: 2 * (1 + 10 + WAKES.invocations) });
    expect(usage.gbSeconds).toBeCloseTo(2 * (1 + 2 * 4 + WAKES.gbSeconds), 6);
  });

  test('uses the current machine if the caller may not see that of the execution', async () => {
    sfn
      .on(DescribeStateMachineForExecutionCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));
    sfn.on(DescribeStateMachineCommand).resolves({ definition: JSON.stringify(DEFINITION) });
    sfn.on(GetExecutionHistoryCommand).resolves({ events: state('Commit', 0, 1_000) });

    const usage = await usageOf(deployment, ['first'], NOTHING);

    expect(usage.gbSeconds).toBeCloseTo(4, 6);
  });

  test('assumes the default memory if the caller may not describe functions', async () => {
    lambda
      .on(GetFunctionConfigurationCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDenied' }));
    sfn.on(GetExecutionHistoryCommand).resolves({ events: state('Commit', 0, 1_000) });

    const usage = await usageOf(deployment, ['first'], NOTHING);

    expect(usage.gbSeconds).toBeCloseTo(1_769 / 1_024, 6);
  });
});
