import { describe, expect, test } from 'vitest';
import { executionArn, executionName, latestExecution } from '../../../src/aws/client/executions.ts';
import { jobStatus } from '../../../src/aws/client/job-status.ts';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { planKey, requestKey } from '../../../src/aws/protocol/keys.ts';
import { jobId } from '../../../src/base/ids.ts';
import { ARN, JOB, PLAN, world } from './job-world.ts';

describe('executions of a job', () => {
  test('have distinct names that Step Functions accepts', () => {
    const long = jobId('x'.repeat(80));
    const other = jobId(`${'x'.repeat(79)}y`);

    expect(executionName(jobId('daily'), 0)).toBe('daily');
    expect(executionName(jobId('daily'), 2)).toBe('daily-redrive-2');
    expect(executionName(long, 12)).toHaveLength(80);
    expect(executionName(long, 12)).not.toBe(executionName(other, 12));
    expect(executionArn('arn:aws:states:us-east-1:1:stateMachine:M', 'daily')).toBe(
      'arn:aws:states:us-east-1:1:execution:M:daily',
    );
  });
});

describe('the execution of a job', () => {
  test('is the latest redrive', async () => {
    const aws = world({ daily: ['FAILED'], 'daily-redrive-1': ['ABORTED'], 'daily-redrive-2': ['RUNNING'] });

    expect(await latestExecution(aws, JOB)).toMatchObject({ redrive: 2, status: 'RUNNING' });
  });

  test('is the one that the claim names if an upload started it', async () => {
    const aws = world({ 'made-up-by-eventbridge': ['SUCCEEDED'] });
    const execution = ARN.replace(/daily$/, 'made-up-by-eventbridge');
    await writeDocument(aws.store, requestKey(JOB), { formatVersion: 1, jobId: JOB, execution });

    expect(await latestExecution(aws, JOB)).toMatchObject({ arn: execution, redrive: 0 });
  });

  test('expires after a while; then the bucket shows how the job ended', async () => {
    const aws = world({});
    await writeDocument(aws.store, planKey(JOB), PLAN);
    await aws.store.put('output/daily/_SUCCESS', Buffer.alloc(0));

    expect(await jobStatus(aws, JOB)).toMatchObject({ phase: 'succeeded', execution: undefined });
  });

  test('of an unknown id causes an error that suggests the nearest id', async () => {
    const aws = world({});
    await writeDocument(aws.store, planKey(jobId('daily-2')), PLAN);

    await expect(jobStatus(aws, JOB)).rejects.toThrow("Did you mean 'daily-2'?");
  });
});
