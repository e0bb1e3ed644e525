import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { bucketAccess } from '../../infra/functions/bucket-access.ts';
import { mapStep } from '../../lambdas/steps/map.ts';
import { mapEventSchema } from '../../src/aws/protocol/job-state.ts';
import { copy } from '../helpers/jobs.ts';
import { RestrictedStore } from '../helpers/restricted-store.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const SECRETS = {
  'work/other/shuffle/m-00000': 'secret\n',
  'jobs/other/request.json': 'secret\n',
  'jobs/other/plan/plan.json': 'secret\n',
  'requests/other.json': 'secret\n',
  'private/salaries.txt': 'secret\n',
};

async function machineWith(objects: Readonly<Record<string, string>> = {}): Promise<SimulatedMachine> {
  const machine = await SimulatedMachine.start({ copy });
  for (const [key, text] of Object.entries({ ...SECRETS, 'data/a.txt': 'open\n', ...objects })) {
    await machine.store.put(key, Buffer.from(text));
  }
  return machine;
}

async function resultOf(machine: SimulatedMachine, prefix: string): Promise<string> {
  let text = '';
  for await (const { key } of machine.store.list(`${prefix}part-`)) text += await machine.store.get(key);
  return text;
}

describe('a request that names as its input', () => {
  it.each([
    ["another job's shuffle", 'work/other/shuffle/'],
    ["an object of another job's shuffle", 'work/other/shuffle/m-00000'],
    ["another job's request", 'jobs/other/request.json'],
    ['the plans of all jobs', 'jobs/*/plan/*'],
    ['other requests', 'requests/'],
    ['a prefix outside of the readable ones', 'private/'],
    ['a glob above the readable prefixes', '*/salaries.txt'],
    ['a glob that begins above the internal prefixes', '{work,data}/**'],
    ['an escaped wildcard', 'wor\\k/other/shuffle/m-00000'],
    ['a key that starts with a slash', '/work/other/shuffle/m-00000'],
    ['a way up and down again', 'data/../work/other/shuffle/m-00000'],
  ])('%s is refused before anything is read', async (_what, input) => {
    await using machine = await machineWith();

    const ended = await machine.execute({ jobId: 'spy', request: { app: 'copy', inputs: [input] } });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
    const { cause } = (ended as { failure: { cause: string } }).failure;
    expect(cause).toContain(input);
    expect(machine.log).toEqual(['plan']);
    expect(await resultOf(machine, 'output/spy/')).toBe('');
  });

  it('a prefix that the deployment may not read is refused, and the message names the readable ones', async () => {
    await using machine = await machineWith();
    machine.readablePrefixes = ['lake/', 'data/'];

    const ended = await machine.execute({ jobId: 'spy', request: { app: 'copy', inputs: ['input/x/'] } });

    expect(ended).toMatchObject({
      status: 'FAILED',
      failure: {
        error: 'UsageError',
        cause: expect.stringContaining(
          "the input 'input/x/' is outside the prefixes that jobs of this deployment may read: 'lake/', 'data/'",
        ),
      },
    });
  });

  it('the result of another job is allowed', async () => {
    await using machine = await machineWith({ 'output/other/part-m-00000.txt': 'chained\n' });

    const ended = await machine.execute({
      jobId: 'next',
      request: { app: 'copy', inputs: ['output/other/part-*'] },
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(await resultOf(machine, 'output/next/')).toBe('chained\n');
  });

  it('a key with ?, #, %, + or two slashes reads exactly that key', async () => {
    const keys = ['data/what?.txt', 'data/a#b.txt', 'data/%2e%2e.txt', 'data/a+b.txt', 'data//twice.txt'];
    await using machine = await machineWith(Object.fromEntries(keys.map((key) => [key, `${key}\n`])));

    const ended = await machine.execute({ jobId: 'odd', request: { app: 'copy', inputs: keys } });

    expect(ended.status).toBe('SUCCEEDED');
    expect(await resultOf(machine, 'output/odd/')).toBe(`${keys.join('\n')}\n`);
  });
});

describe('a deployment whose jobs may read the whole bucket', () => {
  it('still excludes the intermediates of other jobs from every glob', async () => {
    await using machine = await machineWith();
    machine.readablePrefixes = [''];

    const ended = await machine.execute({ jobId: 'all', request: { app: 'copy', inputs: ['**/*'] } });

    expect(ended.status).toBe('SUCCEEDED');
    // A deployment that may read everything may also read private/.
    expect(await resultOf(machine, 'output/all/')).toBe('open\nsecret\n');
  });

  it.each(['work/', 'jobs/other/request.json', 'requests/*.json'])('refuses %s by name', async (input) => {
    await using machine = await machineWith();
    machine.readablePrefixes = [''];

    const ended = await machine.execute({ jobId: 'spy', request: { app: 'copy', inputs: [input] } });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
  });
});

describe('a map task that is invoked by hand', () => {
  it('does not read a piece that a request could not name', async () => {
    await using machine = await machineWith();
    await machine.execute({ jobId: 'mine', request: { app: 'copy', inputs: ['data/'] } });
    const key = 'work/other/shuffle/m-00000';
    const { sizeBytes, etag } = (await machine.store.head(key))!;
    const file = { key, sizeBytes, etag, compression: 'none' };
    const pieces = [{ file, startBytes: 0, endBytes: sizeBytes }];
    const event = v.parse(mapEventSchema, { jobId: 'mine', item: { index: 7, pieces }, dryRun: true });

    await expect(
      mapStep(event, machine.environment, { requestId: 'by-hand', remainingMs: () => 600_000 }),
    ).rejects.toMatchObject({ name: 'UsageError', message: expect.stringContaining(key) });
  });

  it('commits nothing if the job has no task with this index', async () => {
    await using machine = await machineWith();
    await machine.store.put('data/more', Buffer.from('one\ntwo\n'));
    await machine.execute({ jobId: 'beyond', request: { app: 'copy', inputs: ['data/'] } });
    const { sizeBytes, etag } = (await machine.store.head('data/more'))!;
    const file = { key: 'data/more', sizeBytes, etag, compression: 'none' };
    const pieces = [{ file, startBytes: 0, endBytes: sizeBytes }];
    const event = v.parse(mapEventSchema, { jobId: 'beyond', item: { index: 70, pieces } });

    await expect(
      mapStep(event, machine.environment, { requestId: 'by-hand', remainingMs: () => 600_000 }),
    ).rejects.toMatchObject({ name: 'UsageError', message: expect.stringContaining('the index 70') });
    for await (const { key } of machine.store.list('output/beyond/')) expect(key).not.toContain('00070');
  });

  it.each([1e21, 2 ** 53, -1, 0.5])('does not accept the index %d', (index) => {
    expect(v.safeParse(mapEventSchema, { jobId: 'mine', item: { index } }).success).toBe(false);
  });
});

describe('a listing that the role does not allow', () => {
  it.each([
    ['map', 'work/'],
    ['plan', 'work/other/shuffle/'],
    ['plan', 'jobs/'],
    ['plan', ''],
    ['reduce', 'data/'],
    ['watch', 'input/'],
  ] as const)('%s may not list %j', async (who, prefix) => {
    await using machine = await machineWith();
    const access = bucketAccess(who, ['data/', 'output/']);
    const store = new RestrictedStore(machine.store, { who, access });

    await expect(store.list(prefix).next()).rejects.toThrow(`the role of ${who} may not list`);
  });
});
