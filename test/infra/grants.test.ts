/** A grant allows the commands that it is for: this lists, for each command, the calls that it makes to AWS. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { beforeAll, describe, expect, it } from 'vitest';
import { MapReduce } from '../../infra/construct/map-reduce.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';
import { ACCOUNT, Policies, REGION } from './policies.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const COMMANDS = ['src/aws/client', 'src/cli/commands'].map((folder) => join(ROOT, folder));
const STACK = 'Analytics';

type Grant = 'grantRead' | 'grantSubmit' | 'grantDebug';
/** `<action> <resource>` */
type Call = `${string}:${string} ${string}`;

const CONNECT: Call[] = ['cloudformation:DescribeStacks stack'];
const JOB_STATUS: Call[] = [
  ...CONNECT,
  'states:DescribeExecution execution',
  's3:ListBucket bucket',
  's3:GetObject jobs/j/request.json',
  's3:GetObject jobs/j/plan/plan.json',
  's3:GetObject jobs/j/cancel',
  's3:GetObject jobs/j/failure.json',
  's3:GetObject output/j/_SUCCESS',
];
const RESULT: Call[] = [
  's3:GetObject output/j/manifest.json',
  's3:GetObject output/j/_report.html',
  's3:GetObject output/j/part-r-00000.tsv',
];
const COST: Call[] = [
  'states:DescribeStateMachine machine',
  'states:GetExecutionHistory execution',
  'states:ListMapRuns execution',
  'states:DescribeStateMachineForExecution execution',
  'states:DescribeMapRun mapRun',
  'states:ListExecutions mapRun',
  'lambda:GetFunctionConfiguration versions',
];

/** Calls whose failure a command tolerates are left out: a reader of results may not see what they cost. */
const CALLS: Readonly<Record<string, { readonly grant: Grant; readonly calls: readonly Call[] }>> = {
  jobs: {
    grant: 'grantRead',
    calls: [...CONNECT, 'states:ListExecutions machine', 'states:DescribeExecution execution'],
  },
  status: { grant: 'grantRead', calls: JOB_STATUS },
  wait: { grant: 'grantRead', calls: [...JOB_STATUS, ...RESULT] },
  results: { grant: 'grantRead', calls: [...JOB_STATUS, ...RESULT] },
  'submit --wait': {
    grant: 'grantSubmit',
    calls: [
      ...JOB_STATUS,
      ...RESULT,
      ...COST,
      // Checks before the uploads.
      'states:DescribeStateMachine machine',
      's3:GetObject output/j/_JOB',
      's3:PutObject data/j/000/a.txt',
      's3:AbortMultipartUpload data/j/000/a.txt',
      's3:GetObject data/j/000/a.txt',
      'states:StartExecution machine',
    ],
  },
  'submit --dry-run': {
    grant: 'grantSubmit',
    calls: ['states:DescribeStateMachine machine', 'lambda:InvokeFunction planVersion'],
  },
  cancel: {
    grant: 'grantSubmit',
    calls: [...JOB_STATUS, 's3:PutObject jobs/j/cancel', 'states:StopExecution execution'],
  },
  'redrive --wait': {
    grant: 'grantSubmit',
    calls: [
      ...JOB_STATUS,
      ...RESULT,
      ...COST,
      // Whether other code is deployed.
      's3:GetObject jobs/j/plan/settings.json',
      'states:DescribeStateMachine machine',
      'states:StartExecution machine',
    ],
  },
  logs: {
    grant: 'grantDebug',
    calls: [
      ...JOB_STATUS,
      'states:DescribeStateMachine machines',
      'lambda:GetFunctionConfiguration versions',
      'logs:FilterLogEvents logGroups',
    ],
  },
  invoke: {
    grant: 'grantDebug',
    calls: [
      ...JOB_STATUS,
      'states:DescribeStateMachine machine',
      'lambda:InvokeFunction mapVersion',
      'lambda:InvokeFunction reduceVersion',
    ],
  },
};

/** Calls with the credentials of whoever deploys, which no grant is for. Without them, old versions stay. */
const OF_DEPLOYMENTS = ['ListVersionsByFunction', 'DeleteFunction'];
/** Without it, there are no notices about quotas. IAM allows it only for all resources. */
const TOLERATED = ['GetAccountSettings'];

const assembly = folderOfFile('mapreduce-grants-test');

describe('a grant', () => {
  let policies: Policies;
  let arns: Readonly<Record<string, readonly string[]>>;

  beforeAll(() => {
    const stack = new Stack(new App({ outdir: assembly }), STACK);
    const jobs = new MapReduce(stack, 'Jobs', { jobs: join(ROOT, 'apps/index.ts') });
    for (const grant of ['grantRead', 'grantSubmit', 'grantDebug'] as const) {
      jobs[grant](new Role(stack, grant, { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
    }
    policies = new Policies(Template.fromStack(stack), STACK);
    arns = arnsByName(policies, policies.render(stack.resolve(jobs.stateMachine.stateMachineArn)));
  });

  const allows = (grant: Grant, call: Call): boolean => {
    const [action = '', on = ''] = call.split(' ');
    const asked = arns[on] ?? [`${arns.bucket?.[0]}/${on}`];
    return asked.length > 0 && asked.every((arn) => policies.allows(grant, action, arn));
  };

  it.each(Object.entries(CALLS))('allows what mapreduce %s calls', (_, { grant, calls }) => {
    expect(calls.filter((call) => !allows(grant, call))).toEqual([]);
  });

  it.each<[Grant, Call[]]>([
    [
      'grantRead',
      [
        'states:StartExecution machine',
        'states:StopExecution execution',
        's3:PutObject data/j/000/a.txt',
        's3:PutObject jobs/j/cancel',
        's3:GetObject data/j/000/a.txt',
        'lambda:InvokeFunction mapVersion',
        'logs:FilterLogEvents logGroups',
      ],
    ],
    [
      'grantSubmit',
      [
        's3:PutObject output/j/part-r-00000.tsv',
        's3:DeleteObject output/j/part-r-00000.tsv',
        's3:GetObject work/j/shuffle/m-00000',
        'lambda:InvokeFunction mapVersion',
      ],
    ],
    [
      'grantDebug',
      [
        'states:StartExecution machine',
        's3:PutObject data/j/000/a.txt',
        'lambda:InvokeFunction planVersion',
        's3:GetObject work/j/shuffle/m-00000',
      ],
    ],
  ])('%s allows no more than that', (grant, calls) => {
    expect(calls.filter((call) => allows(grant, call))).toEqual([]);
  });

  it('is tested for every call that the commands make', () => {
    const known = new Set(
      Object.values(CALLS)
        .flatMap(({ calls }) => calls)
        .map((call) => call.slice(call.indexOf(':') + 1, call.indexOf(' '))),
    );

    // The store makes the requests to S3.
    const sources = COMMANDS.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
    const made = new Set(sources.flatMap((file) => callsIn(readFileSync(file, 'utf8'))));

    expect(made.size).toBeGreaterThan(10);
    expect([...made].filter((call) => !known.has(call))).toEqual([...OF_DEPLOYMENTS, ...TOLERATED]);
  });
});

/** The calls that a source makes with the SDK, by their names in IAM. */
function callsIn(source: string): string[] {
  const calls = source.matchAll(/\bnew (\w+)Command\(|\bpaginate(\w+)\(/g);
  return [...calls].map(([, command, paginated = '']) =>
    command === 'Invoke' ? 'InvokeFunction' : command || paginated,
  );
}

function arnsByName(policies: Policies, machineArn: string): Record<string, string[]> {
  const machine = machineArn.split(':').at(-1)!;
  const states = (resource: string) => [`arn:aws:states:${REGION}:${ACCOUNT}:${resource}`];
  const functions = policies.arnsOf('AWS::Lambda::Function');
  // Of this deployment, or of an earlier one.
  const versions = functions.map((arn) => `${arn}:7`);
  const versionOf = (name: string) =>
    versions.filter((arn) => new RegExp(`Functions${name}[0-9A-F]{8}:7$`).test(arn));
  return {
    // What CloudFormation checks for a request that gives the name of the stack.
    stack: [`arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${STACK}/*`],
    bucket: policies.arnsOf('AWS::S3::Bucket'),
    machine: [machineArn],
    machines: policies.arnsOf('AWS::StepFunctions::StateMachine'),
    execution: states(`execution:${machine}:word-count-20250131-142530-1f9a`),
    mapRun: states(`mapRun:${machine}/MapTask:6f6b6a10-0000-4000-8000-0a0a0a0a0a0a`),
    versions,
    planVersion: versionOf('Plan'),
    mapVersion: versionOf('Map'),
    reduceVersion: versionOf('Reduce'),
    logGroups: policies.arnsOf('AWS::Logs::LogGroup'),
  };
}
