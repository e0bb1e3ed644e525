/** A deployment whose job `daily` is in the state that a test needs. */
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import type { Deployment } from '../../../src/aws/client/deployment.ts';
import { jobId } from '../../../src/base/ids.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';

export const JOB = jobId('daily');
const MACHINE = 'arn:aws:states:us-east-1:123456789012:stateMachine:M';
export const ARN = 'arn:aws:states:us-east-1:123456789012:execution:M:daily';
export const STARTED = new Date('2026-01-01T00:00:00Z');
const split = (startBytes: number, endBytes: number) => ({ pieces: [{ startBytes, endBytes }] });
export const PLAN = {
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

export interface World extends Deployment {
  readonly store: MemoryStore;
}

/** The answers for each execution by name, one per request. The last answer repeats. */
export function world(
  executions: Readonly<Record<string, readonly DescribeExecutionOutput['status'][]>>,
): World {
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
