/** Runs the commands against a mocked AWS that rejects their requests, which emulators cannot do. */
import {
  CloudFormationClient,
  CloudFormationServiceException,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { HeadObjectCommand, ListObjectsV2Command, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionDoesNotExist,
  ListExecutionsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { explained } from '../../../src/aws/client/aws-errors.ts';
import { clientOptions } from '../../../src/aws/client/client-options.ts';
import { MapReduceError } from '../../../src/base/errors.ts';
import { cancelCommand } from '../../../src/cli/commands/cancel.ts';
import { invokeCommand } from '../../../src/cli/commands/invoke.ts';
import { jobsCommand } from '../../../src/cli/commands/jobs.ts';
import { logsCommand } from '../../../src/cli/commands/logs.ts';
import { redriveCommand } from '../../../src/cli/commands/redrive.ts';
import { reportCommand } from '../../../src/cli/commands/report.ts';
import { resultsCommand } from '../../../src/cli/commands/results.ts';
import { statusCommand } from '../../../src/cli/commands/status.ts';
import { submitCommand } from '../../../src/cli/commands/submit.ts';
import { waitCommand } from '../../../src/cli/commands/wait.ts';
import { errorText } from '../../../src/cli/display/error-text.ts';
import { plainPaint } from '../../../src/cli/display/paint.ts';
import { exitCodeOf } from '../../../src/cli/process/exit-code.ts';
import { PACKAGE_ROOT } from '../../../src/cli/process/package-root.ts';

const MACHINE = 'arn:aws:states:us-east-1:123456789012:stateMachine:M';
const NAMED = { bucket: 'the-bucket', stateMachine: MACHINE };
const cloudFormation = mockClient(CloudFormationClient);
const sfn = mockClient(SFNClient);
const s3 = mockClient(S3Client);

beforeEach(() => {
  for (const mock of [cloudFormation, sfn, s3]) mock.reset();
  for (const name of ['AWS_PROFILE', 'AWS_ENDPOINT_URL', 'MAPREDUCE_STACK', 'MAPREDUCE_BUCKET']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_REGION', 'us-east-1');
});

const refused = (name: string, message: string) => Object.assign(new Error(message), { name });

/** Returns the text of the error and the exit code. */
async function refusalOf(command: () => Promise<number>): Promise<{ text: string; code: number }> {
  const error = await explained(command).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return {
    text: errorText(error, { paint: plainPaint, packageRoot: PACKAGE_ROOT }),
    code: exitCodeOf(error),
  };
}

const COMMANDS: readonly [name: string, run: () => Promise<number>][] = [
  ['status', () => statusCommand('job', {})],
  ['results', () => resultsCommand('job', {})],
  ['cancel', () => cancelCommand('job', {})],
  ['redrive', () => redriveCommand('job', {})],
  ['jobs', () => jobsCommand({})],
  ['submit', () => submitCommand('word-count', { input: ['s3://the-bucket/data/'] })],
];

describe.each(COMMANDS)('mapreduce %s', (_, run) => {
  test.each([
    [
      'expired credentials',
      'ExpiredTokenException',
      'the token has expired',
      /have expired .* 'aws sso login'/,
    ],
    ['no credentials', 'CredentialsProviderError', 'none found', /no usable AWS credentials .*AWS_PROFILE/],
    ['unknown keys', 'InvalidClientTokenId', 'invalid', /does not accept the credentials/],
    [
      'no rights',
      'AccessDenied',
      'not authorized',
      /needs cloudformation:DescribeStacks on .*--state-machine/,
    ],
  ])('with %s says what to do, in one line, with exit code 2', async (_, name, message, text) => {
    cloudFormation.on(DescribeStacksCommand).rejects(refused(name, message));

    const { text: shown, code } = await refusalOf(run);

    expect(shown).toMatch(text);
    expect(shown.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });

  test('without its stack, names the stack, the region and the profile', async () => {
    vi.stubEnv('AWS_PROFILE', 'work');
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    const missing = { name: 'ValidationError', message: 'Stack with id MapReduce does not exist' };
    cloudFormation
      .on(DescribeStacksCommand)
      .rejects(new CloudFormationServiceException({ ...missing, $fault: 'client', $metadata: {} }));

    const { text, code } = await refusalOf(run);

    expect(text).toContain(
      "there is no stack 'MapReduce' in the region eu-west-1 with the profile work. Deploy it with 'mapreduce deploy'; if it is elsewhere, set AWS_REGION and AWS_PROFILE",
    );
    expect(code).toBe(2);
  });
});

describe('the arguments', () => {
  const noStack = () =>
    cloudFormation.on(DescribeStacksCommand).rejects(refused('ValidationError', 'Stack M does not exist'));

  test.each([
    ['status', (id: string) => statusCommand(id, {})],
    ['wait', (id: string) => waitCommand(id, {})],
    ['results', (id: string) => resultsCommand(id, {})],
    ['cancel', (id: string) => cancelCommand(id, {})],
    ['redrive', (id: string) => redriveCommand(id, {})],
    ['logs', (id: string) => logsCommand(id, {})],
    ['report', (id: string) => reportCommand(id, {})],
    ['invoke', (id: string) => invokeCommand(id, 'm-0', {})],
  ])('in mapreduce %s, the job id is checked before the stack is looked up', async (_, run) => {
    noStack();

    const { text, code } = await refusalOf(() => run('bad id'));

    expect(text).toMatch(/a job id must consist of 1 to 80 .*'bad id'/);
    expect(text).not.toContain('stack');
    expect(code).toBe(2);
  });

  test('mapreduce report also says that there is no such folder', async () => {
    noStack();

    const { text, code } = await refusalOf(() => reportCommand('nothere', {}));

    expect(text).toMatch(
      /there is no nothere\/manifest\.json here, so 'nothere' is taken for a job on AWS: there is no stack/,
    );
    expect(code).toBe(2);
  });

  test('appear in the command that would deploy what is missing', async () => {
    noStack();
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4566');

    const { text } = await refusalOf(() => statusCommand('job', { stack: 'Mine', local: true }));

    expect(text).toContain("Deploy it with 'mapreduce deploy --stack Mine --local'");
  });

  test('that make a request too large for the state machine are rejected before an upload', async () => {
    sfn.on(DescribeStateMachineCommand).rejects(refused('AccessDeniedException', 'not authorized'));
    const names = Array.from(
      { length: 900 },
      (_, index) => `s3://the-bucket/data/${'x'.repeat(240)}${index}`,
    );

    const { text, code } = await refusalOf(() => submitCommand('word-count', { ...NAMED, input: names }));

    expect(text).toMatch(/the request has 2\d\d kB, and at most 197 kB go through Step Functions/);
    expect(code).toBe(2);
    expect(s3.calls()).toHaveLength(0);
  });
});

describe('Step Functions', () => {
  test('if it throttles, the error says that nothing is lost', async () => {
    sfn.on(ListExecutionsCommand).rejects(refused('ThrottlingException', 'Rate exceeded'));

    const { text, code } = await refusalOf(() => jobsCommand(NAMED));

    expect(text).toMatch(/AWS throttles the calls .*Nothing is lost: wait a minute and repeat/);
    expect(code).toBe(1);
  });

  test('if it has no such state machine, the error says how to find the right one', async () => {
    sfn.on(ListExecutionsCommand).rejects(refused('StateMachineDoesNotExist', 'no'));

    const { text, code } = await refusalOf(() => jobsCommand(NAMED));

    expect(text).toMatch(/there is no state machine arn:.*omit --state-machine and MAPREDUCE_STATE_MACHINE/);
    expect(code).toBe(2);
  });
});

describe('the bucket', () => {
  const answer = (name: string, httpStatusCode: number, headers: Record<string, string> = {}) =>
    Object.assign(
      new S3ServiceException({ name, message: name, $fault: 'client', $metadata: { httpStatusCode } }),
      { $response: { statusCode: httpStatusCode, headers } },
    );

  test.each([
    [
      'access is denied',
      answer('AccessDenied', 403),
      /access denied: .*Grant s3:GetObject on arn:aws:s3:::the-bucket/,
    ],
    [
      'it does not exist',
      answer('NoSuchBucket', 404),
      /there is no bucket 'the-bucket' \(looked in region us-east-1\)/,
    ],
    [
      'it is in another region',
      answer('PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-west-1' }),
      /is in region eu-west-1, .* Set AWS_REGION=eu-west-1\./,
    ],
    ['the credentials have expired', answer('ExpiredToken', 400), /have expired .*aws sso login/],
  ])('causes an error that says what to do, with exit code 2, if %s', async (_, error, text) => {
    s3.rejects(error);

    const { text: shown, code } = await refusalOf(() => statusCommand('job', NAMED));

    expect(shown).toMatch(text);
    expect(shown).not.toMatch(/defect|\n\s+at /);
    expect(code).toBe(2);
  });

  test('if it does not have the job, the error suggests the nearest name', async () => {
    sfn.on(DescribeExecutionCommand).rejects(new ExecutionDoesNotExist({ message: 'no', $metadata: {} }));
    s3.rejects(answer('NoSuchKey', 404));
    s3.on(HeadObjectCommand).rejects(answer('NotFound', 404));
    s3.on(ListObjectsV2Command).resolves({
      Contents: [{ Key: 'jobs/daily-1/request.json', Size: 1, ETag: '"e"' }],
    });

    const { text, code } = await refusalOf(() => statusCommand('daily-2', NAMED));

    expect(text).toContain(
      "there is no job 'daily-2' in s3://the-bucket (the state machine M, in the region us-east-1). Did you mean 'daily-1'?",
    );
    expect(code).toBe(2);
  });

  test.each<[string, (flags: { stack: string }) => Promise<number>]>([
    ['status', (flags) => statusCommand('nightly', flags)],
    ['wait', (flags) => waitCommand('nightly', flags)],
    ['results', (flags) => resultsCommand('nightly', flags)],
    ['results --download', (flags) => resultsCommand('nightly', { ...flags, download: 'never-made' })],
    ['cancel', (flags) => cancelCommand('nightly', flags)],
    ['redrive', (flags) => redriveCommand('nightly', flags)],
    ['redrive --wait', (flags) => redriveCommand('nightly', { ...flags, wait: true })],
    ['logs', (flags) => logsCommand('nightly', flags)],
    ['report', (flags) => reportCommand('nightly', flags)],
    ['invoke', (flags) => invokeCommand('nightly', 'm-0', flags)],
  ])(
    'if it does not have the job of %s, the error names the stack and the command that lists its jobs',
    async (_, run) => {
      const outputs = { BucketName: 'the-bucket', StateMachineArn: MACHINE };
      cloudFormation.on(DescribeStacksCommand).resolves({
        Stacks: [
          {
            StackName: 'Mine',
            CreationTime: new Date(),
            StackStatus: 'CREATE_COMPLETE',
            Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
          },
        ],
      });
      sfn.on(DescribeExecutionCommand).rejects(new ExecutionDoesNotExist({ message: 'no', $metadata: {} }));
      s3.rejects(answer('NoSuchKey', 404));
      s3.on(HeadObjectCommand).rejects(answer('NotFound', 404));
      // Without permission to list jobs, the error must stay the same, only without a suggestion.
      s3.on(ListObjectsV2Command).rejects(answer('AccessDenied', 403));

      const { text, code } = await refusalOf(() => run({ stack: 'Mine' }));

      expect(text).toMatch(
        /there is no job 'nightly' in s3:\/\/the-bucket \(the stack Mine, in the region us-east-1\)\. 'mapreduce jobs --stack Mine' lists the latest$/m,
      );
      expect(code).toBe(2);
      expect(
        sfn.calls().every(({ args: [{ constructor: command }] }) => command === DescribeExecutionCommand),
      ).toBe(true);
    },
  );
});

describe('an endpoint', () => {
  test.each([
    ['does not answer in time', refused('TimeoutError', 'Request did not complete'), {}],
    ['refuses the connection', Object.assign(refused('Error', 'connect'), { code: 'ECONNREFUSED' }), {}],
    [
      'fails in every attempt of the store',
      undefined,
      { cause: Object.assign(refused('Error', 'connect'), { code: 'ECONNREFUSED' }) },
    ],
  ])(
    'that %s is reported with how to start an emulator',
    async (_, error, { cause }: { cause?: unknown }) => {
      vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4566');
      if (error !== undefined) cloudFormation.on(DescribeStacksCommand).rejects(error);

      const { text, code } = await refusalOf(() =>
        cause === undefined
          ? statusCommand('job', {})
          : Promise.reject(
              new MapReduceError('StorageError', 'GetObject failed after 8 attempts', { cause }),
            ),
      );

      expect(text).toMatch(/nothing answers at http:\/\/127\.0\.0\.1:4566 .*npm run localstack/);
      expect(code).toBe(2);
    },
  );

  test('that does not answer fails after seconds', () => {
    const { maxAttempts, requestHandler } = clientOptions({ region: 'us-east-1' });

    expect(requestHandler.throwOnRequestTimeout).toBe(true);
    expect(maxAttempts * requestHandler.requestTimeout).toBeLessThanOrEqual(30_000);
  });
});

describe('an expected error', () => {
  const failing = async () => {
    cloudFormation.on(DescribeStacksCommand).rejects(refused('AccessDenied', 'not authorized'));
    return await statusCommand('job', {}).catch((error: unknown) => error);
  };

  test('shows its stack and its causes only with --debug', async () => {
    const error = await failing();
    const options = { paint: plainPaint, packageRoot: PACKAGE_ROOT };

    expect(errorText(error, options)).not.toMatch(/\n\s+at /);
    expect(errorText(error, { ...options, debug: true })).toMatch(
      /^error: access denied[\s\S]*\n\s+at [\s\S]*caused by AccessDenied: not authorized[\s\S]*mapreduce \d/,
    );
  });
});
