import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeStateMachineCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Deployment } from '../../../src/aws/client/deployment.ts';
import { redriveJob } from '../../../src/aws/client/job-control.ts';
import type { JobStatus } from '../../../src/aws/client/job-status.ts';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { settingsKey } from '../../../src/aws/protocol/keys.ts';
import { jobId } from '../../../src/base/ids.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';

const [sfn, lambda] = [mockClient(SFNClient), mockClient(LambdaClient)];
const JOB = jobId('daily');
// The cast: nothing else of it is read.
const FAILED = { jobId: JOB, phase: 'failed', execution: undefined } as unknown as JobStatus;
const PLAN = 'arn:aws:lambda:us-east-1:123456789012:function:Plan:8';

describe('the redrive of a job that started with other code', () => {
  let deployment: Deployment;
  beforeEach(async () => {
    for (const mock of [sfn, lambda]) mock.reset();
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    const store = new MemoryStore();
    await writeDocument(store, settingsKey(JOB), { codeHash: 'c0de00000001' });
    // The cast: nothing else of it is read.
    deployment = {
      store,
      sfn: new SFNClient({ region: 'us-east-1' }),
      stateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:Jobs',
    } as unknown as Deployment;
    const definition = JSON.stringify({ States: { Plan: { Parameters: { FunctionName: PLAN } } } });
    sfn.on(DescribeStateMachineCommand).resolves({ definition });
    sfn.on(StartExecutionCommand).resolves({ executionArn: 'arn', startDate: new Date(0) });
    deployed('c0de00000002');
  });

  const deployed = (codeHash: string) =>
    lambda.on(GetFunctionConfigurationCommand, { FunctionName: PLAN }).resolves({
      LastModified: '2026-11-30T08:00:00.000+0000',
      Environment: { Variables: { MAPREDUCE_CODE_HASH: codeHash } },
    });
  const redrive = (allowOtherCode = false) => redriveJob(deployment, FAILED, { allowOtherCode });
  const started = () => sfn.commandCalls(StartExecutionCommand).map(({ args: [{ input }] }) => input.input);

  it('is refused before it starts, with both codes and when the other was deployed', async () => {
    await expect(redrive()).rejects.toThrow(
      'job daily started with code c0de00000001, and the deployment has code c0de00000002, deployed at 2026-11-30T08:00:00.000+0000',
    );
    expect(started()).toEqual([]);
  });

  it('starts if it accepts that, and says so to the plan step', async () => {
    await redrive(true);

    expect(started()).toEqual(['{"jobId":"daily","redrive":true,"allowOtherCode":true}']);
  });

  it('starts if the same code is deployed again', async () => {
    deployed('c0de00000001');

    await redrive();

    expect(started()).toEqual(['{"jobId":"daily","redrive":true}']);
  });

  it('is left to the plan step if the caller may not describe functions', async () => {
    lambda
      .on(GetFunctionConfigurationCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));

    await redrive();

    expect(started()).toEqual(['{"jobId":"daily","redrive":true}']);
  });
});
