import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
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
import { costOf, storageRequests, type Usage, watchOf } from '../../../src/aws/client/cost.ts';
import type { Deployment } from '../../../src/aws/client/deployment.ts';
import { readDefinition } from '../../../src/aws/client/machine.ts';
import { pricesOf } from '../../../src/aws/client/prices.ts';
import { readHistory, usageOf } from '../../../src/aws/client/usage.ts';
import type { JobReport } from '../../../src/report/report.ts';

const US = pricesOf('us-east-1');
const USAGE: Usage = {
  invocations: 1_000_000,
  gbSeconds: 75_000,
  isUpperBound: false,
  transitions: 4_000,
  expressExecutions: 0,
  expressSeconds: 0,
  s3Writes: 2_000,
  s3Reads: 10_000,
};

describe('the estimated cost', () => {
  test('is what was used, times the prices', () => {
    const cost = costOf(USAGE, US);

    expect(cost.functions).toBeCloseTo(75_000 * 0.0000133334 + 0.2, 9);
    expect(cost.coordination).toBeCloseTo(0.1, 9);
    expect(cost.storageRequests).toBeCloseTo(0.01 + 0.004, 9);
    expect(cost.total).toBeCloseTo(cost.functions + cost.coordination + cost.storageRequests, 9);
  });

  test('differs by region, where the prices were looked up', () => {
    expect(pricesOf('eu-central-1').s3Write).toBeGreaterThan(US.s3Write);
    expect(pricesOf('ap-northeast-1').s3Read).toBeLessThan(US.s3Read);
    expect(pricesOf('sa-east-1')).toEqual(US);
  });

  test('grows with the product of map and reduce tasks in reads, and with their sum in writes', () => {
    const report = (maps: number, reduces: number) =>
      ({
        input: { splits: maps, bytes: 0 },
        stages: [maps, reduces].map((tasks) => ({ tasks, attempts: tasks, bytesWritten: 0 })),
      }) as unknown as JobReport;

    const [small, large] = [storageRequests(report(10, 10)), storageRequests(report(100, 100))];

    expect(large.s3Writes - small.s3Writes).toBe(180);
    expect(large.s3Reads - small.s3Reads).toBe(100 * 100 - 10 * 10 + 4 * 90 + 3 * 90);
  });

  test('counts what attempts ask of S3 every five seconds, from how long most of them took', () => {
    const report = (medianMs: number) =>
      ({
        input: { splits: 10, bytes: 0 },
        stages: [{ tasks: 10, attempts: 12, bytesWritten: 0, taskTimes: { medianMs } }],
      }) as unknown as JobReport;

    const [short, long] = [storageRequests(report(4_900)), storageRequests(report(31_000))];

    expect(long.s3Reads - short.s3Reads).toBe(12 * 6 * 3);
    expect(long.s3Writes).toBe(short.s3Writes);
  });

  test('counts the looks of the watch over a stage, every 3 to 15 seconds until it has ended', () => {
    // 3 + 4 + ... + 15 are 117 seconds and 13 looks, then one every 15 seconds: as docs/s3-requests.md has it.
    expect(watchOf({ tasks: 1_000, wallMs: 600_000 })).toMatchObject({
      looks: 46,
      s3Writes: 46,
      s3Reads: 138,
    });
    expect(watchOf({ tasks: 7_812, wallMs: 600_000 })).toMatchObject({ looks: 46, s3Writes: 8 * 46 });
    expect(watchOf({ tasks: 4, wallMs: 10 })).toMatchObject({ looks: 1, transitions: 4 });
  });
});

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
/** A task state from one time to another. */
const state = (name: string, fromMs: number, toMs: number) => [
  at('TaskStateEntered', fromMs, name),
  at('TaskScheduled', fromMs + 10),
  at('TaskStateExited', toMs),
];

describe('what was used', () => {
  const sfn = mockClient(SFNClient);
  const lambda = mockClient(LambdaClient);
  const deployment = { sfn: new SFNClient({ region: 'us-east-1' }), stateMachineArn: 'm' } as Deployment;
  const NOTHING = { stages: [], input: { splits: 0, bytes: 0 } } as unknown as JobReport;

  beforeEach(() => {
    sfn.reset();
    lambda.reset();
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    sfn.on(DescribeStateMachineCommand).resolves({ definition: JSON.stringify(DEFINITION) });
    sfn.on(ListMapRunsCommand).resolves({ mapRuns: [] });
    lambda.on(GetFunctionConfigurationCommand).callsFake(({ FunctionName: name }) => ({
      MemorySize: name === 'map' || name === 'commit' ? 4_096 : 1_024,
    }));
  });

  test('is read from the history: states entered, and of each step its invocations and time', () => {
    const events = [
      ...state('Plan', 0, 500),
      at('MapStateEntered', 600),
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

  test('is by the memory of the function that ran: a commit has that of a task', async () => {
    const events = [...state('Plan', 0, 1_000), ...state('Commit', 2_000, 12_000)];
    sfn.on(GetExecutionHistoryCommand).resolves({ events });

    const usage = await usageOf(deployment, ['first'], NOTHING);

    expect(usage).toMatchObject({ invocations: 2, transitions: 2 });
    expect(usage.gbSeconds).toBeCloseTo(1 + 10 * 4, 6);
  });

  test('counts the watch of a stage that had one, and its backup attempts, and no state without a function', async () => {
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

  test('is that of every execution of the job, of those that are still known', async () => {
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

    // Each: one step, 10 children of two transitions each, one of which is listed with its 2 seconds of 4 GB.
    expect(usage).toMatchObject({ transitions: 2 + 2 * 20, invocations: 2 + 2 * 10 });
    expect(usage.gbSeconds).toBeCloseTo(2 + 2 * 2 * 4, 6);
  });

  test('is taken at the default memory where functions may not be looked at', async () => {
    lambda
      .on(GetFunctionConfigurationCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDenied' }));
    sfn.on(GetExecutionHistoryCommand).resolves({ events: state('Commit', 0, 1_000) });

    const usage = await usageOf(deployment, ['first'], NOTHING);

    expect(usage.gbSeconds).toBeCloseTo(1_769 / 1_024, 6);
  });

  test('is bounded by what the definition lets run at once', () => {
    const definition = {
      States: {
        Plan: { Parameters: { FunctionName: 'plan' } },
        MapStage: {
          MaxConcurrency: 40,
          ItemProcessor: {
            ProcessorConfig: { ExecutionType: 'EXPRESS' },
            States: { MapTask: { Parameters: { FunctionName: 'map' } } },
          },
        },
      },
    };

    expect(readDefinition(JSON.stringify(definition))).toEqual({
      mapFunction: 'map',
      reduceFunction: undefined,
      stepFunctions: { Plan: 'plan' },
      watchMachine: undefined,
      isExpress: true,
      maxConcurrency: 40,
    });
  });
});
