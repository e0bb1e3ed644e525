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
import { describe, expect, test, vi } from 'vitest';
import { costLines, costOf, formatDollars, storageRequests, type Usage } from '../../src/cli/aws/cost.ts';
import type { Deployment } from '../../src/cli/aws/deployment.ts';
import { readDefinition } from '../../src/cli/aws/machine.ts';
import { pricesOf } from '../../src/cli/aws/prices.ts';
import { readHistory, usageOf } from '../../src/cli/aws/usage.ts';
import type { JobReport } from '../../src/report.ts';

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

  test('says that it is an estimate, whose prices these are, and of when', () => {
    const [here, parts] = costLines({ usage: USAGE, prices: US, region: 'us-east-1', isEmulator: false });
    const [there] = costLines({
      usage: { ...USAGE, isUpperBound: true },
      prices: pricesOf('sa-east-1'),
      region: 'sa-east-1',
      isEmulator: true,
    });

    expect(here).toMatch(/^about \$1\.31 {2}\(an estimate, at prices of us-east-1 of \d{4}-\d\d-\d\d\)$/);
    expect(parts).toBe(
      'functions $1.20 for 75,000 GB-seconds, coordination $0.10 for 4,000 transitions, S3 $0.014 for 12,000 requests',
    );
    expect(there).toMatch(
      /^on AWS at most about \$1\.31 .*at prices of us-east-1 of .*; those of sa-east-1 are not known here, and may differ\)$/,
    );
  });

  test('is at the prices of the region, where they were looked up', () => {
    const [frankfurt] = costLines({
      usage: USAGE,
      prices: pricesOf('eu-central-1'),
      region: 'eu-central-1',
      isEmulator: false,
    });

    expect(frankfurt).toMatch(/at prices of eu-central-1 of 2026-08-31\)$/);
    expect(pricesOf('eu-central-1').s3Write).toBeGreaterThan(US.s3Write);
    expect(pricesOf('ap-northeast-1').s3Read).toBeLessThan(US.s3Read);
  });

  test('grows with the product of map and reduce tasks in reads, and with their sum in writes', () => {
    const report = (maps: number, reduces: number) =>
      ({
        input: { splits: maps, bytes: 0 },
        stages: [maps, reduces].map((tasks) => ({ tasks, attempts: tasks, bytesWritten: 0 })),
      }) as unknown as JobReport;

    const [small, large] = [storageRequests(report(10, 10)), storageRequests(report(100, 100))];

    expect(large.s3Writes - small.s3Writes).toBe(180);
    expect(large.s3Reads - small.s3Reads).toBe(100 * 100 - 10 * 10 + 3 * 90 + 2 * 90);
  });

  test.each([
    [12.345, '$12.35'],
    [0.0123, '$0.012'],
    [0.5, '$0.50'],
    [0.00001, 'less than $0.0001'],
  ])('%s dollars are %s', (dollars, text) => {
    expect(formatDollars(dollars)).toBe(text);
  });
});

describe('what was used', () => {
  test('is read from the history: states entered, steps and their time', () => {
    const at = (ms: number) => new Date(ms);
    const events: HistoryEvent[] = [
      { type: 'TaskStateEntered', timestamp: at(0) },
      { type: 'TaskScheduled', timestamp: at(10) },
      { type: 'TaskStateExited', timestamp: at(500) },
      { type: 'MapStateEntered', timestamp: at(600) },
      { type: 'SucceedStateEntered', timestamp: at(1_800) },
    ].map((event, id) => ({ ...event, id }) as HistoryEvent);

    expect(readHistory(events)).toEqual({ transitions: 3, stepInvocations: 1, stepMs: 500 });
  });

  test('is that of every execution of the job, of those that are still known', async () => {
    const sfn = mockClient(SFNClient);
    const event = (type: string, ms: number) => ({ type, timestamp: new Date(ms), id: 1 }) as HistoryEvent;
    const steps = [event('TaskStateEntered', 0), event('TaskScheduled', 0), event('TaskStateExited', 1_000)];
    sfn.on(DescribeStateMachineCommand).resolves({ definition: '{}' });
    sfn.on(GetExecutionHistoryCommand).callsFake(({ executionArn }: { executionArn: string }) => {
      if (executionArn === 'long ago') throw new ExecutionDoesNotExist({ message: '', $metadata: {} });
      return { events: steps };
    });
    sfn.on(ListMapRunsCommand).callsFake(({ executionArn }: { executionArn: string }) => {
      if (executionArn === 'long ago') throw new ExecutionDoesNotExist({ message: '', $metadata: {} });
      return { mapRuns: [{ mapRunArn: 'run', startDate: new Date(0), stopDate: new Date(4_000) }] };
    });
    sfn.on(DescribeMapRunCommand).resolves({ executionCounts: { total: 10 } as MapRunExecutionCounts });
    sfn.on(ListExecutionsCommand).resolves({
      executions: [{ startDate: new Date(0), stopDate: new Date(2_000) }] as ExecutionListItem[],
    });
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    const deployment = { sfn: new SFNClient({ region: 'us-east-1' }), stateMachineArn: 'm' } as Deployment;
    const report = { stages: [], input: { splits: 0, bytes: 0 } } as unknown as JobReport;

    const usage = await usageOf(deployment, ['long ago', 'first', 'redrive'], report);

    // Each: one step, 10 children of two transitions each, one of which is listed with its 2 seconds of 1,769 MB.
    expect(usage).toMatchObject({ transitions: 2 + 2 * 20, invocations: 2 + 2 * 10 });
    expect(usage.gbSeconds).toBeCloseTo(2 + (2 * 2 * 1_769) / 1_024, 6);
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
      stepFunction: 'plan',
      isExpress: true,
      maxConcurrency: 40,
    });
  });
});
