import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CONTEXT_NAMES } from '../../infra/context.ts';
import { allBelow, BIN, cleanEnvironment, cli, folderWith, hasSaid } from './cli-process.ts';

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
    ['taskMemoryMb=abc', /taskMemoryMb: is a number; received 'abc'/],
    ['taskMemoryMb=', /taskMemoryMb: is a number; received ''/],
    ['taskMemoryMb=100', /taskMemoryMb is a whole number from 512 to 10240 MB; received 100/],
    ['removalPolicy=keep', /removalPolicy: is 'retain' or 'destroy'; received 'keep'/],
    ['maxConcurrency', /--context takes name=value; received 'maxConcurrency'/],
  ])('%s is refused before AWS is asked for anything', async (setting, message) => {
    const { code, stdout, stderr } = await cli(['deploy', '--local', '--context', setting], {
      cwd: folderWith({}),
      env: NOBODY,
    });

    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/nothing answers|NaN|\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('takes what its help lists, all of it', async () => {
    const { stdout } = await cli(['deploy', '--help'], { cwd: '/' });

    const help = stdout.replaceAll(/\s+/g, ' ');
    for (const name of CONTEXT_NAMES.filter((known) => known !== 'stackName' && known !== 'jobs')) {
      expect(help).toContain(name);
    }
  });
});

describe('deploy --jobs', () => {
  test('refuses a module without apps before AWS is asked for anything', async () => {
    const { code, stdout, stderr } = await cli(['deploy', '--local', '--jobs', 'jobs.ts'], {
      cwd: folderWith({ 'jobs.ts': 'export const app = {};' }),
      env: NOBODY,
    });

    expect(stderr).toMatch(/exports no apps \(it exports app\)/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test("removes another project's apps only with --replace", async () => {
    const endpoint = await cloudFormation(
      '<Outputs><member><OutputKey>Apps0</OutputKey><OutputValue>["theirs","grep"]</OutputValue></member></Outputs>',
    );
    const { code, stderr } = await cli(['deploy', '--local', '--yes'], {
      cwd: folderWith({}),
      env: { AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1' },
    });

    expect(stderr).toMatch(/would remove: theirs\. .*--replace/);
    expect(code).toBe(2);
  });
});

/** Says of any stack that it is there. */
async function cloudFormation(outputs = ''): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/xml');
    response.end(
      `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>CDKToolkit</StackName>${outputs}</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('Ctrl-C ends a deploy, cdk and all, and no folder of it is left', async () => {
  const cwd = folderWith({});
  const deploy = spawn(process.execPath, [BIN, 'deploy', '--local'], {
    cwd,
    env: cleanEnvironment({ AWS_ENDPOINT_URL: await cloudFormation(), TMPDIR: cwd }),
    // A group of processes of its own, as what is started in a terminal has: Ctrl-C is sent to all of it.
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => deploy.on('close', resolve));
  await hasSaid(deploy, /cdk deploy MapReduce/);
  const before = allBelow(cwd).filter((name) => /^mapreduce-deploy-[^/]*$/.test(name));

  process.kill(-deploy.pid!, 'SIGINT');

  expect(await ended).toBe(130);
  expect(before).toHaveLength(1);
  expect(allBelow(cwd).filter((name) => name.startsWith('mapreduce-deploy-'))).toEqual([]);
});
