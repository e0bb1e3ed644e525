/** A deployment while jobs run: they end with the code that they started with, and new jobs run the new code. */
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { removeOldVersions } from '../../src/aws/client/old-versions.ts';
import { cli } from '../cli/cli-process.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import { DeployedStack } from './deployed-stack.ts';
import { embedded } from './helpers/embedded.ts';
import { until } from './helpers/until.ts';
import { CONCURRENCY, SHARED_SETTINGS, takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

/** More than run at once, so that some start after the deployment. */
const MAPS = CONCURRENCY + 2;
/** Enough for a watch, which the job starts after the deployment. */
const REDUCERS = 4;

describeOnEmulators('A deployment while a job runs', (emulator) => {
  let stack: DeployedStack;
  beforeAll(async () => {
    const shared = await takeStack(emulator);
    stack = shared.stack;
    return shared.release;
  });

  const settings = { reducers: REDUCERS, splitSizeBytes: 12 };
  const submit = (jobId: string, inputs: string, params: Record<string, string> = {}) =>
    stack.started({ jobId, request: { app: 'dated', inputs: [`data/${inputs}/`], params, ...settings } });

  test('does not change its code; new jobs run the new code, and a redrive has to accept it', async () => {
    const meetIn = await mkdtemp(join(tmpdir(), 'mapreduce-meet-'));
    const inputs = folderOfTest('dated');
    for (let index = 0; index < MAPS; index++) {
      const text = `wait\nline ${index}\n`;
      await writeFile(join(inputs, `${index}.txt`), text);
      await stack.put(`data/waiting/${index}.txt`, text);
    }
    onTestFinished(() => writeFile(join(meetIn, 'go'), ''));
    await stack.put('data/failing/a.txt', 'a\nfail\n');
    await stack.put('data/new/a.txt', 'a\n');
    const [waiting, failing] = [uniqueName('waiting'), uniqueName('failing')];
    const failed = await stack.ended(await submit(failing, 'failing'));
    const running = await submit(waiting, 'waiting', { meetIn });
    await until('tasks that wait', async () =>
      (await readdir(meetIn)).length === CONCURRENCY ? true : undefined,
    );
    const before = await stack.functions();

    await DeployedStack.deploy(
      emulator,
      { ...SHARED_SETTINGS, jobs: join(import.meta.dirname, 'jobs/redeployed.ts') },
      { stackName: stack.stackName },
    );
    const after = await stack.functions();
    const started = await stack.ended(await submit(uniqueName('new'), 'new'));
    const command = async (...args: string[]) =>
      await cli(args, {
        cwd: tmpdir(),
        env: {
          ...emulator.environment,
          MAPREDUCE_BUCKET: stack.bucket,
          MAPREDUCE_STATE_MACHINE: stack.stateMachineArn,
        },
      });
    const refused = await command('redrive', failing);
    const kept = await removeOldVersions(stack, { nowMs: Date.now(), keepMs: 0 });
    const startedTasks = (await readdir(meetIn)).length;
    await writeFile(join(meetIn, 'go'), '');
    const ended = await stack.ended(running);
    const removed = await removeOldVersions(stack, { nowMs: Date.now(), keepMs: 0 });
    const accepted = await command('redrive', failing, '--allow-other-code', '--wait');

    expect(failed).toMatchObject({ status: 'FAILED' });
    expect(
      Object.keys(after).filter(
        (name) => after[name as keyof typeof after] === before[name as keyof typeof before],
      ),
    ).toEqual([]);
    expect(kept.filter((arn) => Object.values(before).includes(arn))).toEqual([]);
    expect(removed).toEqual(expect.arrayContaining(Object.values(before)));
    expect(startedTasks).toBe(CONCURRENCY);
    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const { parts } = await stack.result(ended.output.outputPrefix);
    const params = { meetIn };
    const oracle = await embedded('test/emulator/jobs/dated/before.ts', [inputs], { ...settings, params });
    expect(parts).toEqual(oracle.parts);
    expect(String([...parts.values()].join(''))).toContain('line 5, mapped before, reduced before\t1\n');
    const { parts: newParts } = await stack.result(started.output.outputPrefix);
    expect([...newParts.values()].join('')).toBe('a, mapped after, reduced after\t1\n');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /error: job failing-\w+ started with code [0-9a-f]{12}, and the deployment has code [0-9a-f]{12}, deployed at \d{4}-/,
    );
    // It failed in the user's code, not because of the code.
    expect(accepted.stderr).toContain('told to fail');
  });
});
