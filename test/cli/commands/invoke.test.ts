import { InvokeCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionDoesNotExist,
  type ExecutionStatus,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { answerFor } from '../../../src/aws/protocol/error-answer.ts';
import type { DryRun } from '../../../src/aws/protocol/job-state.ts';
import { planKey } from '../../../src/aws/protocol/keys.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { jobId, taskId } from '../../../src/base/ids.ts';
import { invokeCommand } from '../../../src/cli/commands/invoke.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { connectionTo } from '../fake-connection.ts';
import { outcomeOf } from '../outcome.ts';

const JOB = jobId('daily');
const MAP = 'arn:aws:lambda:us-east-1:123456789012:function:Map';
const REDUCE = 'arn:aws:lambda:us-east-1:123456789012:function:Reduce';
const DEFINITION = {
  States: {
    MapStage: { ItemProcessor: { States: { MapTask: { Parameters: { FunctionName: MAP } } } } },
    ReduceStage: { ItemProcessor: { States: { ReduceTask: { Parameters: { FunctionName: REDUCE } } } } },
  },
};
const RESULT = {
  taskId: 'm-00002',
  attemptId: 'm-00002.dry-1',
  committed: false,
  counters: { 'bad lines': 3 },
  recordsRead: 1_234,
  bytesRead: 56_789,
  recordsWritten: 99,
  bytesWritten: 1_000,
  spills: 2,
  bytesSpilled: 4_000,
};
const REPORT =
  'REPORT RequestId: 1\tDuration: 87.10 ms\tBilled Duration: 88 ms\tMemory Size: 1769 MB\tMax Memory Used: 210 MB';

const sfn = mockClient(SFNClient);
const lambda = mockClient(LambdaClient);
let store: MemoryStore;

vi.mock('../../../src/aws/client/deployment.ts', async (original) => ({
  ...(await original<object>()),
  connect: async () => connectionTo(store),
}));

beforeEach(() => {
  sfn.reset();
  lambda.reset();
  store = new MemoryStore();
  sfn.on(DescribeStateMachineCommand).resolves({ definition: JSON.stringify(DEFINITION) });
});

/** Stores a planned job of 5 map tasks. */
async function job(status: ExecutionStatus, { reducers = 1, mapsDone = 0 } = {}): Promise<void> {
  sfn.on(DescribeExecutionCommand).callsFake(({ executionArn }: { executionArn: string }) => {
    if (!executionArn.endsWith(':daily')) {
      throw new ExecutionDoesNotExist({ message: 'no such execution', $metadata: {} });
    }
    return { executionArn, status, startDate: new Date(0) };
  });
  await writeDocument(store, planKey(JOB), {
    app: 'word-count',
    outputPrefix: 'output/daily/',
    plannedAt: '2026-01-01T00:00:00Z',
    plan: {
      settings: { jobId: JOB, jobName: 'word-count', reducers, merge: false },
      splits: Array.from({ length: 5 }, () => ({ pieces: [] })),
    },
  });
  for (let index = 0; index < mapsDone; index++) {
    await store.put(`work/daily/shuffle/m-0000${index}`, Buffer.from('x'));
  }
}

function functionAnswers(answer: unknown, { log = '', error }: { log?: string; error?: string } = {}): void {
  lambda.on(InvokeCommand).resolves({
    StatusCode: 200,
    Payload: Buffer.from(JSON.stringify(answer)) as never,
    LogResult: Buffer.from(log).toString('base64'),
    ...(error === undefined ? {} : { FunctionError: error }),
  });
}

const dryRun = (more: Partial<DryRun>): DryRun => ({ dryRun: true, elapsedMs: 87, ...more });

/** Returns what the command prints, its exit code and its error. */
function invoke(task: string, flags: { json?: boolean } = {}) {
  return outcomeOf(() => invokeCommand('daily', task, flags));
}

describe('a task that succeeds', () => {
  test('is shown with records, bytes, counters, what Lambda bills, and its log', async () => {
    await job('RUNNING');
    const log = ['START RequestId: 1', 'what the job printed', '{"_aws":{},"Elapsed":87}', REPORT].join('\n');
    functionAnswers(dryRun({ result: RESULT as never }), { log });

    const { code, stdout } = await invoke('m-00002');

    expect(code).toBe(0);
    expect(stdout).toBe(`m-00002  ran to its end
  read       1,234 records, 56.8 kB
  written    99 records, 1.00 kB, and not kept
  spills     2 (4.00 kB)
  time       87 ms, 88 ms billed, 210 of 1769 MB of memory
  bad lines  3
log
  what the job printed
`);
  });

  test.each([
    ['m-2', MAP, 2],
    ['m-00002.4f1c-9', MAP, 2],
    ['r-00000', REDUCE, 0],
  ])(
    '%s is sent to its function once, with a request for the end of its log',
    async (name, functionName, index) => {
      await job('RUNNING', { mapsDone: 5 });
      functionAnswers(dryRun({ result: RESULT as never }));

      await invoke(name);

      const calls = lambda.commandCalls(InvokeCommand).map(({ args: [{ input }] }) => input);
      expect(calls).toMatchObject([{ FunctionName: functionName, LogType: 'Tail' }]);
      expect(JSON.parse(String(calls[0]!.Payload))).toEqual({ jobId: JOB, item: { index }, dryRun: true });
    },
  );

  test('is printed as one JSON document with --json', async () => {
    await job('SUCCEEDED');
    functionAnswers(dryRun({ result: RESULT as never }), { log: REPORT });

    const { stdout } = await invoke('m-2', { json: true });

    expect(JSON.parse(stdout)).toMatchObject({
      jobId: 'daily',
      taskId: 'm-00002',
      function: MAP,
      result: { recordsRead: 1_234 },
      log: REPORT,
    });
  });
});

describe('a task that fails', () => {
  test("is reported with the object, the offset and the user's stack, and exit code 1", async () => {
    await job('FAILED');
    const userStack = 'TypeError: no\n    at map (/job.ts:1:2)';
    const details = {
      taskId: taskId('map', 2),
      file: 'data/a.txt',
      offsetBytes: 7,
      phase: 'map' as const,
      userStack,
    };
    const error = { name: 'UserCodeError', message: 'map() threw TypeError: no', details };
    functionAnswers(dryRun({ error }), { log: 'printed before' });

    const { code, stdout, error: thrown } = await invoke('m-2');

    expect(code).toBe(1);
    expect(stdout).toContain('printed before');
    expect(thrown).toMatchObject({
      name: 'UserCodeError',
      message: 'UserCodeError: map() threw TypeError: no',
      details: { file: `${store.location}/data/a.txt`, offsetBytes: 7, userStack, jobName: 'word-count' },
    });
  });

  test("is reported in Lambda's words if it was killed or ran out of memory", async () => {
    await job('FAILED');
    functionAnswers(
      { errorType: 'Runtime.OutOfMemory', errorMessage: 'signal: killed' },
      { error: 'Unhandled', log: REPORT },
    );

    const { code, error } = await invoke('m-2');

    expect(code).toBe(1);
    expect(error).toMatchObject({
      name: 'WorkerOutOfMemoryError',
      message: expect.stringContaining('(Runtime.OutOfMemory: signal: killed)'),
    });
  });

  test('before it started is reported with the fields of the error that the function threw', async () => {
    await job('FAILED');
    const details = { file: 'data/a.txt', offsetBytes: 7 };
    const { name, message } = answerFor(
      new MapReduceError('InputNotFoundError', 'a.txt is gone', { details }),
    );
    functionAnswers({ errorType: name, errorMessage: message }, { error: 'Unhandled', log: REPORT });

    const { error } = await invoke('m-2');

    expect(error).toMatchObject({
      name: 'InputNotFoundError',
      message: 'InputNotFoundError: a.txt is gone',
      details: { offsetBytes: 7, taskId: 'm-00002' },
    });
  });

  test('because the shuffle is missing is reported with possible reasons', async () => {
    await job('FAILED', { mapsDone: 2 });
    const details = { objectKey: 'work/daily/shuffle-index', toRepair: 'shuffle-index' as const };
    const cause = { name: 'ObjectNotFoundError', message: 'not there', details: {} };
    functionAnswers(dryRun({ error: { name: 'CorruptShuffleError', message: 'not there', details, cause } }));

    const { code, error } = await invoke('r-0');

    expect(code).toBe(1);
    expect(error!.message).toContain('the map stage has not ended, or it has expired');
  });
});

describe('a task that cannot run', () => {
  test.each([
    ['with an invalid name', 'map', 'a task is named m-00003'],
    ['after the last one', 'm-5', 'job daily has no task m-00005: it has map tasks m-00000 to m-00004'],
    ['after the only one', 'r-1', 'it has one reduce task, r-00000'],
    ['of a reduce stage that has not started', 'r-0', 'can run when its map stage has ended'],
  ])('%s is rejected before any function is invoked', async (_, name, text) => {
    await job('RUNNING');

    const { code, error } = await invoke(name);

    expect(code).toBe(2);
    expect(error!.message).toContain(text);
    expect(lambda.calls()).toHaveLength(0);
  });

  test('of a missing stage, or of one whose shuffle was removed, is rejected', async () => {
    await job('SUCCEEDED');
    const ended = await invoke('r-0');
    await job('SUCCEEDED', { reducers: 0 });
    const mapOnly = await invoke('r-0');

    expect(ended.error!.message).toContain('it is removed when a job succeeds');
    expect(mapOnly.error!.message).toContain('it has only the stage map, with map tasks m-00000 to m-00004');
  });

  test.each([
    ['RUNNING', 'is not planned yet'],
    ['FAILED', 'it failed before it was planned'],
  ] as const)('of a job without a plan (%s) is rejected', async (status, text) => {
    await job(status);
    await store.delete([planKey(JOB)]);

    const { code, error } = await invoke('m-0');

    expect(code).toBe(2);
    expect(error!.message).toContain(text);
  });
});

describe('a function that', () => {
  test('does not exist is reported with what to do', async () => {
    await job('RUNNING');
    lambda.on(InvokeCommand).rejects(new ResourceNotFoundException({ message: 'gone', $metadata: {} }));

    const { code, error } = await invoke('m-0');

    expect(code).toBe(2);
    expect(error!.message).toContain(`there is no function ${MAP}`);
  });

  test('may not be invoked is reported with the missing permission', async () => {
    await job('RUNNING');
    const refused = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
    lambda.on(InvokeCommand).rejects(refused);

    const { code, error } = await invoke('m-0');

    expect(code).toBe(2);
    expect(error!.message).toContain(`needs lambda:InvokeFunction on ${MAP}`);
    expect(error!.message).not.toContain('grantSubmit');
  });

  test('is too old for dry runs is reported with what it did', async () => {
    await job('RUNNING');
    functionAnswers(null);

    const { error } = await invoke('m-0');

    expect(error!.message).toContain('as another attempt, which is safe');
  });
});
