/**
 * Causes faults that occur on AWS. Either the result has the bytes of an undisturbed run, or the failure says what to
 * do; the report shows what happened. stack.test.ts has more: first attempts that throw, events that are delivered
 * twice, stragglers, redrives.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FailureDocument } from '../../src/aws/protocol/documents.ts';
import type { MapItem } from '../../src/aws/protocol/job-state.ts';
import type { JobReport } from '../../src/report/report.ts';
import { startS3FaultProxy } from '../helpers/s3-fault-proxy.ts';
import type { DeployedStack, EndedExecution } from './deployed-stack.ts';
import { embedded } from './helpers/embedded.ts';
import { until } from './helpers/until.ts';
import { selected } from './selection.ts';
import { takeStack } from './shared-stack.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

const JOB = 'test/emulator/jobs/troubled-count.ts';

/** Three splits. The middle of the second contains a word that occurs nowhere else. */
const LINES = Array.from(
  { length: 150 },
  (_, line) => `the ${line % 7 === 0 ? 'seventh' : 'other'} line of ${line === 75 ? 'Trouble' : 'many'}\n`,
);
const INPUT = LINES.join('');
const CUT = { splitSizeBytes: Math.ceil(INPUT.length / 3), reducers: 2 };
const WORD = 'Trouble';

describeOnEmulators('Faults', (emulator) => {
  let stack: DeployedStack;
  /** The test and the functions share this folder. */
  let folder: string;
  let expected: { parts: Map<string, Buffer>; report: JobReport };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mapreduce-faults-'));
    await writeFile(join(folder, 'input.txt'), INPUT);
    expected = await embedded(JOB, [join(folder, 'input.txt')], CUT);
    const shared = await takeStack(emulator);
    stack = shared.stack;
    await stack.put('data/troubled.txt', INPUT);
    return async () => {
      await shared.release();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    };
  });

  const startJob = async (params: Record<string, string>, request: object = {}) => {
    const meetIn = await mkdtemp(join(folder, 'meet-'));
    const jobId = uniqueName('troubled');
    const arn = await stack.started({
      jobId,
      request: {
        app: 'troubled-count',
        inputs: ['data/troubled.txt'],
        ...CUT,
        params: { word: WORD, meetIn, ...params },
        ...request,
      },
    });
    return { jobId, meetIn, ended: () => stack.ended(arn) };
  };

  const resultOf = async (ended: EndedExecution): Promise<JobReport> => {
    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    const { parts, report } = await stack.result(ended.output.outputPrefix);
    expect(parts).toEqual(expected.parts);
    // The counters of committed attempts count each record once.
    expect(report.counters).toEqual(expected.report.counters);
    return report;
  };

  describe('a job survives an attempt that is killed in the middle of its records', () => {
    test.runIf(selected(emulator, 'every kind of failed attempt')).each(['map', 'reduce'])(
      'by SIGKILL to the process of its %s function',
      async (stage) => {
        const job = await startJob({ [stage]: 'stand still' });

        const [pid] = await standingStill(job.meetIn, 1);
        process.kill(pid!, 'SIGKILL');

        const report = await resultOf(await job.ended());
        expect(failuresOf(report)).toEqual([[stage === 'map' ? 'm-00001' : 'r', 'WorkerDiedError']]);
        expect(report.failures[0]!.error.message).toContain('signal: killed');
        expect(stageOf(report, stage)).toMatchObject({ failedAttempts: 1, attempts: tasksOf(stage) + 1 });
      },
    );

    test.runIf(selected(emulator, 'every kind of failed attempt')).each([
      ['map', 'buffers'],
      ['reduce', 'heap'],
    ])('because it runs out of memory, in %s, with %s', async (stage, keeps) => {
      const job = await startJob({ [stage]: keeps });

      const report = await resultOf(await job.ended());

      expect(await readdir(job.meetIn)).toHaveLength(1);
      expect(failuresOf(report)).toEqual([[stage === 'map' ? 'm-00001' : 'r', 'WorkerOutOfMemoryError']]);
      expect(stageOf(report, stage)).toMatchObject({ failedAttempts: 1, attempts: tasksOf(stage) + 1 });
    });

    test.runIf(selected(emulator, 'every kind of failed attempt'))(
      'because it exceeds the time limit of its function',
      async () => {
        // The limit applies to all other attempts too, so it must be long enough for them on a busy machine.
        const restore = await stack.configure('map', { timeoutSeconds: 20 });
        try {
          const job = await startJob({ map: 'hang' });

          const report = await resultOf(await job.ended());

          expect(await readdir(job.meetIn)).toHaveLength(1);
          expect(failuresOf(report)).toEqual([['m-00001', 'TaskTimedOutError']]);
          expect(report.failures[0]!.error.message).toContain('20.00 seconds');
        } finally {
          await restore();
        }
      },
    );
  });

  test.runIf(selected(emulator, 'every kind of failed attempt'))(
    'if two attempts of a map or reduce task run at once, one commits and the other ends without an error',
    async () => {
      const job = await startJob({ map: 'stand still', reduce: 'stand still', attempts: 'all' });
      const another = async (stage: 'map' | 'reduce') => {
        const [first] = await standingStill(job.meetIn, 1, stage);
        const index = stage === 'map' ? 1 : await partitionOfWord();
        const invoked = stack.invoke(stage, { jobId: job.jobId, item: { index } });
        const pids = await standingStill(job.meetIn, 2, stage);
        expect(pids).toContain(first);
        const objects = await stack.keys(`work/${job.jobId}/shuffle/`);
        await resume(job.meetIn, stage);
        return { answer: await invoked, objects, index };
      };

      const map = await another('map');
      const reduce = await another('reduce');

      const report = await resultOf(await job.ended());
      expect(map.answer).toEqual({ failed: false, answer: null });
      expect(reduce.answer).toEqual({ failed: false, answer: null });
      expect(reduce.objects).toEqual(
        ['m-00000', 'm-00001', 'm-00002'].map((task) => `work/${job.jobId}/shuffle/${task}`),
      );
      expect(await stack.keys(`output/${job.jobId}/part-`)).toHaveLength(2);
      expect(report.failures).toEqual([]);
      for (const [stage, { index }] of [['map', map] as const, ['reduce', reduce] as const]) {
        const commits = await until(`the logs of both attempts of ${stage}`, async () => {
          const ofTask = (await stack.logged(stage, job.jobId)).filter(
            ({ message, task }) => message === 'done' && task === index,
          );
          // An attempt that saw the other's commit before its own has no result.
          return ofTask.length < 2 ? undefined : ofTask.map(({ result }) => result?.committed === true);
        });
        expect(commits.sort()).toEqual([false, true]);
      }
    },
  );

  describe('a task whose output is lost', () => {
    test('runs again if its child succeeded, in map and in reduce', async () => {
      const job = await startJob({ map: 'stand still', reduce: 'stand still' });
      const lose = async (prefix: string) => {
        const key = await until(`something at ${prefix}`, async () => (await stack.keys(prefix))[0]);
        await stack.remove(key);
        return Number(/[mr]-(\d+)/.exec(key.slice(prefix.lastIndexOf('/')))![1]);
      };

      await standingStill(job.meetIn, 1, 'map');
      const lostMap = await lose(`work/${job.jobId}/shuffle/m-`);
      await resume(job.meetIn, 'map');
      await standingStill(job.meetIn, 1, 'reduce');
      const lostReduce = await lose(`output/${job.jobId}/part-r-`);
      await resume(job.meetIn, 'reduce');

      const report = await resultOf(await job.ended());
      expect(report.failures).toEqual([]);
      const again = async (stage: string) =>
        (await stack.getJson<MapItem[]>(`jobs/${job.jobId}/plan/${stage}-round-2.json`)).map(
          ({ index }) => index,
        );
      expect(await again('map')).toEqual([lostMap]);
      expect(await again('reduce')).toEqual([lostReduce]);
    });

    test.each([
      ...(selected(emulator, 'every kind of failed attempt') ? [['an inline', '40'] as const] : []),
      ['a Distributed', '0'] as const,
    ])(
      'because its function in %s Map cannot read from S3 either runs again or fails the job with a clear error',
      async (map, inlineTasksMax) => {
        await using proxy = await startS3FaultProxy({ target: emulator.endpoint });
        const restored = [
          await stack.configure('map', { variables: { AWS_ENDPOINT_URL_S3: proxy.endpoint } }),
          await stack.configure('plan', { variables: { MAPREDUCE_INLINE_TASKS_MAX: inlineTasksMax } }),
        ];
        try {
          // The settings, and the note of the attempt that could not read them.
          proxy.failNext('GetObject', 'denied');
          proxy.failNext('PutObject', 'denied');
          const job = await startJob({}, { splitSizeBytes: INPUT.length });

          const ended = await job.ended();

          expect(proxy.fired.denied).toBe(2);
          // LocalStack loses failed children of a Distributed Map.
          if (emulator.name === 'LocalStack' && map === 'a Distributed') {
            await resultOf(ended);
            expect(await stack.keys(`jobs/${job.jobId}/plan/map-round-2.json`)).toHaveLength(1);
          } else {
            expect(ended.status).toBe('FAILED');
            const failure = await stack.getJson<FailureDocument>(`jobs/${job.jobId}/failure.json`);
            expect(failure.nextSteps.map(({ text }) => text).join()).toContain(`mapreduce logs ${job.jobId}`);
          }
        } finally {
          await Promise.all(restored.map((restore) => restore()));
        }
      },
    );
  });

  describe('a damaged intermediate', () => {
    test.runIf(selected(emulator, 'damaged or changed data')).each(['shuffle-index', 'shuffle/m-00000'])(
      '%s is recreated when a retried attempt finds the damage',
      async (name) => {
        const job = await startJob({ reduce: 'stand still' });

        const [pid] = await standingStill(job.meetIn, 1);
        await flipByte(`work/${job.jobId}/${name}`);
        process.kill(pid!, 'SIGKILL');

        const report = await resultOf(await job.ended());
        expect(new Set(failuresOf(report).map(([, error]) => error))).toEqual(
          new Set(['WorkerDiedError', 'CorruptShuffleError']),
        );
        expect(stageOf(report, 'map')).toMatchObject({ attempts: tasksOf('map'), failedAttempts: 0 });
      },
    );

    test.runIf(selected(emulator, 'damaged or changed data'))(
      'the run of a part is recreated when the commit of a merged result finds the damage',
      async () => {
        const job = await startJob({ reduce: 'stand still' }, { merge: true });

        await standingStill(job.meetIn, 1);
        const key = await until('the run of the other reducer', async () => {
          return (await stack.keys(`work/${job.jobId}/merge/`))[0];
        });
        await flipByte(key);
        await resume(job.meetIn);

        const ended = await job.ended();
        expect(ended).toMatchObject({ status: 'SUCCEEDED' });
        const merged = (await stack.get(`output/${job.jobId}/merged.tsv`))!.toString();
        const lines = [...expected.parts.values()].flatMap((part) => part.toString().split(/(?<=\n)/));
        expect(merged).toBe(lines.sort().join(''));
        const { report } = await stack.result(ended.output.outputPrefix);
        expect(failuresOf(report)).toEqual([['r', 'CorruptShuffleError']]);
        expect(stageOf(report, 'reduce')).toMatchObject({ attempts: CUT.reducers + 1, failedAttempts: 1 });
      },
    );

    /** Flips a bit in the first block of a shuffle object, or in the names of the index. */
    const flipByte = async (key: string) => {
      const bytes = Buffer.from((await stack.get(key))!);
      bytes[30]! ^= 1;
      await stack.put(key, bytes);
    };
  });

  test.runIf(selected(emulator, 'damaged or changed data'))(
    'a job is not affected if S3 answers every tenth request with 503',
    async () => {
      await using proxy = await startS3FaultProxy({
        target: emulator.endpoint,
        seed: 7,
        faults: { 'slow-down': 0.1 },
      });
      const restored = await Promise.all(
        (['plan', 'map', 'map-barrier', 'reduce', 'reduce-barrier', 'commit'] as const).map((name) =>
          stack.configure(name, { variables: { AWS_ENDPOINT_URL_S3: proxy.endpoint } }),
        ),
      );
      try {
        const job = await startJob({});

        const report = await resultOf(await job.ended());

        expect(proxy.fired['slow-down']).toBeGreaterThanOrEqual(3);
        expect(proxy.requests.length).toBeGreaterThan(30);
        expect(report.failures).toEqual([]);
      } finally {
        await Promise.all(restored.map((restore) => restore()));
      }
    },
  );

  test.runIf(selected(emulator, 'damaged or changed data'))(
    'if an input is overwritten while the job runs, the failure names it and says what to do',
    async () => {
      await stack.put('data/changing/a.txt', `before ${WORD} after\n`);
      await stack.put('data/changing/b.txt', 'as it was\n'.repeat(30_000));
      // Both files are in one split. The second is too large to be read ahead, so the task reads it after the first.
      const job = await startJob(
        { map: 'stand still' },
        { inputs: ['data/changing/'], splitSizeBytes: 1_000_000, reducers: 1 },
      );

      await standingStill(job.meetIn, 1);
      await stack.put('data/changing/b.txt', 'as it is now\n');
      await resume(job.meetIn);
      const ended = await job.ended();

      expect(ended.status).toBe('FAILED');
      expect(ended.error).toBe('InputChangedError');
      const failure = await stack.getJson<FailureDocument>(`jobs/${job.jobId}/failure.json`);
      expect(failure).toMatchObject({ error: 'InputChangedError', details: { taskId: 'm-00000' } });
      expect(failure.details.file).toContain('data/changing/b.txt');
      expect(failure.message).toMatch(/data\/changing\/b\.txt changed while the job ran/);
      expect(failure.nextSteps.map(({ text }) => text).join()).toContain('Submit the job again');
      // Another attempt could not succeed.
      expect(failure.failedAttempts).toHaveLength(1);
      // The claim of the job stays, because a redrive resumes there.
      expect(await stack.keys(`output/${job.jobId}/`)).toEqual([`output/${job.jobId}/_JOB`]);
    },
  );

  const partitionOfWord = async () =>
    [...expected.parts.values()].findIndex((part) => part.toString().includes(`${WORD}\t`));

  const tasksOf = (stage: string) => (stage === 'map' ? expected.report.input.splits : CUT.reducers);
});

/**
 * The task and the error of each failure. Reduce tasks have no number here, because it depends on the hash of the word.
 */
function failuresOf({ failures }: JobReport): [task: string, error: string][] {
  return failures.map(({ taskId, error }) => [taskId.startsWith('r') ? 'r' : taskId, error.name]);
}

function stageOf({ stages }: JobReport, stage: string): JobReport['stages'][number] {
  return stages.find((report) => report.stage === stage)!;
}

/** Waits until this many attempts stand still, and returns the ids of their processes. */
async function standingStill(meetIn: string, attempts: number, stage?: 'map' | 'reduce'): Promise<number[]> {
  return await until(`${attempts} attempts at the word in ${meetIn}`, async () => {
    const pids = (await markersOf(meetIn, stage)).map((name) => Number(name.split('.').at(-1)));
    return pids.length < attempts ? undefined : pids;
  });
}

async function resume(meetIn: string, stage?: 'map' | 'reduce'): Promise<void> {
  for (const name of await markersOf(meetIn, stage)) await writeFile(join(meetIn, `${name}.go`), '');
}

async function markersOf(meetIn: string, stage?: 'map' | 'reduce'): Promise<string[]> {
  return (await readdir(meetIn))
    .filter((name) => /\.\d+$/.test(name))
    .filter((name) => stage === undefined || name.startsWith('reduce') === (stage === 'reduce'));
}
