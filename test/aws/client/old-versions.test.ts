import {
  DeleteFunctionCommand,
  type FunctionConfiguration,
  LambdaClient,
  ListVersionsByFunctionCommand,
} from '@aws-sdk/client-lambda';
import {
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { removeOldVersions } from '../../../src/aws/client/old-versions.ts';

const [sfn, lambda] = [mockClient(SFNClient), mockClient(LambdaClient)];
const REGION = { region: 'us-east-1' };
const deployment = {
  stateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:Jobs',
  sfn: new SFNClient(REGION),
  lambda: new LambdaClient(REGION),
};
const arn = (version: number) => `arn:aws:lambda:us-east-1:123456789012:function:Plan:${version}`;
const invoking = (version: number) => ({
  definition: JSON.stringify({ States: { Plan: { Parameters: { FunctionName: arn(version) } } } }),
});
const NOW_MS = Date.parse('2026-11-30T00:00:00Z');
const publishedOn = (version: number, day: string): FunctionConfiguration => ({
  Version: String(version),
  FunctionArn: arn(version),
  LastModified: `2026-11-${day}T00:00:00.000+0000`,
});
const removed = () =>
  lambda
    .commandCalls(DeleteFunctionCommand)
    .map(({ args: [{ input }] }) => `${input.FunctionName}:${input.Qualifier}`);

describe('old versions of the functions', () => {
  beforeEach(() => {
    for (const mock of [sfn, lambda]) mock.reset();
    sfn.on(DescribeStateMachineCommand).resolves(invoking(10));
    sfn.on(ListExecutionsCommand).resolves({ executions: [] });
    // Not in the order of their numbers, and 10 after 9.
    const versions = [
      publishedOn(10, '29'),
      publishedOn(7, '01'),
      publishedOn(8, '10'),
      publishedOn(9, '14'),
    ];
    lambda.on(ListVersionsByFunctionCommand).resolves({ Versions: [{ Version: '$LATEST' }, ...versions] });
    lambda.on(DeleteFunctionCommand).resolves({});
  });

  it('go when they were replaced more than 14 days ago; the deployed one and the one before stay', async () => {
    const gone = await removeOldVersions(deployment, { nowMs: NOW_MS });

    expect(gone).toEqual([arn(7), arn(8)]);
    expect(removed()).toEqual(gone);
  });

  it('stay while a running job invokes them', async () => {
    sfn.on(ListExecutionsCommand, { statusFilter: 'RUNNING' }).resolves({
      executions: [
        {
          executionArn: 'long',
          stateMachineArn: 'Jobs',
          name: 'long',
          status: 'RUNNING',
          startDate: new Date(0),
        },
      ],
    });
    sfn.on(DescribeStateMachineForExecutionCommand, { executionArn: 'long' }).resolves(invoking(7));

    expect(await removeOldVersions(deployment, { nowMs: NOW_MS })).toEqual([arn(8)]);
    expect(removed()).toEqual([arn(8)]);
  });

  it('stay if the caller may not see what a running job invokes', async () => {
    sfn.on(ListExecutionsCommand).resolves({
      executions: [
        { executionArn: 'x', stateMachineArn: 'Jobs', name: 'x', status: 'RUNNING', startDate: new Date(0) },
      ],
    });
    sfn
      .on(DescribeStateMachineForExecutionCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));

    await expect(removeOldVersions(deployment, { nowMs: NOW_MS })).rejects.toThrow('ForExecution');
    expect(removed()).toEqual([]);
  });

  it('stay if the caller may not see which jobs run', async () => {
    sfn.on(ListExecutionsCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));

    await expect(removeOldVersions(deployment, { nowMs: NOW_MS })).rejects.toThrow('states:ListExecutions');
    expect(removed()).toEqual([]);
  });
});
