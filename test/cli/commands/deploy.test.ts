import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CONTEXT_NAMES } from '../../../infra/deploy/context.ts';
import { type AppCatalog, commentOf } from '../../../src/aws/protocol/app-catalog.ts';
import { deployedApp as app, PARAMS } from '../../helpers/deployed-apps.ts';
import { allBelow, BIN, cleanEnvironment, cli, folderWith, hasPrinted, startCli } from '../cli-process.ts';

const NOBODY = { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_REGION: 'us-east-1' };

describe('deploy --context', () => {
  test.each([
    [
      'maxConcurency=200',
      /no setting 'maxConcurency'\. Did you mean 'maxConcurrency'\? The settings are taskMe/,
    ],
    ['colour=red', /no setting 'colour'\. The settings are .*stepMemoryMb/],
    ['stackName=Other', /--context stackName is set by a flag of its own: --stack/],
    ['jobs=jobs.ts', /--context jobs is set by a flag of its own: --jobs/],
    ['taskMemoryMb=abc', /-c taskMemoryMb is a number; received 'abc'/],
    ['taskMemoryMb=', /-c taskMemoryMb is a number; received ''/],
    ['taskMemoryMb=100', /taskMemoryMb must be a whole number from 512 to 10240 MB; received 100/],
    ['removalPolicy=keep', /-c removalPolicy is 'retain' or 'destroy'; received 'keep'/],
    ['maxConcurrency', /--context takes name=value; received 'maxConcurrency'/],
  ])('%s is rejected before any call to AWS', async (setting, message) => {
    const { code, stdout, stderr } = await cli(['deploy', '--local', '--context', setting], {
      cwd: folderWith({}),
      env: NOBODY,
    });

    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/nothing answers|NaN|\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('accepts every name that its help lists', async () => {
    const { stdout } = await cli(['deploy', '--help'], { cwd: '/' });

    const help = stdout.replaceAll(/\s+/g, ' ');
    for (const name of CONTEXT_NAMES.filter((known) => known !== 'stackName' && known !== 'jobs')) {
      expect(help).toContain(name);
    }
  });
});

describe('deploy --jobs', () => {
  test('rejects a module without apps before it calls AWS', async () => {
    const { code, stdout, stderr } = await cli(['deploy', '--local', '--jobs', 'jobs.ts'], {
      cwd: folderWith({ 'jobs.ts': 'export const app = {};' }),
      env: NOBODY,
    });

    expect(stderr).toMatch(/exports no apps \(it exports app\)/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test("removes another project's apps only with --replace", async () => {
    const endpoint = await cloudFormation({ Apps0: '["theirs","grep"]' });
    const { code, stderr } = await cli(['deploy', '--local', '--yes'], {
      cwd: folderWith({}),
      env: { AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1' },
    });

    expect(stderr).toMatch(/would remove: theirs\. .*--replace/);
    expect(code).toBe(2);
  });
});

const MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:M';
const job = (name: string, params: object = {}) =>
  `defineJob({ name: 'job', description: 'Does ${name}', params: ${JSON.stringify(params)}, input: textLines(), map: (line, { emit }) => emit(null, line), output: lines() })`;
const jobsModule = `import { defineJob, lines, textLines } from 'serverless-mapreduce';
export const apps = { same: ${job('same', PARAMS)}, added: ${job('added')}, other: ${job('other', { ...PARAMS, case: { type: 'string', description: 'of letters' } })} };`;
const APPS = [
  app('same', { params: PARAMS }),
  app('other', {
    description: 'Did other',
    params: { least: { ...PARAMS.least, default: 2 }, most: PARAMS.least },
  }),
];

describe('deploy over a stack', () => {
  const deploy = async (catalog: AppCatalog) => {
    const cwd = folderWith({ 'package.json': '{"name":"mine"}', 'jobs.ts': jobsModule });
    const names = JSON.stringify(catalog.apps.map(({ name }) => name));
    const endpoint = await cloudFormation(
      { Apps0: names, StateMachineArn: MACHINE },
      { definition: JSON.stringify({ Comment: commentOf(catalog) }) },
    );
    const env = { AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1', TMPDIR: cwd };
    const child = startCli(['deploy', '--local', '--jobs', 'jobs.ts'], { cwd, env });
    // The test needs only what the command prints before the deployment, so it stops the command then.
    await hasPrinted(child, /^cdk deploy/m).then(
      () => child.kill('SIGINT'),
      () => {},
    );
    return await child.ended;
  };

  test('prints what each app is and what changes', async () => {
    const { code, stderr } = await deploy({ by: { project: 'mine', jobs: 'old/jobs' }, apps: APPS });

    expect(stderr).toContain(
      [
        "3 apps of the project 'mine' (jobs)",
        '  same   Does same',
        '  added  Does added  new',
        '  other  Does other  changed: description, parameters ~least -most +case',
        "the last deployment was of the project 'mine' (old/jobs)",
        'cdk deploy MapReduce',
      ].join('\n'),
    );
    expect(code).toBe(130);
  });

  test('of another project names that project and the apps that would be removed, and changes nothing', async () => {
    const apps = [...APPS, app('gone')];

    const { code, stderr } = await deploy({ by: { project: 'theirs', jobs: 'src/jobs' }, apps });

    expect(stderr).toMatch(/^ {2}gone +Does gone +removed$/m);
    expect(stderr).toMatch(
      /^error: the stack MapReduce was deployed last by the project 'theirs' \(src\/jobs\), and this is the project 'mine' \(jobs\); the stack MapReduce has apps that this deployment would remove: gone\. .*--replace$/m,
    );
    expect(stderr).not.toContain('cdk deploy');
    expect(code).toBe(2);
  });
});

/** Starts a server that answers that every stack exists, and describes every state machine the same. */
async function cloudFormation(
  outputs: Readonly<Record<string, string>> = {},
  machine: object = { definition: '{}' },
): Promise<string> {
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const stack = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>CDKToolkit</StackName><Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  const server = createServer(({ headers }, response) => {
    const isOfStates = `${headers['x-amz-target']}`.startsWith('AWSStepFunctions');
    response.setHeader('content-type', isOfStates ? 'application/x-amz-json-1.0' : 'text/xml');
    response.end(isOfStates ? JSON.stringify(machine) : stack);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('Ctrl-C ends a deployment and its cdk process, and leaves no folder behind', async () => {
  const cwd = folderWith({});
  const deploy = spawn(process.execPath, [BIN, 'deploy', '--local'], {
    cwd,
    env: cleanEnvironment({ AWS_ENDPOINT_URL: await cloudFormation(), TMPDIR: cwd }),
    // A process group, like that of a command in a terminal, because Ctrl-C signals the whole group.
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => deploy.on('close', resolve));
  await hasPrinted(deploy, /cdk deploy MapReduce/);
  const before = allBelow(cwd).filter((name) => /^mapreduce-deploy-[^/]*$/.test(name));

  process.kill(-deploy.pid!, 'SIGINT');

  expect(await ended).toBe(130);
  expect(before).toHaveLength(1);
  expect(allBelow(cwd).filter((name) => name.startsWith('mapreduce-deploy-'))).toEqual([]);
});
