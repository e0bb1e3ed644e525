import { CfnParameter, Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { checkProps, type MapReduceProps } from '../../infra/construct/props.ts';
import { type AppContext, CONTEXT_NAMES, parseContext } from '../../infra/deploy/context.ts';
import { propsOf } from '../../infra/deploy/deployment-app.ts';

describe('the construct names the prop that is wrong, what it received, and what is allowed', () => {
  it.each<[Partial<MapReduceProps>, string | RegExp]>([
    [{ taskMemoryMb: 128 }, 'taskMemoryMb must be a whole number from 512 to 10240 MB; received 128'],
    [{ taskMemoryMb: 1769.5 }, 'taskMemoryMb must be a whole number from 512 to 10240 MB; received 1769.5'],
    [{ maxConcurrency: 0 }, 'maxConcurrency must be a whole number from 1 to 10000 tasks; received 0'],
    [
      { maxConcurrency: 50, reservedConcurrency: 49 },
      'reservedConcurrency (with a maxConcurrency of 50) must be a whole number from 50 to 10000 functions; received 49. To reserve that many, set maxConcurrency to at most 49',
    ],
    [
      { scratchSize: Size.gibibytes(11) },
      'scratchSize must be a whole number from 512 to 10240 MiB; received 11264',
    ],
    [
      { taskTimeout: Duration.minutes(16) },
      'taskTimeout (with STANDARD children) must be a whole number from 30 to 900 seconds; received 960',
    ],
    [
      { taskTimeout: Duration.minutes(5), childExecutions: 'EXPRESS' },
      'taskTimeout (with EXPRESS children) must be a whole number from 30 to 240 seconds; received 300',
    ],
    [
      { childExecutions: 'FAST' as 'EXPRESS' },
      `childExecutions must be 'STANDARD' or 'EXPRESS'; received "FAST"`,
    ],
    [{ readablePrefixes: ['input'] }, `readablePrefixes must be prefixes that end in '/', such as 'input/'`],
    [
      { intermediatesExpireAfter: Duration.days(30), jobsExpireAfter: Duration.days(7) },
      'jobsExpireAfter must be a whole number from 30 to 3650 days; received 7',
    ],
    [
      { maxTasksPerStage: 80_001 },
      'maxTasksPerStage must be a whole number from 1 to 80000 tasks; received 80001',
    ],
    ...['work/', 'jobs/one/', 'requests/'].map((prefix): [Partial<MapReduceProps>, string] => [
      { readablePrefixes: ['data/', prefix] },
      `readablePrefixes has "${prefix}", but '${prefix.split('/')[0]}/' is internal to the deployment and no job can read it`,
    ]),
    [{ readablePrefixes: [] }, "readablePrefixes must have at least one prefix, such as 'input/'"],
    [
      { readablePrefixes: 'input/' as unknown as string[] },
      `readablePrefixes must have at least one prefix, such as 'input/', because without one no job could read its input; received "input/"`,
    ],
    [{ logRetention: 42 as RetentionDays }, /^logRetention must be one of 1, 3, .* days; received 42$/],
    [
      { jobs: undefined as unknown as string },
      "jobs must be the path of the module that exports the apps, such as 'apps/index.ts'; received undefined",
    ],
    [
      { jobs: '' },
      'jobs must be the path of the module that exports the apps, such as \'apps/index.ts\'; received ""',
    ],
  ])('%j', (props, message) => {
    expect(() => checkProps({ jobs: 'apps/index.ts', ...props })).toThrow(message);
  });

  it.each<[string, (token: { number: number; text: string; list: string[] }) => Partial<MapReduceProps>]>([
    ['jobs', ({ text }) => ({ jobs: text })],
    ['taskMemoryMb', ({ number }) => ({ taskMemoryMb: number })],
    ['stepMemoryMb', ({ number }) => ({ stepMemoryMb: number })],
    ['maxConcurrency', ({ number }) => ({ maxConcurrency: number })],
    ['maxTasksPerStage', ({ number }) => ({ maxTasksPerStage: number })],
    ['scratchSize', ({ number }) => ({ scratchSize: Size.mebibytes(number) })],
    ['taskTimeout (with STANDARD children)', ({ number }) => ({ taskTimeout: Duration.seconds(number) })],
    ['childExecutions', ({ text }) => ({ childExecutions: text as 'EXPRESS' })],
    ['readablePrefixes', ({ text }) => ({ readablePrefixes: [text] })],
    ['readablePrefixes', ({ list }) => ({ readablePrefixes: list })],
    ['intermediatesExpireAfter', ({ number }) => ({ intermediatesExpireAfter: Duration.days(number) })],
    ['jobsExpireAfter', ({ number }) => ({ jobsExpireAfter: Duration.days(number) })],
    ['logRetention', ({ number }) => ({ logRetention: number as RetentionDays })],
  ])('%s may not be a token, which has no value before the deployment', (prop, props) => {
    const parameter = new CfnParameter(new Stack(), 'Parameter', { type: 'String' });
    const number = new CfnParameter(new Stack(), 'Number', { type: 'Number' }).valueAsNumber;
    const list = new CfnParameter(new Stack(), 'List', { type: 'CommaDelimitedList' }).valueAsList;
    const token = { number, text: parameter.valueAsString, list };

    expect(() => checkProps({ jobs: 'apps/index.ts', ...props(token) })).toThrow(
      `${prop} must be known at synthesis; received a token, such as the value of a CfnParameter`,
    );
  });

  it('tasks of EXPRESS children time out before Step Functions ends the child', () => {
    const { taskTimeout } = checkProps({ jobs: 'apps/index.ts', childExecutions: 'EXPRESS' });

    expect(taskTimeout.toSeconds()).toBeLessThan(5 * 60);
  });
});

describe('settings of cdk deploy', () => {
  const parse = (given: Record<string, unknown>): AppContext => parseContext((name) => given[name]);

  it('are text on the command line and numbers in the app', () => {
    expect(parse({ taskMemoryMb: '2048', removalPolicy: 'destroy' })).toEqual({
      stackName: 'MapReduce',
      taskMemoryMb: 2048,
      removalPolicy: 'destroy',
    });
  });

  it('cover all the props that are plain values', () => {
    const given = {
      jobs: 'mine.ts',
      taskMemoryMb: '2048',
      stepMemoryMb: '600',
      taskTimeoutSeconds: '120',
      scratchSizeMb: '4096',
      maxConcurrency: '12',
      reservedConcurrency: '24',
      maxTasksPerStage: '500',
      childExecutions: 'EXPRESS',
      backupAttempts: 'false',
      startOnUpload: 'true',
      readablePrefixes: 'lake/, data/',
      intermediatesExpireAfterDays: '3',
      jobsExpireAfterDays: '40',
      logRetentionDays: '7',
      removalPolicy: 'retain',
    };

    const props = propsOf(parse(given));

    expect(Object.keys(given).sort()).toEqual(CONTEXT_NAMES.filter((name) => name !== 'stackName').sort());
    expect(props).toEqual({
      jobs: 'mine.ts',
      taskMemoryMb: 2048,
      stepMemoryMb: 600,
      taskTimeout: Duration.seconds(120),
      scratchSize: Size.mebibytes(4096),
      maxConcurrency: 12,
      reservedConcurrency: 24,
      maxTasksPerStage: 500,
      childExecutions: 'EXPRESS',
      backupAttempts: false,
      startOnUpload: true,
      readablePrefixes: ['lake/', 'data/'],
      intermediatesExpireAfter: Duration.days(3),
      jobsExpireAfter: Duration.days(40),
      logRetention: 7,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    expect(() => checkProps(props)).not.toThrow();
  });

  it.each([
    [{ backupAttempts: 'no' }, "-c backupAttempts is 'true' or 'false'; received 'no'"],
    [{ logRetentionDays: 'month' }, "-c logRetentionDays is a number; received 'month'"],
    [{ maxConcurrency: 'many' }, '-c maxConcurrency is a number'],
    [{ removalPolicy: 'keep' }, "-c removalPolicy is 'retain' or 'destroy'"],
    [{ stackName: '1st' }, '-c stackName is up to 128 letters, digits and dashes, and starts with a letter'],
  ])('rejects %j and names the setting', (given, message) => {
    expect(() => parse(given)).toThrow(message);
  });
});
