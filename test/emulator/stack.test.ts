import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FailureDocument } from '../../src/aws/protocol/documents.ts';
import { parseAttempts } from '../../src/report/parse-attempts.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { embedded } from './helpers/embedded.ts';
import { until } from './helpers/until.ts';
import { selected } from './selection.ts';
import { takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

describeOnEmulators('The deployed stack', (emulator) => {
  let stack: DeployedStack;
  /** The test and the functions share this folder. */
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mapreduce-stack-test-'));
    const shared = await takeStack(emulator);
    stack = shared.stack;
    console.error(`${emulator.name}: cdk deploy took ${(stack.deployMs / 1000).toFixed(1)} s`);
    return async () => {
      await shared.release();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    };
  });

  test('an upload becomes a result within seconds, with the bytes of the embedded run', async () => {
    const text = 'hello world\nhello again\n';
    await writeFile(join(folder, 'hello.txt'), text);
    await stack.put('input/word-count/warm.txt', text);
    await stack.next();

    const startedMs = performance.now();
    await stack.put('input/word-count/hello.txt', text);
    const ended = await stack.next();
    const elapsedMs = performance.now() - startedMs;

    console.error(`${emulator.name}: upload to _SUCCESS ${(elapsedMs / 1000).toFixed(2)} s`);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: 1 } });
    expect(await stack.get(`${ended.output.outputPrefix}_SUCCESS`)).toHaveLength(0);
    const { parts } = await stack.result(ended.output.outputPrefix);
    const expected = await embedded('apps/word-count/job.ts', [join(folder, 'hello.txt')]);
    expect(parts).toEqual(expected.parts);
    expect(await stack.keys(`work/${ended.output.jobId}/`)).toEqual([]);
  });

  describe('a request', () => {
    test('for a map-only job skips the reduce stage', async () => {
      await stack.put('data/lines/a.txt', 'an apple\na pear\n');
      await stack.put('data/lines/b.txt', 'another apple\n');
      const request = { app: 'grep', inputs: ['data/lines/'], params: { pattern: 'apple' } };

      const ended = await stack.start({ jobId: uniqueName('grep'), request });

      expect(ended.status).toBe('SUCCEEDED');
      const { parts, report } = await stack.result(ended.output.outputPrefix);
      expect(report.stages.map(({ stage }) => stage)).toEqual(['map']);
      const text = Buffer.concat([...parts.values()]).toString();
      expect(text).toContain('an apple');
      expect(text).toContain('another apple');
      expect(text).not.toContain('pear');
    });

    test.runIf(selected(emulator, 'options of a job'))('says how many of its tasks run at once', async () => {
      await stack.put('data/one-by-one.txt', 'a line\n'.repeat(6));
      const request = { app: 'word-count', inputs: ['data/one-by-one.txt'], splitSizeBytes: 7, reducers: 2 };

      const ended = await stack.start({
        jobId: uniqueName('one-by-one'),
        request: { ...request, maxConcurrency: 1 },
      });

      expect(ended.status).toBe('SUCCEEDED');
      const list = (await stack.get(`${ended.output.outputPrefix}_attempts.jsonl.gz`))!;
      const attempts = parseAttempts(list, 'the list')
        .map(({ startedAt, endedAt }) => ({
          startedMs: Date.parse(startedAt!),
          endedMs: Date.parse(endedAt),
        }))
        .sort((a, b) => a.startedMs - b.startedMs);
      expect(attempts).toHaveLength(8);
      for (const [index, { startedMs }] of attempts.entries()) {
        expect(startedMs).toBeGreaterThanOrEqual(attempts[index - 1]?.endedMs ?? 0);
      }
    });

    test.runIf(selected(emulator, 'options of a job'))('with merge gives one sorted object', async () => {
      const request = { app: 'word-count', inputs: ['data/lines/'], reducers: 3, merge: true };

      const ended = await stack.start({ jobId: uniqueName('merge'), request });

      expect(ended.status).toBe('SUCCEEDED');
      const { parts } = await stack.result(ended.output.outputPrefix);
      expect([...parts].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
        ['merged.tsv', 'a\t1\nan\t1\nanother\t1\napple\t2\npear\t1\n'],
      ]);
    });
  });

  describe('an event that is delivered twice', () => {
    test.runIf(selected(emulator, 'options of a job'))('runs its job once', async () => {
      await stack.put('input/word-count/twice.txt', 'once\n');
      const first = await stack.next();

      const second = await stack.start(first.input);

      expect(first).toMatchObject({ status: 'SUCCEEDED', output: { parts: 1 } });
      expect(second).toMatchObject({ status: 'SUCCEEDED', output: { next: 'end' } });
    });
  });

  describe('attempts that fail', () => {
    const input = 'one two three\ntwo three\nthree\n';
    const expected = 'one\t1\nthree\t3\ntwo\t2\n';

    const faultyJob = async (params: Record<string, string>) => {
      const markers = await mkdtemp(join(folder, 'markers-'));
      await stack.put('data/numbers.txt', input);
      const jobId = uniqueName('faulty');
      const request = {
        app: 'faulty-count',
        inputs: ['data/numbers.txt'],
        splitSizeBytes: 16,
        reducers: 2,
        merge: true,
      };
      const ended = await stack.start({ jobId, request: { ...request, params: { markers, ...params } } });
      return { jobId, ended, markers };
    };

    const kinds = [
      ['map', 'throw', 'UserCodeError'],
      ['reduce', 'exit', 'WorkerDiedError'],
      ['map', 'exit', 'WorkerDiedError'],
      ['reduce', 'throw', 'UserCodeError'],
    ] as const;
    test.each(selected(emulator, 'every kind of failed attempt') ? kinds : kinds.slice(0, 2))(
      'if every first attempt of %s tasks fails by %s, the result is the same, and the report shows the failures',
      async (stage, fault, error) => {
        const { ended, markers } = await faultyJob({ stage, fault });

        expect(ended.status).toBe('SUCCEEDED');
        const { parts, report } = await stack.result(ended.output.outputPrefix);
        expect(parts.get('merged.tsv')!.toString()).toBe(expected);
        const fired = (await readdir(markers)).length;
        expect(fired).toBeGreaterThanOrEqual(2);
        expect(report.failures).toHaveLength(fired);
        expect(new Set(report.failures.map((failure) => failure.error.name))).toEqual(new Set([error]));
      },
    );

    test.runIf(selected(emulator, 'every kind of failed attempt'))(
      'permanently end the job, and the failure shows the file, the offset and the stack',
      async () => {
        const { jobId, ended } = await faultyJob({ poison: 'two three' });

        expect(ended.status).toBe('FAILED');
        expect(ended.cause).toContain('cannot swallow');
        const failure = await stack.getJson<FailureDocument>(`jobs/${jobId}/failure.json`);
        expect(failure.message).toMatch(/UserCodeError: map\(\) threw TypeError: cannot swallow/);
        expect(failure.details).toMatchObject({ file: 'data/numbers.txt', phase: 'map' });
        expect(failure.details.offsetBytes).toBeTypeOf('number');
        expect(failure.details.userStack).toMatch(/faulty-count\.ts:\d+/);
        expect(await stack.keys(`output/${jobId}/`)).not.toContain(`output/${jobId}/_SUCCESS`);
      },
    );
  });

  describe('an invalid request', () => {
    const invalid = [
      ['is not JSON', '{"app": ', 'is not JSON'],
      [
        'has a wrong field',
        '{"app": "word-count", "inputs": ["data/x"], "reducers": -1}',
        'reducers: must be a whole number',
      ],
      ['names an unknown app', '{"app": "word-cont", "inputs": ["data/x"]}', "Did you mean 'word-count'"],
      [
        'names an input that does not exist',
        '{"app": "word-count", "inputs": ["data/nowhere/*"]}',
        'data/nowhere',
      ],
    ] as const;
    const all = selected(emulator, 'every kind of invalid request');
    test.each(all ? invalid : invalid.slice(0, 1))(
      'that %s fails its execution and gets a message beside it',
      async (_, body, message) => {
        const name = uniqueName('bad');

        await stack.put(`requests/${name}.json`, body);
        const ended = await stack.next();

        expect(ended.status).toBe('FAILED');
        expect(ended.cause).toContain(message);
        const beside = await stack.getJson<FailureDocument>(`requests/${name}.failure.json`);
        expect(beside.message).toContain(message);
        expect(await stack.getJson(`jobs/${beside.jobId}/failure.json`)).toEqual(beside);
        // The failure note is an upload too, but starts nothing.
        expect(await stack.next()).toMatchObject({ status: 'SUCCEEDED', output: { next: 'end' } });
      },
    );

    test.runIf(all)('whose job id belongs to another job leaves that job alone', async () => {
      await stack.put('data/lines/a.txt', 'an apple\n');
      const jobId = uniqueName('taken');
      const request = { app: 'word-count', inputs: ['data/lines/a.txt'] };
      await stack.start({ jobId, request });

      const second = await stack.start({ jobId, request });

      expect(second).toMatchObject({ status: 'FAILED', error: 'JobAlreadyClaimedError' });
      expect(await stack.get(`jobs/${jobId}/failure.json`)).toBeUndefined();
    });
  });

  test.each([
    ['an inline', 40, 'MapInline'],
    ['a Distributed', 41, 'MapStage'],
  ])('%s Map runs a stage of %i tasks', async (_, tasks, state) => {
    const key = `data/small-${tasks}.txt`;
    await stack.put(key, 'word\n'.repeat(tasks));
    const request = { app: 'word-count', inputs: [key], splitSizeBytes: 5, reducers: 1 };

    const startedMs = performance.now();
    const ended = await stack.start({ jobId: uniqueName('small'), request });
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);

    expect(ended.status).toBe('SUCCEEDED');
    const { parts, report } = await stack.result(ended.output.outputPrefix);
    expect(parts.get('part-r-00000.tsv')!.toString()).toBe(`word\t${tasks}\n`);
    expect(report.stages[0]).toMatchObject({ tasks, attempts: tasks, failedAttempts: 0 });
    const { states, events } = await stack.history(ended.arn);
    expect(states).toContain(state);
    console.error(
      `${emulator.name}: ${tasks} map tasks: ${seconds} s, ${events} events in the history of the job`,
    );
  });

  test('a straggler gets a backup attempt, and stops when that one has committed', async () => {
    const markers = await mkdtemp(join(folder, 'markers-'));
    const line = `${'w'.repeat(50_000)}\n`;
    for (let file = 0; file < 3; file++) await stack.put(`data/race/fast-${file}.txt`, line.repeat(320));
    await stack.put('data/race/slow.txt', `${line.repeat(319)}${' '.repeat(50_000)}the end\n`);
    const request = { app: 'faulty-count', inputs: ['data/race/'], splitSizeBytes: 16_000_000, reducers: 1 };
    const jobId = uniqueName('race');

    const arn = await stack.started({ jobId, request: { ...request, params: { fault: 'slow', markers } } });
    await until('the commits of all tasks, that of the slow one by its backup attempt', async () => {
      const settings = await stack.get(`jobs/${jobId}/plan/settings.json`);
      if (settings === undefined) return undefined;
      const committed = await stack.keys(`work/${jobId}/shuffle/`);
      return committed.length === JSON.parse(settings.toString()).tasks.map ? committed : undefined;
    });
    await writeFile(join(markers, 'others done'), '');
    const ended = await stack.ended(arn);

    expect(ended.status).toBe('SUCCEEDED');
    const { parts, report } = await stack.result(ended.output.outputPrefix);
    expect(parts.get('part-r-00000.tsv')!.toString()).toBe(`end\t1\nthe\t1\n${'w'.repeat(50_000)}\t1279\n`);
    expect(report.stages[0]).toMatchObject({ stage: 'map', failedAttempts: 0, backupAttempts: 1 });
    expect(await readdir(markers)).not.toContain('the slow attempt has ended');
  });

  test('a redrive resumes from what is committed', async () => {
    const markers = await mkdtemp(join(folder, 'markers-'));
    const jobId = uniqueName('redriven');
    await stack.put('data/redrive.txt', 'good good good\nbad bad bad\n');
    const request = { app: 'faulty-count', inputs: ['data/redrive.txt'], splitSizeBytes: 15, reducers: 1 };
    const params = { markers, poison: 'bad', poisonWaits: true };
    const arn = await stack.started({ jobId, request: { ...request, params } });
    const shuffleObjects = () => stack.keys(`work/${jobId}/shuffle/`);
    await until('the commit of the good task', async () => (await shuffleObjects())[0]);
    await writeFile(join(markers, 'others done'), '');
    const failed = await stack.ended(arn);
    expect(failed.status).toBe('FAILED');
    const before = await shuffleObjects();

    await writeFile(join(markers, 'cured'), '');
    const redriven = await stack.start({ jobId, redrive: true });

    expect(before).toEqual([`work/${jobId}/shuffle/m-00000`]);
    expect(redriven.status).toBe('SUCCEEDED');
    const { parts } = await stack.result(redriven.output.outputPrefix);
    expect(parts.get('part-r-00000.tsv')!.toString()).toBe('bad\t3\ngood\t3\n');
    expect(await stack.get(`jobs/${jobId}/failure.json`)).toBeUndefined();
  });
});
