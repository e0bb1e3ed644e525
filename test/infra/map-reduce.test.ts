import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { App, Duration, RemovalPolicy, Size, Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks } from 'cdk-nag';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundleHandlers } from '../../infra/bundling/bundle.ts';
import { MapReduce } from '../../infra/construct/map-reduce.ts';
import type { MapReduceProps } from '../../infra/construct/props.ts';
import { MapReduceStack } from '../../infra/deploy/stack.ts';
import { bucketAccess } from '../../infra/functions/bucket-access.ts';
import { FUNCTION_NAMES, type FunctionName, pascalCase } from '../../infra/functions/function-names.ts';
import { TASK_FUNCTIONS } from '../../infra/machine/stages.ts';
import { WAKES_VARIABLE, WOKEN_FUNCTIONS } from '../../src/aws/protocol/wake.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';
import { ACCOUNT, Policies, REGION } from './policies.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const JOBS = join(ROOT, 'apps/index.ts');

type Resource = {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
};

const assemblies = folderOfFile('mapreduce-infra-test');

/** Its assembly is removed after the tests. */
function newApp(): App {
  return new App({ outdir: mkdtempSync(join(assemblies, 'cdk.out-')) });
}

function stackWith(props: Partial<MapReduceProps> = {}): MapReduceStack {
  return new MapReduceStack(newApp(), 'Jobs', { mapReduce: { jobs: JOBS, ...props } });
}

function resources(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The text of the definitions of both machines, with references to resources. */
function definitions(template: Template): string {
  return Object.values(resources(template, 'AWS::StepFunctions::StateMachine'))
    .map(({ Properties }) => JSON.stringify(Properties.DefinitionString))
    .join('\n');
}

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** The statements of the policies whose id contains this. */
function statementsOf(template: Template, idPart: string): Statement[] {
  const policies = Object.entries(resources(template, 'AWS::IAM::Policy')).filter(([id]) =>
    id.includes(idPart),
  );
  return policies.flatMap(
    ([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement,
  );
}

/** The object permissions in the policies whose id contains this, as `s3:PutObject work/*`. */
function objectAccess(template: Template, idPart: string): string[] {
  return statementsOf(template, idPart)
    .flatMap(({ Action, Resource: resource }) =>
      [Action]
        .flat()
        .filter((action) => /^s3:(Get|Put|Delete)Object$/.test(action))
        .flatMap((action) => [resource].flat().map((each) => `${action} ${keysOf(each)}`)),
    )
    .sort();
}

/** The prefixes that the policies whose id contains this allow to list. */
function listAccess(template: Template, idPart: string): string[] {
  const listing = statementsOf(template, idPart).filter(({ Action }) =>
    [Action].flat().includes('s3:ListBucket'),
  );
  return listing
    .flatMap(({ Condition }) => {
      const { StringLikeIfExists } = Condition as { StringLikeIfExists: Record<string, string[]> };
      expect(Condition).toEqual({ StringLikeIfExists: { 's3:prefix': expect.any(Array) } });
      return StringLikeIfExists['s3:prefix']!;
    })
    .sort();
}

/** `{ Fn::Join: ['', [bucket ARN, '/work/*']] }` -> `work/*` */
function keysOf(resource: unknown): string {
  const { 'Fn::Join': join } = resource as { 'Fn::Join': [string, unknown[]] };
  return String(join[1].at(-1)).replace(/^\//, '');
}

describe('the stack', () => {
  let template: Template;
  beforeAll(() => {
    template = Template.fromStack(stackWith());
  });

  it('keeps its objects private and encrypted, and requires TLS', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: Match.anyValue(),
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  it('expires intermediates and abandoned uploads, and never inputs or results', () => {
    const [bucket] = Object.values(resources(template, 'AWS::S3::Bucket'));
    const { Rules } = bucket!.Properties.LifecycleConfiguration as {
      Rules: { Prefix?: string; ExpirationInDays?: number }[];
    };

    const expiring = Rules.filter(({ ExpirationInDays }) => ExpirationInDays !== undefined);
    expect(expiring.map(({ Prefix }) => Prefix).sort()).toEqual(['jobs/', 'work/']);
    expect(Rules).toContainEqual(
      expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } }),
    );
  });

  it('keeps its bucket and its logs when it is deleted, but not when its first deployment fails', () => {
    const kept = [
      ...Object.values(resources(template, 'AWS::S3::Bucket')),
      ...Object.values(resources(template, 'AWS::Logs::LogGroup')),
    ];

    expect(kept).toHaveLength(11);
    for (const { DeletionPolicy, UpdateReplacePolicy } of kept) {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
    }
  });

  it('gives no name that a deleted stack, whose logs were kept, may have used: names are generated, or contain the id of the stack', () => {
    const names = Object.values(resources(template, 'AWS::Logs::LogGroup'))
      .map(({ Properties }) => Properties.LogGroupName)
      .filter((name) => name !== undefined);

    expect(names).toHaveLength(2);
    for (const name of names) {
      expect(name).toEqual({
        'Fn::Join': [
          '',
          [
            expect.stringMatching(/^\/aws\/vendedlogs\/states\/Jobs-(Watch|StateMachine)-[0-9a-f]{8}-$/),
            { 'Fn::Select': [2, { 'Fn::Split': ['/', { Ref: 'AWS::StackId' }] }] },
          ],
        ],
      });
    }
  });

  it('may describe and stop the children of its stages, and no other executions', () => {
    const policies = new Policies(template, 'Jobs');
    const machines = policies.idsOf('AWS::StepFunctions::StateMachine');
    const [jobs] = machines.filter((id) => id.includes('StateMachine'));
    const [watch] = machines.filter((id) => !id.includes('StateMachine'));
    const arnOf = (execution: string) => `arn:aws:states:${REGION}:${ACCOUNT}:execution:${execution}`;
    const allowed = (action: string, execution: string) =>
      policies.allows('ChildExecutions', action, arnOf(execution));

    for (const action of ['states:DescribeExecution', 'states:StopExecution']) {
      expect(allowed(action, `${jobs}:6f6b6a10`), action).toBe(true);
      expect(allowed(action, `${jobs}/MapTask:6f6b6a10`), action).toBe(true);
      expect(allowed(action, `${jobs}/ReduceTask:6f6b6a10`), action).toBe(true);
      expect(allowed(action, `${watch}:6f6b6a10`), action).toBe(false);
      expect(allowed(action, `${jobs}Else:6f6b6a10`), action).toBe(false);
    }
    const machineArn = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${jobs}`;
    expect(policies.allows('ChildExecutions', 'states:StartExecution', machineArn)).toBe(true);
  });

  it.each(['STANDARD', 'EXPRESS'] as const)(
    'may describe and stop children of both types when it is deployed with %s',
    (childExecutions) => {
      const taskTimeout = Duration.minutes(4);
      const policies = new Policies(Template.fromStack(stackWith({ childExecutions, taskTimeout })), 'Jobs');
      const jobs = policies
        .idsOf('AWS::StepFunctions::StateMachine')
        .find((id) => id.includes('StateMachine'));
      const states = `arn:aws:states:${REGION}:${ACCOUNT}`;
      const allowed = (action: string, arn: string) => policies.allows('ChildExecutions', action, arn);

      for (const action of ['states:DescribeExecution', 'states:StopExecution']) {
        expect(allowed(action, `${states}:execution:${jobs}/MapTask:6f6b6a10`), action).toBe(true);
        expect(allowed(action, `${states}:express:${jobs}/MapTask:6f6b6a10:0a1b`), action).toBe(true);
        expect(allowed(action, `${states}:express:${jobs}Else/MapTask:6f6b6a10:0a1b`), action).toBe(false);
      }
    },
  );

  it('drops backup attempts that Lambda cannot start within a minute', () => {
    const configurations = Object.values(resources(template, 'AWS::Lambda::EventInvokeConfig'));

    expect(configurations).toHaveLength(TASK_FUNCTIONS.length);
    for (const { Properties } of configurations) {
      // Of a version: the function itself is never invoked.
      expect(Properties).toMatchObject({
        MaximumEventAgeInSeconds: 60,
        MaximumRetryAttempts: 0,
        Qualifier: { 'Fn::GetAtt': [expect.stringContaining('CurrentVersion'), 'Version'] },
      });
    }
  });

  it('invokes a version of each function, and may invoke those of earlier deployments', () => {
    const policies = new Policies(template, 'Jobs');
    const text = definitions(template);
    const versions = Object.keys(resources(template, 'AWS::Lambda::Version'));

    expect(versions).toHaveLength(FUNCTION_NAMES.length);
    for (const id of versions) expect(text).toContain(`{"Ref":"${id}"}`);
    for (const id of policies.idsOf('AWS::Lambda::Function')) expect(text).not.toContain(`["${id}","Arn"]`);
    for (const arn of policies.arnsOf('AWS::Lambda::Function')) {
      expect(policies.allows('StateMachineRole', 'lambda:InvokeFunction', `${arn}:1`), arn).toBe(true);
      expect(policies.allows('StateMachineRole', 'lambda:InvokeFunction', arn), arn).toBe(false);
      const isForWatch = /Functions(Map|Reduce|Watch)[0-9A-F]{8}$/.test(arn);
      expect(policies.allows('WatchRole', 'lambda:InvokeFunction', `${arn}:1`), arn).toBe(isForWatch);
    }
  });

  it('lets the plan function, and no other, wake the functions of the later steps by their versions', () => {
    const policies = new Policies(template, 'Jobs');
    const woken = WOKEN_FUNCTIONS.map(pascalCase).map((name) => new RegExp(`Functions${name}[0-9A-F]{8}$`));
    const lists = Object.values(resources(template, 'AWS::Lambda::Function')).map(({ Properties }) =>
      JSON.stringify(Properties.Environment ?? {}),
    );

    for (const arn of policies.arnsOf('AWS::Lambda::Function')) {
      const isWoken = woken.some((pattern) => pattern.test(arn));
      expect(policies.allows('FunctionsPlanRole', 'lambda:InvokeFunction', `${arn}:1`), arn).toBe(isWoken);
      expect(policies.allows('FunctionsPlanRole', 'lambda:InvokeFunction', arn), arn).toBe(false);
      expect(policies.allows('FunctionsMapRole', 'lambda:InvokeFunction', `${arn}:1`), arn).toBe(false);
    }
    expect(lists.filter((list) => list.includes(WAKES_VARIABLE))).toHaveLength(1);
    const versions = Object.keys(resources(template, 'AWS::Lambda::Version'));
    const named = versions.filter((id) => lists.some((list) => list.includes(`{"Ref":"${id}"}`)));
    expect(named).toHaveLength(WOKEN_FUNCTIONS.length);
  });

  it('keeps versions that an update replaces, but not those of a failed update', () => {
    const kept = [
      ...Object.values(resources(template, 'AWS::Lambda::Version')),
      ...Object.values(resources(template, 'AWS::Lambda::EventInvokeConfig')),
    ];

    for (const { DeletionPolicy, UpdateReplacePolicy } of kept) {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
    }
  });

  it('publishes versions if and only if the code or the settings of a function change', () => {
    const versionsOf = (props: Partial<MapReduceProps>) =>
      Object.keys(resources(Template.fromStack(stackWith(props)), 'AWS::Lambda::Version')).sort();
    const before = Object.keys(resources(template, 'AWS::Lambda::Version')).sort();
    const kept = (props: Partial<MapReduceProps>) =>
      versionsOf(props).filter((id) => before.includes(id)).length;

    expect(versionsOf({})).toEqual(before);
    expect(versionsOf({ startOnUpload: false, logRetention: RetentionDays.ONE_DAY })).toEqual(before);
    // Only an environment variable changes.
    expect(kept({ maxTasksPerStage: 99 })).toBe(0);
    expect(kept({ jobs: join(ROOT, 'test/emulator/jobs/index.ts') })).toBe(0);
  });

  it.each(['Map', 'Reduce'])('raises an alarm when Lambda throttles %s tasks for 30 minutes', (name) => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'Throttles',
      Dimensions: [
        {
          Name: 'FunctionName',
          Value: { Ref: Match.stringLikeRegexp(`Functions${name}[0-9A-F]{8}$`) },
        },
      ],
      Statistic: 'Sum',
      Threshold: 1,
      Period: 300,
      EvaluationPeriods: 6,
    });
  });

  it('links to the console of the partition', () => {
    const { Outputs, Conditions } = template.toJSON();
    const domain = {
      'Fn::If': [
        'IsChina',
        'console.amazonaws.cn',
        { 'Fn::If': ['IsGovCloud', 'console.amazonaws-us-gov.com', 'console.aws.amazon.com'] },
      ],
    };

    expect(Conditions).toMatchObject({
      IsChina: { 'Fn::Equals': [{ Ref: 'AWS::Partition' }, 'aws-cn'] },
      IsGovCloud: { 'Fn::Equals': [{ Ref: 'AWS::Partition' }, 'aws-us-gov'] },
    });
    for (const name of ['JobsConsole', 'BucketConsole', 'DashboardConsole']) {
      const [, parts] = Outputs[name].Value['Fn::Join'];
      expect(parts.slice(0, 4), name).toEqual(['https://', { Ref: 'AWS::Region' }, '.', domain]);
    }
  });

  it('runs every function on Node 24 on arm64, traced, with a log group that expires', () => {
    const functions = Object.values(resources(template, 'AWS::Lambda::Function'));

    expect(functions).toHaveLength(8);
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogGroup: expect.anything() },
      });
    }
    for (const { Properties } of Object.values(resources(template, 'AWS::Logs::LogGroup'))) {
      expect(Properties.RetentionInDays).toBe(30);
    }
  });

  it('uses no custom resource: LocalStack would skip it', () => {
    const types = Object.values(template.toJSON().Resources as Record<string, Resource>).map(
      ({ Type }) => Type,
    );

    expect(
      types.filter((type) => type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource'),
    ).toEqual([]);
  });

  it.each<[FunctionName, string[]]>([
    [
      'map',
      [
        's3:DeleteObject output/*/part-m-*',
        's3:GetObject data/*',
        's3:GetObject input/*',
        's3:GetObject jobs/*/cancel',
        's3:GetObject jobs/*/failure.json',
        's3:GetObject jobs/*/plan/*',
        's3:GetObject output/*',
        's3:GetObject output/*/_SUCCESS',
        's3:GetObject output/*/part-m-*',
        's3:GetObject work/*/attempts/*',
        's3:GetObject work/*/failures/*',
        's3:GetObject work/*/files/m-*',
        's3:GetObject work/*/merge/m-*',
        's3:GetObject work/*/shuffle/*',
        's3:PutObject output/*/part-m-*',
        's3:PutObject work/*/attempts/*',
        's3:PutObject work/*/failures/*',
        's3:PutObject work/*/files/m-*',
        's3:PutObject work/*/merge/m-*',
        's3:PutObject work/*/shuffle/*',
      ],
    ],
    [
      'commit',
      [
        's3:DeleteObject output/*/_SUCCESS',
        's3:DeleteObject output/*/merged.*',
        's3:DeleteObject output/*/part-*',
        's3:DeleteObject work/*',
        's3:GetObject jobs/*/plan/*',
        's3:GetObject jobs/*/request.json',
        's3:GetObject output/*/_JOB',
        's3:GetObject output/*/_SUCCESS',
        's3:GetObject output/*/_attempts.jsonl.gz',
        's3:GetObject output/*/_bad.jsonl',
        's3:GetObject output/*/_report.html',
        's3:GetObject output/*/manifest.json',
        's3:GetObject output/*/merged.*',
        's3:GetObject output/*/part-*',
        's3:GetObject work/*',
        's3:GetObject work/*/failures/*',
        's3:PutObject output/*/_SUCCESS',
        's3:PutObject output/*/_attempts.jsonl.gz',
        's3:PutObject output/*/_bad.jsonl',
        's3:PutObject output/*/_report.html',
        's3:PutObject output/*/manifest.json',
        's3:PutObject output/*/merged.*',
        's3:PutObject work/*/failures/*',
      ],
    ],
    [
      'failure',
      [
        's3:GetObject jobs/*/attempts.jsonl.gz',
        's3:GetObject jobs/*/failure.json',
        's3:GetObject jobs/*/plan/*',
        's3:GetObject jobs/*/request.json',
        's3:GetObject output/*/part-m-*',
        's3:GetObject output/*/part-r-*',
        's3:GetObject requests/*',
        's3:GetObject requests/*.failure.json',
        's3:GetObject work/*/attempts/*',
        's3:GetObject work/*/failures/*',
        's3:GetObject work/*/files/m-*',
        's3:GetObject work/*/files/r-*',
        's3:GetObject work/*/map-stage.json',
        's3:GetObject work/*/merge/m-*',
        's3:GetObject work/*/merge/r-*',
        's3:GetObject work/*/reduce-stage.json',
        's3:GetObject work/*/shuffle/*',
        's3:PutObject jobs/*/attempts.jsonl.gz',
        's3:PutObject jobs/*/failure.json',
        's3:PutObject requests/*.failure.json',
      ],
    ],
  ])('%s may access the objects that its step needs and no others', (name, access) => {
    expect(objectAccess(template, `Functions${pascalCase(name)}Role`)).toEqual(access);
  });

  it.each(FUNCTION_NAMES)(
    'the role of %s allows what infra/functions/bucket-access.ts says, and nothing else in S3',
    (name) => {
      const { read, write, remove } = bucketAccess(name, ['input/', 'data/', 'output/']);

      expect(objectAccess(template, `Functions${pascalCase(name)}Role`)).toEqual(
        [
          ...read.map((key) => `s3:GetObject ${key}`),
          ...write.map((key) => `s3:PutObject ${key}`),
          ...remove.map((key) => `s3:DeleteObject ${key}`),
        ].sort(),
      );
    },
  );

  it.each<[FunctionName, RegExp]>([
    ['plan', /^(input|data|output|requests|jobs)\//],
    ['map', /^(input|data|output|work|jobs)\//],
    ['reduce', /^(output|work|jobs)\//],
    ['watch', /^(output|work|jobs)\//],
    ['failure', /^(requests|output|work|jobs)\//],
  ])('%s may list only the prefixes that its step lists and reads', (name, expected) => {
    const { list, read } = bucketAccess(name, ['input/', 'data/', 'output/']);

    const prefixes = listAccess(template, `Functions${pascalCase(name)}Role`);

    expect(prefixes).toEqual([...new Set([...list, ...read])].sort());
    expect(prefixes.filter((prefix) => !expected.test(prefix))).toEqual([]);
    expect(prefixes).not.toContain('work/*');
    expect(prefixes).not.toContain('jobs/*');
  });

  it('only the steps that need intermediates may read them', () => {
    const readers = FUNCTION_NAMES.filter((name) =>
      objectAccess(template, `Functions${pascalCase(name)}Role`).some((access) =>
        /^s3:GetObject work\/(\*$|\*\/shuffle)/.test(access),
      ),
    );

    // The failure step lists what the tasks had committed.
    expect(readers.sort()).toEqual(['commit', 'failure', 'map', 'map-barrier', 'reduce']);
  });

  it('no role has a wildcard for actions, and only X-Ray and log deliveries have one for all resources', () => {
    const actionsOnEverything = new Set<string>();
    for (const { Properties } of Object.values(resources(template, 'AWS::IAM::Policy'))) {
      for (const { Action, Resource: resource } of (Properties.PolicyDocument as { Statement: Statement[] })
        .Statement) {
        expect([Action].flat().filter((action) => action.includes('*'))).toEqual([]);
        if ([resource].flat().includes('*'))
          for (const action of [Action].flat()) actionsOnEverything.add(action);
      }
    }

    const services = new Set([...actionsOnEverything].map((action) => action.split(':')[0]));
    expect([...services].sort()).toEqual(['logs', 'xray']);
  });

  it('starts jobs for uploads and requests in its own bucket only', () => {
    const bucket = { name: [{ Ref: Match.stringLikeRegexp('Bucket') }] };
    for (const key of [{ wildcard: 'requests/*.json' }, { prefix: 'input/' }]) {
      template.hasResourceProperties('AWS::Events::Rule', {
        EventPattern: {
          source: ['aws.s3'],
          'detail-type': ['Object Created'],
          detail: { bucket, object: { key: [key] } },
        },
        Targets: [Match.objectLike({ DeadLetterConfig: Match.anyValue() })],
      });
    }
  });

  it('has outputs that tell the command where everything is', () => {
    expect(Object.keys(template.toJSON().Outputs)).toEqual(
      expect.arrayContaining(['BucketName', 'StateMachineArn', 'JobsConsole', 'BucketConsole']),
    );
  });

  it('removes its bundles, and writes nothing inside the package', () => {
    let folder: string;
    {
      using bundles = bundleHandlers(JOBS);
      folder = bundles.folder('map');
      expect(readdirSync(folder).sort()).toEqual(['index.mjs', 'index.mjs.map']);
    }

    expect(existsSync(folder)).toBe(false);
    expect(relative(ROOT, folder)).toMatch(/^\.\./);
  });
});

describe('the construct', () => {
  it('keeps its bundles where the assembly expects them when cdk does not copy them (--no-staging)', () => {
    const outdir = mkdtempSync(join(assemblies, 'cdk.out-'));
    const app = new App({ outdir, context: { 'aws:cdk:disable-asset-staging': true } });
    new MapReduce(new Stack(app, 'Unstaged'), 'Jobs', { jobs: JOBS });
    app.synth();
    const { files } = JSON.parse(readFileSync(join(outdir, 'Unstaged.assets.json'), 'utf8')) as {
      files: Record<string, { source: { path: string; packaging: string } }>;
    };
    const folders = Object.values(files)
      .filter(({ source }) => source.packaging === 'zip')
      .map(({ source }) => source.path);
    onTestFinished(() => {
      for (const folder of folders) rmSync(dirname(folder), { recursive: true, force: true });
    });

    expect(folders).toHaveLength(FUNCTION_NAMES.length);
    for (const folder of folders) expect(existsSync(join(folder, 'index.mjs'))).toBe(true);
  });

  it('uses an existing bucket and an existing key', () => {
    const stack = new Stack(newApp(), 'Mine');
    const bucket = Bucket.fromBucketName(stack, 'Existing', 'my-bucket');
    const encryptionKey = new Key(stack, 'Key');
    new MapReduce(stack, 'Jobs', { jobs: JOBS, bucket, encryptionKey, startOnUpload: false });
    const template = Template.fromStack(stack);

    template.resourceCountIs('AWS::S3::Bucket', 0);
    template.resourceCountIs('AWS::Events::Rule', 1);
    for (const { Properties } of Object.values(resources(template, 'AWS::Logs::LogGroup'))) {
      expect(Properties.KmsKeyId).toBeDefined();
    }
  });

  it('uses the key of an existing bucket for its objects, and not for the logs', () => {
    const stack = new Stack(newApp(), 'Mine');
    const key = new Key(stack, 'Key');
    const bucket = new Bucket(stack, 'Existing', { encryptionKey: key }) as IBucket;
    new MapReduce(stack, 'Jobs', { jobs: JOBS, bucket });
    const template = Template.fromStack(stack);

    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('FunctionsMapRole'),
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: ['kms:Decrypt', 'kms:GenerateDataKey'] })]),
      },
    });
    for (const { Properties } of Object.values(resources(template, 'AWS::Logs::LogGroup'))) {
      expect(Properties.KmsKeyId).toBeUndefined();
    }
  });

  it('uses a given key for its bucket and its logs, and allows each role what S3 needs of it', () => {
    const stack = new Stack(newApp(), 'Mine');
    new MapReduce(stack, 'Jobs', { jobs: JOBS, encryptionKey: new Key(stack, 'Key') });
    const template = Template.fromStack(stack);

    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {
              SSEAlgorithm: 'aws:kms',
              KMSMasterKeyID: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] },
            },
          },
        ],
      },
    });
    const kmsActions = Object.entries(resources(template, 'AWS::IAM::Policy')).map(([id, { Properties }]) => [
      id,
      (Properties.PolicyDocument as { Statement: Statement[] }).Statement.flatMap(({ Action }) =>
        [Action].flat().filter((action) => action.startsWith('kms:')),
      ),
    ]);
    const ofFunctions = kmsActions.filter(([id]) => id!.includes('Functions'));
    expect(ofFunctions).toHaveLength(FUNCTION_NAMES.length);
    for (const [, actions] of ofFunctions) expect(actions).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': Match.anyValue() } },
            Principal: {
              // The suffix differs in China.
              Service: {
                'Fn::Join': ['', ['logs.', { Ref: 'AWS::Region' }, '.', { Ref: 'AWS::URLSuffix' }]],
              },
            },
          }),
        ]),
      },
    });
  });

  it('sends its alarms to a topic', () => {
    const stack = new Stack(newApp(), 'Mine');
    const alarmTopic = new Topic(stack, 'Alarms');
    new MapReduce(stack, 'Jobs', { jobs: JOBS, alarmTopic });

    const alarms = Object.values(resources(Template.fromStack(stack), 'AWS::CloudWatch::Alarm'));

    expect(alarms).toHaveLength(4);
    for (const { Properties } of alarms) {
      expect(Properties.AlarmActions).toEqual([stack.resolve(alarmTopic.topicArn)]);
    }
  });

  it('fits twice into one stack, because no names are the same', () => {
    const stack = new Stack(newApp(), 'Mine');
    for (const id of ['Nightly', 'Hourly']) new MapReduce(stack, id, { jobs: JOBS });
    const template = Template.fromStack(stack);

    const logGroups = Object.values(resources(template, 'AWS::Logs::LogGroup'));
    const names = logGroups
      .map(({ Properties }) => JSON.stringify(Properties.LogGroupName))
      .filter((name) => name !== undefined);
    expect(new Set(names).size).toBe(4);
    for (const { Properties } of Object.values(resources(template, 'AWS::CloudWatch::Dashboard'))) {
      expect(Properties.DashboardName).toBeUndefined();
    }
  });

  it('passes its other settings on to the resources', () => {
    const stack = new Stack(newApp(), 'Mine');
    new MapReduce(stack, 'Jobs', {
      jobs: JOBS,
      taskMemoryMb: 3_008,
      stepMemoryMb: 600,
      taskTimeout: Duration.seconds(120),
      scratchSize: Size.gibibytes(4),
      maxConcurrency: 123,
      maxTasksPerStage: 456,
      backupAttempts: false,
      childExecutions: 'EXPRESS',
      readablePrefixes: ['lake/'],
      intermediatesExpireAfter: Duration.days(3),
      jobsExpireAfter: Duration.days(40),
      logRetention: RetentionDays.ONE_WEEK,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const template = Template.fromStack(stack);

    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'MapReduce: map',
      MemorySize: 3_008,
      Timeout: 120,
      EphemeralStorage: { Size: 4_096 },
      Environment: {
        Variables: Match.objectLike({
          MAPREDUCE_MAX_CONCURRENCY: '123',
          MAPREDUCE_BACKUP_ATTEMPTS: 'false',
          MAPREDUCE_MAX_TASKS_PER_STAGE: '456',
          MAPREDUCE_TASK_MEMORY_MB: '3008',
          MAPREDUCE_SCRATCH_MB: '4096',
          MAPREDUCE_READABLE_PREFIXES: '["lake/"]',
        }),
      },
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'MapReduce: plan',
      MemorySize: 600,
    });
    expect(objectAccess(template, 'FunctionsMapRole')).toContain('s3:GetObject lake/*');
    expect(objectAccess(template, 'FunctionsMapRole')).not.toContain('s3:GetObject input/*');
    const definitions = Object.values(resources(template, 'AWS::StepFunctions::StateMachine')).map(
      ({ Properties }) => JSON.stringify(Properties.DefinitionString),
    );
    expect(definitions.filter((text) => text.includes('\\"ExecutionType\\":\\"EXPRESS\\"'))).toHaveLength(1);
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Prefix: 'work/', ExpirationInDays: 3 }),
          Match.objectLike({ Prefix: 'jobs/', ExpirationInDays: 40 }),
        ]),
      },
    });
    for (const { Properties, DeletionPolicy } of Object.values(resources(template, 'AWS::Logs::LogGroup'))) {
      expect([Properties.RetentionInDays, DeletionPolicy]).toEqual([7, 'Delete']);
    }
    template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Delete' });
  });

  it('reserves concurrency for map and for reduce functions, and without publishing versions', () => {
    const templateOf = (reservedConcurrency?: number) =>
      Template.fromStack(
        stackWith({
          maxConcurrency: 100,
          ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
        }),
      );
    const [none, some] = [templateOf(), templateOf(200)];

    const reserved = Object.values(resources(some, 'AWS::Lambda::Function')).map(({ Properties }) => [
      Properties.Description,
      Properties.ReservedConcurrentExecutions,
    ]);

    expect(reserved.filter(([, functions]) => functions !== undefined)).toEqual([
      ['MapReduce: map', 200],
      ['MapReduce: reduce', 200],
    ]);
    expect(Object.keys(resources(some, 'AWS::Lambda::Version'))).toEqual(
      Object.keys(resources(none, 'AWS::Lambda::Version')),
    );
  });

  it('grants submitting without the right to touch results', () => {
    const stack = new Stack(newApp(), 'Mine');
    const jobs = new MapReduce(stack, 'Jobs', { jobs: JOBS });
    const submitter = new Role(stack, 'Submitter', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });

    jobs.grantSubmit(submitter);

    expect(objectAccess(Template.fromStack(stack), 'Submitter')).toEqual([
      's3:GetObject data/*',
      's3:GetObject input/*',
      's3:GetObject jobs/*',
      's3:GetObject output/*',
      's3:GetObject requests/*',
      's3:PutObject data/*',
      's3:PutObject input/*',
      's3:PutObject jobs/*/cancel',
      's3:PutObject requests/*',
    ]);
    expect(listAccess(Template.fromStack(stack), 'Submitter')).toEqual([
      ...['data/*', 'input/*', 'jobs/*', 'output/*', 'requests/*', 'work/*'],
    ]);
  });

  it('rejects a jobs module that does not exist', () => {
    const stack = new Stack(newApp(), 'Mine');

    expect(() => new MapReduce(stack, 'Jobs', { jobs: 'nowhere.ts' })).toThrow(
      /jobs is the path.*received 'nowhere.ts'/,
    );
  });
});

describe('cdk-nag, rules of AwsSolutions', () => {
  const checkedApp = () => {
    const app = newApp();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    return app;
  };

  it.each(['without a key', 'with a key'])(
    'reports no finding that is not acknowledged with a reason, %s',
    (kind) => {
      const app = checkedApp();
      const keyStack = new Stack(app, 'Keys');
      const key = { encryptionKey: new Key(keyStack, 'Key', { enableKeyRotation: true }) };
      new MapReduceStack(app, 'Jobs', { mapReduce: { jobs: JOBS, ...(kind === 'with a key' ? key : {}) } });

      expect(() => app.synth()).not.toThrow();
    },
  );

  it('reports a finding that is not acknowledged', () => {
    const app = checkedApp();
    new Bucket(new Stack(app, 'Careless'), 'Bucket');

    expect(() => app.synth()).toThrow('AwsSolutions-S1');
  });
});
