import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { functionVersion } from '../../../src/aws/client/machine.ts';
import { type LogsFlags, logsCommand } from '../../../src/cli/commands/logs.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';
import { outcomeOf } from '../outcome.ts';

const arn = (name: string) => `arn:aws:states:us-east-1:123456789012:stateMachine:${name}`;
const NAMED = { bucket: 'the-bucket', stateMachine: arn('Jobs') };
const DEFINITIONS: Readonly<Record<string, unknown>> = {
  [arn('Jobs')]: {
    States: {
      Plan: { Parameters: { FunctionName: 'arn:aws:lambda:us-east-1:123456789012:function:Plan:7' } },
      WatchMap: {
        Parameters: {
          StateMachineArn: arn('Watch'),
          Input: { functions: { watch: 'Look', task: 'Map' } },
        },
      },
      MapStage: { ItemProcessor: { States: { MapTask: { Parameters: { FunctionName: 'Map' } } } } },
    },
  },
  [arn('Watch')]: { States: { Look: { Parameters: { 'FunctionName.$': '$.functions.watch' } } } },
};

const [sfn, lambda, logs, cloudFormation] = [
  mockClient(SFNClient),
  mockClient(LambdaClient),
  mockClient(CloudWatchLogsClient),
  mockClient(CloudFormationClient),
];

vi.mock('../../../src/storage/s3/s3-store.ts', () => ({
  S3Store: class extends MemoryStore {},
}));

const denied = (what: string) => Object.assign(new Error(`no ${what}`), { name: 'AccessDeniedException' });

/** Pages of events by log group. */
let groups: Record<string, { timestamp: number; message: string }[][]>;

beforeEach(() => {
  for (const mock of [sfn, lambda, logs, cloudFormation]) mock.reset();
  vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  groups = {};
  cloudFormation.rejects(new Error('the command must not look up the stack'));
  sfn.on(DescribeExecutionCommand).callsFake(({ executionArn }: { executionArn: string }) => ({
    executionArn,
    status: 'SUCCEEDED',
    startDate: new Date(0),
  }));
  sfn.on(DescribeStateMachineCommand).callsFake(({ stateMachineArn }: { stateMachineArn: string }) => ({
    definition: JSON.stringify(DEFINITIONS[stateMachineArn]),
    loggingConfiguration: {
      destinations: [
        {
          cloudWatchLogsLogGroup: {
            logGroupArn: `arn:aws:logs:us-east-1:123456789012:log-group:/machines/${stateMachineArn.split(':').at(-1)}:*`,
          },
        },
      ],
    },
  }));
  lambda
    .on(GetFunctionConfigurationCommand)
    .callsFake(({ FunctionName: name }: { FunctionName: string }) => ({
      ...(name === 'Look' ? {} : { LoggingConfig: { LogGroup: `/functions/${functionVersion(name).name}` } }),
    }));
  logs.on(FilterLogEventsCommand).callsFake(({ logGroupName: group = '', nextToken = '0' }) => {
    const pages = groups[group];
    if (pages === undefined) throw new ResourceNotFoundException({ message: 'no group', $metadata: {} });
    const page = Number(nextToken);
    return { events: pages[page], ...(page + 1 < pages.length ? { nextToken: String(page + 1) } : {}) };
  });
});

const line = (timestamp: number, level: string, message = `line ${timestamp}`) => ({
  timestamp,
  message: JSON.stringify({ level, message, job: 'job1' }),
});

const runLogs = (flags: LogsFlags = {}) => outcomeOf(() => logsCommand('job1', { ...NAMED, ...flags }));

describe('mapreduce logs', () => {
  test('reads the log groups of the functions and of both machines in order of time, without looking up the stack', async () => {
    groups = {
      '/functions/Plan': [[line(1, 'INFO')]],
      '/functions/Map': [[line(3, 'INFO')], [line(5, 'WARN')]],
      '/aws/lambda/Look': [[line(4, 'INFO')]],
      '/machines/Jobs': [[line(2, 'INFO')]],
      '/machines/Watch': [[line(6, 'INFO')]],
    };

    const { code, stdout, stderr } = await runLogs({ json: true });

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(
      stdout
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text).message),
    ).toEqual([1, 2, 3, 4, 5, 6].map((at) => `line ${at}`));
    expect(cloudFormation.calls()).toHaveLength(0);
    // One request for each of two machines and three functions.
    expect(sfn.commandCalls(DescribeStateMachineCommand)).toHaveLength(2);
    expect(lambda.calls()).toHaveLength(3);
  });

  test('--errors finds the one error among a thousand other lines', async () => {
    const info = Array.from({ length: 1_000 }, (_, at) => line(at, 'INFO'));
    groups = { '/functions/Map': [info, [line(2_000, 'ERROR', 'map() threw')]] };

    const { code, stdout, stderr } = await runLogs({ errors: true });

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^00:00:02\.000 {2}ERROR +.*map\(\) threw\n$/);
  });

  test('--errors selects by the level of a line, not by its words, and shows why a step failed', async () => {
    const about = { job: 'job1', step: 'map', message: 'failed' };
    const failed = { ...about, level: 'ERROR', failure: { name: 'UserCodeError', message: 'map() threw' } };
    const quotes = { ...about, level: 'INFO', result: { level: 'ERROR' } };
    const events = [failed, quotes].map((record, at) => ({ timestamp: at, message: JSON.stringify(record) }));
    groups = { '/functions/Map': [events] };

    const { stdout } = await runLogs({ errors: true });

    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stdout).toContain('map: failed: map() threw');
  });

  test('omits the line in which Lambda repeats the error of a step', async () => {
    const repeated = `2026-01-01T00:00:00.000Z\t74646775\tERROR\tInvoke Error \t{"errorMessage":"no\\n{job1}"}`;
    groups = { '/functions/Map': [[line(1, 'ERROR'), { timestamp: 2, message: repeated }]] };

    const { stdout } = await runLogs({ json: true });

    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stdout).toContain('line 1');
  });

  test('says that later lines were omitted, and how to see them', async () => {
    groups = {
      '/functions/Map': [[line(1, 'INFO'), line(3, 'INFO')], [line(5, 'INFO')]],
      '/functions/Plan': [[line(2, 'INFO')]],
    };

    const cut = await runLogs({ limit: '2', json: true });
    const whole = await runLogs({ limit: '4', json: true });

    expect(cut.stdout).toMatch(/^.*line 1\b.*\n.*line 2\b.*\n$/);
    expect(cut.stderr).toBe(
      'these are the first 2 lines; later ones are left out: --limit <lines> shows up to 100,000, --errors only warnings and errors\n',
    );
    expect(whole.stdout.trim().split('\n')).toHaveLength(4);
    expect(whole.stderr).toBe('');
  });

  test('continues without the groups that it may not read, and prints a line for each', async () => {
    groups = { '/functions/Plan': [[line(1, 'INFO')]], '/functions/Map': [[line(2, 'INFO')]] };
    lambda.on(GetFunctionConfigurationCommand, { FunctionName: 'Look' }).rejects(denied('Look'));
    logs.on(FilterLogEventsCommand, { logGroupName: '/functions/Plan' }).rejects(denied('Plan'));

    const { code, stdout, stderr } = await runLogs();

    expect(code).toBe(0);
    expect(stdout).toContain('line 2');
    expect(stderr.trim().split('\n').sort()).toEqual([
      expect.stringMatching(/^not read: access denied: no Look\. .* lambda:GetFunctionConfiguration on Look/),
      expect.stringMatching(
        /^not read: access denied: no Plan\. .* logs:FilterLogEvents on \/functions\/Plan/,
      ),
    ]);
  });

  test('fails if it may not read any group', async () => {
    logs.on(FilterLogEventsCommand).rejects(denied('logs'));

    const { code, error } = await runLogs();

    expect(error?.message).toMatch(/access denied: no logs\. .* needs logs:FilterLogEvents on/);
    expect(code).toBe(2);
  });

  test('says where it found nothing', async () => {
    groups = { '/functions/Plan': [[line(1, 'INFO')]] };

    const { code, stderr } = await runLogs({ errors: true });

    expect(code).toBe(0);
    expect(stderr).toMatch(/^no warnings or errors about job job1 in 5 log groups\./);
  });
});
