import { Duration, Size } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { type AppContext, parseContext } from '../../infra/context.ts';
import { checkProps, type MapReduceProps } from '../../infra/props.ts';

describe('the construct says which prop is wrong, what it received, and what is allowed', () => {
  it.each<[Partial<MapReduceProps>, string]>([
    [{ taskMemoryMb: 128 }, 'taskMemoryMb is a whole number from 512 to 10240 MB; received 128'],
    [{ taskMemoryMb: 1769.5 }, 'taskMemoryMb is a whole number from 512 to 10240 MB; received 1769.5'],
    [{ maxConcurrency: 0 }, 'maxConcurrency is a whole number from 1 to 10000 tasks; received 0'],
    [
      { scratchSize: Size.gibibytes(11) },
      'scratchSize is a whole number from 512 to 10240 MiB; received 11264',
    ],
    [
      { taskTimeout: Duration.minutes(16) },
      'taskTimeout (with STANDARD children) is a whole number from 30 to 900 seconds; received 960',
    ],
    [
      { taskTimeout: Duration.minutes(5), childExecutions: 'EXPRESS' },
      'taskTimeout (with EXPRESS children) is a whole number from 30 to 240 seconds; received 300',
    ],
    [{ childExecutions: 'FAST' as 'EXPRESS' }, `childExecutions is 'STANDARD' or 'EXPRESS'; received "FAST"`],
    [{ readablePrefixes: ['input'] }, `readablePrefixes are prefixes such as 'input/' that end in '/'`],
    [
      { intermediatesExpireAfter: Duration.days(30), jobsExpireAfter: Duration.days(7) },
      'jobsExpireAfter is a whole number from 30 to 3650 days; received 7',
    ],
  ])('%j', (props, message) => {
    expect(() => checkProps({ jobs: 'apps/index.ts', ...props })).toThrow(message);
  });

  it('EXPRESS children end before Step Functions ends them', () => {
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

  it.each([
    [{ maxConcurrency: 'many' }, '-c maxConcurrency: is a number'],
    [{ removalPolicy: 'keep' }, "-c removalPolicy: is 'retain' or 'destroy'"],
    [{ stackName: '1st' }, '-c stackName: is letters, digits and dashes, a letter first'],
  ])('%j are refused by name', (given, message) => {
    expect(() => parse(given)).toThrow(message);
  });
});
