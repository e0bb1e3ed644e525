/** Runs `submit` against the bucket of a deployment. It must reject invalid requests before it uploads anything. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type AppCatalog, commentOf } from '../../../src/aws/protocol/app-catalog.ts';
import { writeDocument } from '../../../src/aws/protocol/documents.ts';
import { answerFor } from '../../../src/aws/protocol/error-answer.ts';
import { outputClaimKey, requestKey } from '../../../src/aws/protocol/keys.ts';
import type { ErrorName } from '../../../src/base/error-table.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { jobId } from '../../../src/base/ids.ts';
import { type SubmitFlags, submitCommand } from '../../../src/cli/commands/submit.ts';
import { exitCodeOf } from '../../../src/cli/process/exit-code.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { keysOf } from '../../helpers/keys-of.ts';
import { folderWith } from '../cli-process.ts';
import { connectionTo } from '../fake-connection.ts';

const CATALOG: AppCatalog = {
  by: { project: 'logs', jobs: 'jobs' },
  apps: [
    {
      name: 'word-count',
      description: 'Counts words',
      params: {
        case: { type: 'string', choices: ['lower', 'keep'], default: 'lower', description: 'of letters' },
        least: { type: 'number', default: 1, description: 'count' },
      },
      isMapOnly: false,
      inputs: [{ isGenerated: false, isText: true, looks: true }],
    },
    {
      name: 'grep',
      description: 'Finds lines',
      params: { pattern: { type: 'string', description: 'an expression' } },
      isMapOnly: true,
      inputs: [{ isGenerated: false, isText: true, looks: true }],
    },
  ],
};

const sfn = mockClient(SFNClient);
let store: MemoryStore;
let folder: string;

vi.mock('../../../src/aws/client/deployment.ts', async (original) => ({
  ...(await original<object>()),
  connect: async () => connectionTo(store),
}));

beforeEach(() => {
  sfn.reset();
  sfn
    .on(DescribeStateMachineCommand)
    .resolves({ definition: JSON.stringify({ Comment: commentOf(CATALOG) }) });
  sfn.on(DescribeExecutionCommand).rejects(new ExecutionDoesNotExist({ message: 'no', $metadata: {} }));
  sfn.on(StartExecutionCommand).rejects(new Error('started'));
  store = new MemoryStore();
  folder = folderWith({ 'a.txt': 'a b\n', 'cut.gz': '' });
  writeFileSync(join(folder, 'packed.xz'), Buffer.from('fd377a585a00', 'hex'));
  mkdirSync(join(folder, 'empty'));
});

const submit = (app: string, { input = ['a.txt'], ...flags }: SubmitFlags) =>
  submitCommand(app, {
    quiet: true,
    input: input.map((name) => (name.includes(':') ? name : join(folder, name))),
    ...flags,
  });

test.each<[string, string, SubmitFlags, RegExp]>([
  [
    'an app that is not deployed',
    'word-cuont',
    {},
    /no app 'word-cuont' .* Did you mean 'word-count'\? The apps are word-count, grep\. .*deploy --jobs/,
  ],
  [
    'a parameter that the app does not have',
    'word-count',
    { set: ['cas=keep'] },
    /no parameter 'cas'\. Did you mean 'case'\? Its parameters are case, least/,
  ],
  [
    'a value that is not a choice',
    'word-count',
    { set: ['case=upper'] },
    /parameter 'case' must be one of lower, keep; received 'upper'/,
  ],
  [
    'a value that is not a number',
    'word-count',
    { set: ['least=few'] },
    /parameter 'least' must be a number; received 'few'/,
  ],
  ['a missing required parameter', 'grep', {}, /parameter 'pattern' is required\. Add --set pattern=/],
  [
    'reducers of a map-only app',
    'grep',
    { set: ['pattern=a'], reducers: '2' },
    /is map-only .*Drop --reducers/,
  ],
  [
    'too many reducers',
    'word-count',
    { reducers: '1000000' },
    /--reducers must be a whole number from 1 to 10000/,
  ],
  ['no budget', 'word-count', { maxDollars: 'two' }, /--max-dollars must be US dollars above 0 .*'two'/],
  ['no tasks', 'word-count', { maxTasks: '0' }, /--max-tasks must be a whole number from 1 to 160000/],
  [
    'no task at once',
    'word-count',
    { maxConcurrency: '0' },
    /--max-concurrency must be a whole number from 1 to 10000/,
  ],
  [
    'no input',
    'word-count',
    { input: [] },
    /job 'word-count' needs input\. Name files, folders or globs with --input/,
  ],
  ['a file that does not exist', 'word-count', { input: ['a.txt', 'b.txt'] }, /b\.txt/],
  ['a folder without files', 'word-count', { input: ['empty'] }, /empty/],
  ['a file of another format', 'word-count', { input: ['a.txt', 'packed.xz'] }, /packed\.xz is an xz file/],
  [
    'a compressed file without bytes',
    'word-count',
    { input: ['cut.gz'] },
    /cut\.gz is empty, but a gzip file never is/,
  ],
  [
    'an object that does not exist',
    'word-count',
    { input: ['a.txt', 's3://bucket/data/none.txt'] },
    /data\/none\.txt/,
  ],
  [
    'a prefix without objects',
    'word-count',
    { input: ['a.txt', 's3://bucket/data/none/'] },
    /no key starts with it/,
  ],
  [
    "the jobs' own objects",
    'word-count',
    { input: ['a.txt', 's3://bucket/jobs/'] },
    /'jobs\/' is internal data of this deployment/,
  ],
  ['an output in another bucket', 'word-count', { output: 's3://other/output/x/' }, /--output s3:\/\/other/],
  [
    'an output outside of output/',
    'word-count',
    { output: 'results/x/' },
    /output: must be a prefix such as 'output\/daily\/'/,
  ],
  [
    'an output that holds results',
    'word-count',
    { output: 'output/daily/' },
    /output\/daily\/ already holds results \(it holds _SUCCESS\).*--overwrite/,
  ],
  [
    'an output that a job has claimed',
    'word-count',
    { output: 'output/claimed/' },
    /it belongs to job other/,
  ],
  ['a job id that is already used', 'word-count', { jobId: 'taken' }, /there is a job 'taken' already/],
])('rejects %s without changing the bucket', async (_, app, flags, message) => {
  await store.put('output/daily/_SUCCESS', Buffer.alloc(0));
  await writeDocument(store, outputClaimKey('output/claimed/'), { jobId: 'other', before: [] });
  await writeDocument(store, requestKey(jobId('taken')), {});
  const before = await keysOf(store);

  const error: Error = await submit(app, flags).then(
    () => expect.unreachable(),
    (thrown) => thrown,
  );

  expect(error.message).toMatch(message);
  expect(await keysOf(store)).toEqual(before);
  expect(sfn.commandCalls(StartExecutionCommand)).toEqual([]);
  // A file in the wrong format is not a mistake in the command.
  expect(exitCodeOf(error)).toBe(/is empty, but|an xz file/.test(error.message) ? 1 : 2);
});

test.each<[string, string, SubmitFlags]>([
  ['a valid request', 'word-count', { set: ['case=keep', 'least=2'], reducers: '3', output: 'output/new/' }],
  ['a request to overwrite an output', 'word-count', { output: 'output/daily/', overwrite: true }],
  ['a request for an output above another', 'word-count', { output: 'output/' + 'above/' }],
])('uploads and submits %s', async (_, app, flags) => {
  await store.put('output/daily/_SUCCESS', Buffer.alloc(0));
  await store.put('output/above/other/_SUCCESS', Buffer.alloc(0));

  await expect(submit(app, flags)).rejects.toThrow('started');

  expect((await keysOf(store)).filter((key) => key.startsWith('data/'))).toHaveLength(1);
});

describe('a job with bounds is estimated by the deployed code before the upload', () => {
  const lambda = mockClient(LambdaClient);
  beforeEach(() => {
    lambda.reset();
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
    const States = { Plan: { Parameters: { FunctionName: 'plan:1' } } };
    const definition = JSON.stringify({ Comment: commentOf(CATALOG), States });
    sfn.on(DescribeStateMachineCommand).resolves({ definition });
  });
  const answers = (payload: object, failed: { FunctionError?: string } = {}) => {
    const text = JSON.stringify(payload);
    const Payload = Object.assign(Buffer.from(text), { transformToString: () => text });
    lambda.on(InvokeCommand).resolves({ Payload, ...failed });
  };
  const fails = (name: ErrorName, message: string) => {
    const { name: errorType, message: errorMessage } = answerFor(new MapReduceError(name, message));
    answers({ errorType, errorMessage }, { FunctionError: 'Unhandled' });
  };

  test.each<[SubmitFlags, ErrorName]>([
    [{ maxTasks: '1' }, 'BudgetExceededError'],
    [{ maxDollars: '0.01' }, 'BudgetExceededError'],
    [{ maxConcurrency: '900' }, 'UsageError'],
  ])('and refused with the error of the plan: %j', async (flags, name) => {
    fails(name, 'that is too much');

    await expect(submit('word-count', flags)).rejects.toThrow('that is too much. Nothing was uploaded');

    expect(await keysOf(store)).toEqual([]);
    expect(sfn.commandCalls(StartExecutionCommand)).toEqual([]);
    const { Payload } = lambda.commandCalls(InvokeCommand)[0]!.args[0].input;
    expect(JSON.parse(String(Payload))).toMatchObject({
      dryRun: true,
      input: { request: { app: 'word-count' } },
      announced: [{ key: expect.stringMatching(/^data\/.*\/000\/a\.txt$/), sizeBytes: 4 }],
    });
  });

  test.each<[string, () => void]>([
    ['it is within them', () => answers({ dryRun: true })],
    ['only its files can tell', () => fails('InputNotFoundError', 'no')],
    [
      'the caller may not invoke functions',
      () =>
        lambda.on(InvokeCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' })),
    ],
  ])('and submitted if %s', async (_, prepare) => {
    prepare();

    await expect(submit('word-count', { maxDollars: '1' })).rejects.toThrow('started');
    expect(lambda.commandCalls(InvokeCommand)).toHaveLength(1);
  });

  test('and not if it has none, or if nothing is to be uploaded', async () => {
    await store.put('data/a.txt', Buffer.from('a b\n'));

    await expect(submit('word-count', {})).rejects.toThrow('started');
    await expect(submit('word-count', { input: ['s3://bucket/data/a.txt'], maxTasks: '9' })).rejects.toThrow(
      'started',
    );

    expect(lambda.commandCalls(InvokeCommand)).toEqual([]);
  });
});

test.each([
  ['a deployment that does not describe its apps', { definition: '{"Comment":"MapReduce"}' }],
  [
    'a deployment of a later version',
    { definition: JSON.stringify({ Comment: 'MapReduce\n{"formatVersion":2}' }) },
  ],
])('for %s, the plan checks the app', async (_, described) => {
  sfn.on(DescribeStateMachineCommand).resolves(described);

  await expect(submit('anything', {})).rejects.toThrow('started');
});

test('if the caller may not describe the state machine, the plan checks the app', async () => {
  sfn
    .on(DescribeStateMachineCommand)
    .rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));

  await expect(submit('anything', {})).rejects.toThrow('started');
});
