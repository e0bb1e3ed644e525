import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ListExecutionsCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { beforeAll, expect, test } from 'vitest';

import { createFunction, createRole, createStateMachine, untilEnded } from './deploy.ts';
import { until } from './helpers/until.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

/** A task recognises its second attempt by a file in a folder that the test and the function share. */
const TASK = `
import { writeFileSync, existsSync } from 'node:fs';
import path from 'node:path';

class TaskStalledError extends Error { name = 'TaskStalledError'; }

export async function handler({ task }) {
  const startedMs = Date.now();
  if (task.waits) await new Promise((resolve) => setTimeout(resolve, 200));
  if (task.fails === 'always') throw new TaskStalledError('never works: ' + task.id);
  if (task.fails !== undefined) {
    const tried = path.join(process.env.TRIED, String(task.id));
    if (!existsSync(tried)) {
      writeFileSync(tried, '');
      if (task.fails === 'by exit') process.exit(1);
      throw new TaskStalledError('first attempt of ' + task.id);
    }
  }
  return { id: task.id, startedMs, endedMs: Date.now() };
}
`;

interface PlannedTask {
  id: number;
  waits?: true;
  fails?: 'once' | 'always' | 'by exit';
}

describeOnEmulators('Step Functions', (emulator) => {
  const s3 = new S3Client(emulator.clientConfig);
  const sfn = new SFNClient(emulator.clientConfig);
  const Bucket = uniqueName('bucket');
  let functionArn: string;
  let tried: string;

  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket }));
    const role = await createRole(emulator, 'lambda');
    tried = await mkdtemp(path.join(os.tmpdir(), 'mapreduce-tried-'));
    const variables = { TRIED: tried };
    functionArn = (await createFunction(emulator, { files: { 'index.mjs': TASK }, role, variables })).arn;
    return () => rm(tried, { recursive: true, force: true });
  });

  test('a Distributed Map over a JSON file runs every item', async () => {
    const tasks = Array.from({ length: 20 }, (_, id) => ({ id }));

    const ended = await runMap(tasks, { concurrency: 8 });

    expect(ended.status).toBe('SUCCEEDED');
    expect(idsOf(ended.output)).toEqual(tasks.map(({ id }) => id));
  });

  test('a Distributed Map takes from the state how many children it runs at once', async () => {
    const tasks: PlannedTask[] = Array.from({ length: 8 }, (_, id) => ({ id, waits: true }));

    const { output } = await runMap(tasks, { concurrency: 2 });

    const times = JSON.parse(output!) as { startedMs: number; endedMs: number }[];
    for (const { startedMs } of times) {
      const running = times.filter((other) => other.startedMs <= startedMs && startedMs < other.endedMs);
      expect(running.length).toBeLessThanOrEqual(2);
    }
  });

  test('a Retry for the name of an error, or for the death of a process, starts a second attempt', async () => {
    const tasks: PlannedTask[] = [
      { id: 0 },
      { id: 1, fails: 'once' },
      { id: 2, fails: 'by exit' },
      { id: 3 },
    ];

    const ended = await runMap(tasks, { concurrency: 1 });

    expect(ended.status).toBe('SUCCEEDED');
    expect(idsOf(ended.output)).toEqual([0, 1, 2, 3]);
    expect((await readdir(tried)).sort()).toEqual(['1', '2']);
  });

  test('a child that fails permanently fails the map, except on LocalStack, which ignores it', async () => {
    const ended = await runMap([{ id: 0 }, { id: 1, fails: 'always' }], { concurrency: 1 });

    if (emulator.name === 'LocalStack') {
      expect(ended.status).toBe('SUCCEEDED');
      expect(JSON.parse(ended.output!)).toContain(null);
    } else {
      expect(ended.status).toBe('FAILED');
      expect(ended.error).toBe('States.ExceedToleratedFailureThreshold');
    }
  });

  test('a Retry for another error does not match, and Catch receives the name and the cause', async () => {
    const stateMachineArn = await createStateMachine(emulator, {
      StartAt: 'Task',
      States: {
        Task: {
          Type: 'Task',
          Resource: 'arn:aws:states:::lambda:invoke',
          Parameters: { FunctionName: functionArn, Payload: { task: { id: 1, fails: 'always' } } },
          Retry: [{ ErrorEquals: ['CorruptShuffleError'], IntervalSeconds: 60, MaxAttempts: 3 }],
          Catch: [{ ErrorEquals: ['TaskStalledError'], ResultPath: '$.error', Next: 'Caught' }],
          End: true,
        },
        Caught: { Type: 'Pass', End: true },
      },
    });

    const ended = await run(stateMachineArn, {});

    const { error } = JSON.parse(ended.output!);
    expect(error.Error).toBe('TaskStalledError');
    expect(JSON.parse(error.Cause)).toMatchObject({
      errorType: 'TaskStalledError',
      errorMessage: 'never works: 1',
    });
  });

  test('an uploaded object starts an execution through EventBridge', async () => {
    const uploads = uniqueName('uploads');
    await s3.send(new CreateBucketCommand({ Bucket: uploads }));
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: uploads,
        NotificationConfiguration: { EventBridgeConfiguration: {} },
      }),
    );
    const stateMachineArn = await createStateMachine(emulator, {
      StartAt: 'Done',
      States: { Done: { Type: 'Pass', End: true } },
    });
    const events = new EventBridgeClient(emulator.clientConfig);
    const Rule = uniqueName('rule');
    const pattern = {
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { bucket: { name: [uploads] }, object: { key: [{ prefix: 'input/' }] } },
    };
    await events.send(new PutRuleCommand({ Name: Rule, EventPattern: JSON.stringify(pattern) }));
    const RoleArn = await createRole(emulator, 'events');
    await events.send(
      new PutTargetsCommand({ Rule, Targets: [{ Id: 'machine', Arn: stateMachineArn, RoleArn }] }),
    );

    const uploadedAt = performance.now();
    await s3.send(new PutObjectCommand({ Bucket: uploads, Key: 'elsewhere/a', Body: 'ignored' }));
    const Key = 'input/word-count/a b+c%20ü.txt';
    await s3.send(new PutObjectCommand({ Bucket: uploads, Key, Body: 'text' }));
    const [first] = await untilStarted(stateMachineArn, 1);
    const startedAfterMs = performance.now() - uploadedAt;
    await s3.send(new PutObjectCommand({ Bucket: uploads, Key, Body: 'text' }));
    const both = await untilStarted(stateMachineArn, 2);

    expect(first).toMatchObject({
      'detail-type': 'Object Created',
      detail: { bucket: { name: uploads }, object: { key: Key, size: 4, etag: expect.any(String) } },
    });
    expect(startedAfterMs).toBeLessThan(120_000);
    // Only the sequencer distinguishes a second upload of the same bytes from a second delivery of one event.
    const sequencers = both.map((event) => event.detail.object.sequencer);
    expect(new Set(sequencers).size).toBe(2);
  });

  async function runMap(tasks: PlannedTask[], { concurrency }: { concurrency: number }) {
    const Key = `plan/${uniqueName('map')}.json`;
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(tasks) }));
    const stateMachineArn = await createStateMachine(emulator, {
      StartAt: 'Map',
      States: {
        Map: {
          Type: 'Map',
          MaxConcurrencyPath: '$.concurrency',
          ItemReader: {
            Resource: 'arn:aws:states:::s3:getObject',
            ReaderConfig: { InputType: 'JSON' },
            Parameters: { 'Bucket.$': '$.bucket', 'Key.$': '$.key' },
          },
          ItemSelector: { 'task.$': '$$.Map.Item.Value' },
          ItemProcessor: {
            ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
            StartAt: 'Task',
            States: {
              Task: {
                Type: 'Task',
                Resource: 'arn:aws:states:::lambda:invoke',
                Parameters: { FunctionName: functionArn, 'Payload.$': '$' },
                OutputPath: '$.Payload',
                Retry: [
                  {
                    ErrorEquals: ['TaskStalledError', 'Runtime.ExitError'],
                    IntervalSeconds: 1,
                    MaxAttempts: 2,
                    BackoffRate: 1,
                    MaxDelaySeconds: 2,
                    JitterStrategy: 'FULL',
                  },
                ],
                End: true,
              },
            },
          },
          End: true,
        },
      },
    });
    return await run(stateMachineArn, { bucket: Bucket, key: Key, concurrency });
  }

  async function run(stateMachineArn: string, input: unknown) {
    const started = await sfn.send(
      new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
    );
    return await untilEnded(emulator, started.executionArn!);
  }

  /** Waits until there are this many executions of the machine, and returns their inputs. */
  async function untilStarted(stateMachineArn: string, count: number) {
    const started = await until(`${count} executions`, async () => {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
      return executions.length < count ? undefined : executions;
    });
    const ended = await Promise.all(started.map(({ executionArn }) => untilEnded(emulator, executionArn!)));
    return ended.map(({ input }) => JSON.parse(input!));
  }
});

function idsOf(output: string | undefined): number[] {
  return (JSON.parse(output!) as { id: number }[]).map(({ id }) => id);
}
