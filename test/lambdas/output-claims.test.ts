import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { claimOutput } from '../../lambdas/steps/output.ts';
import { takeClaim } from '../../lambdas/steps/output-claim.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import { readDocument } from '../../src/aws/protocol/documents.ts';
import { reduceEventSchema } from '../../src/aws/protocol/job-state.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { jobId } from '../../src/base/ids.ts';
import type { JobReport } from '../../src/report/report.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo, ReadOptions, Upload, WriteOptions } from '../../src/storage/object-store.ts';
import { wordCount } from '../helpers/jobs.ts';
import { type Ended, SimulatedMachine } from './simulated-machine.ts';

/** Calls back once, just before a key is first written, read or removed. */
class InterruptedStore extends MemoryStore {
  readonly #before = new Map<string, () => Promise<void>>();

  before(event: `${'put' | 'get' | 'delete'} ${string}`, act: () => Promise<void>): void {
    this.#before.set(event, act);
  }

  get left(): string[] {
    return [...this.#before.keys()];
  }

  async #interrupt(event: string): Promise<void> {
    const act = this.#before.get(event);
    this.#before.delete(event);
    await act?.();
  }

  override async put(key: string, body: Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
    await this.#interrupt(`put ${key}`);
    return await super.put(key, body, options);
  }

  override async get(key: string, options?: ReadOptions): Promise<Buffer> {
    await this.#interrupt(`get ${key}`);
    return await super.get(key, options);
  }

  override async upload(key: string, options?: Parameters<MemoryStore['upload']>[1]): Promise<Upload> {
    const upload = await super.upload(key, options);
    return {
      write: (chunk) => upload.write(chunk),
      complete: async (condition) => {
        await this.#interrupt(`put ${key}`);
        return await upload.complete(condition);
      },
      abort: () => upload.abort(),
    };
  }

  override async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#interrupt(`delete ${key}`);
    await super.delete(keys);
  }
}

async function machineWith(
  objects: Readonly<Record<string, string>> = {},
): Promise<SimulatedMachine & { readonly store: InterruptedStore }> {
  const store = new InterruptedStore();
  const machine = await SimulatedMachine.start({ count: wordCount }, store);
  const inputs = { 'data/old.txt': 'old words\n', 'data/new.txt': 'one two\ntwo\n' };
  for (const [key, text] of Object.entries({ ...inputs, ...objects }))
    await store.put(key, Buffer.from(text));
  return machine as SimulatedMachine & { readonly store: InterruptedStore };
}

const OLD = { app: 'count', inputs: ['data/old.txt'], reducers: 2 };
const NEW = { app: 'count', inputs: ['data/new.txt'], reducers: 2 };
const NEW_COUNTS = ['one\t1', 'two\t2'];

async function namesIn(machine: SimulatedMachine, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of machine.store.list(prefix)) names.push(key.slice(prefix.length));
  return names;
}

/** Checks that the result is complete and that only this job wrote it. */
async function expectResultOf(machine: SimulatedMachine, jobId: string, prefix: string): Promise<void> {
  const report = await readDocument<JobReport>(machine.store, `${prefix}manifest.json`);
  const parts = report.parts.map(({ name }) => name);
  expect(report.jobId).toBe(jobId);
  expect(await namesIn(machine, prefix)).toEqual(
    ['_JOB', '_SUCCESS', '_attempts.jsonl.gz', '_report.html', 'manifest.json', ...parts].sort(),
  );
  const texts = await Promise.all(parts.map((name) => machine.store.get(`${prefix}${name}`)));
  expect(Buffer.concat(texts).toString().trim().split('\n').sort()).toEqual(NEW_COUNTS);
}

const causeOf = (ended: unknown) => (ended as { failure: { cause: string } }).failure.cause;

describe("a job's default output", () => {
  it('is claimed as soon as the job is planned, so another job that names it is refused', async () => {
    await using machine = await machineWith();
    let other: Ended | undefined;

    const first = await machine.execute(
      { jobId: 'first', request: NEW },
      {
        async beforeAttempt() {
          other ??= await machine.execute({ jobId: 'other', request: { ...OLD, output: 'output/first/' } });
        },
      },
    );

    expect(other).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(causeOf(other)).toContain('it belongs to job first');
    expect(first.status).toBe('SUCCEEDED');
    await expectResultOf(machine, 'first', 'output/first/');
  });

  it('keeps the result if an invocation of plan that should replace others runs on after the commit', async () => {
    await using machine = await machineWith();
    const output = { jobId: jobId('first'), outputPrefix: 'output/first/', overwrite: true };
    await machine.execute({ jobId: 'first', request: { ...NEW, overwrite: true } });

    await claimOutput(machine.store, output);

    await expectResultOf(machine, 'first', 'output/first/');
  });

  it('can be taken over by another job; the first job is then cancelled and fails', async () => {
    await using machine = await machineWith();
    let other: Ended | undefined;

    const first = await machine.execute(
      { jobId: 'first', request: OLD },
      {
        async beforeCommit() {
          const request = { ...NEW, output: 'output/first/', overwrite: true };
          other = await machine.execute({ jobId: 'other', request });
        },
      },
    );

    expect(other?.status).toBe('SUCCEEDED');
    expect(first).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(await machine.store.head('jobs/first/cancel')).toBeDefined();
    await expectResultOf(machine, 'other', 'output/first/');
    const redriven = await machine.execute({ jobId: 'first', redrive: true });
    expect(causeOf(redriven)).toContain('job other took it over');
    await expectResultOf(machine, 'other', 'output/first/');
  });

  it('is refused to its own job if another job has named it before', async () => {
    await using machine = await machineWith();

    const named = await machine.execute({ jobId: 'early', request: { ...NEW, output: 'output/late/' } });
    const late = await machine.execute({ jobId: 'late', request: OLD });

    expect(named.status).toBe('SUCCEEDED');
    expect(late).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    await expectResultOf(machine, 'early', 'output/late/');
  });
});

describe('a take-over', () => {
  const request = { ...NEW, output: 'output/daily/', overwrite: true };

  it.each([
    ['merged.csv', 'mine'],
    ['part-r-00000.csv', 'mine'],
    ['manifest.json', '{"name":"a web app","start_url":"/"}'],
    ['manifest.json', '[[[['],
    ['_SUCCESS', ''],
  ])('never removes %s that no job wrote (%j), and changes nothing', async (name, text) => {
    await using machine = await machineWith({ [`output/daily/${name}`]: text });

    const ended = await machine.execute({ jobId: 'taking', request });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(causeOf(ended)).toContain(`output/daily/${name}`);
    expect(causeOf(ended)).toContain('no job');
    expect(await namesIn(machine, 'output/daily/')).toEqual([name]);
    expect((await machine.store.get(`output/daily/${name}`)).toString()).toBe(text);
  });

  it('replaces a result of an earlier version, which wrote no claim, using its manifest', async () => {
    await using machine = await machineWith();
    await machine.execute({ jobId: 'before', request: { ...OLD, output: 'output/daily/', reducers: 4 } });
    for (const name of await namesIn(machine, 'output/daily/')) {
      const key = `output/daily/${name}`;
      const bytes = await machine.store.get(key);
      if (name === '_JOB') await machine.store.delete([key]);
      // The objects have no metadata.
      else await machine.store.put(key, bytes);
    }

    const ended = await machine.execute({ jobId: 'taking', request });

    expect(ended.status).toBe('SUCCEEDED');
    await expectResultOf(machine, 'taking', 'output/daily/');
  });

  it('does not change outputs inside the output', async () => {
    await using machine = await machineWith();
    for (const folder of ['merged.2026', 'part-r-00000.d', 'january']) {
      await machine.execute({
        jobId: `in-${folder}`,
        request: { ...NEW, output: `output/daily/${folder}/` },
      });
    }
    await machine.execute({ jobId: 'before', request: { ...OLD, output: 'output/daily/' } });

    const ended = await machine.execute({ jobId: 'taking', request });

    expect(ended.status).toBe('SUCCEEDED');
    for (const folder of ['merged.2026', 'part-r-00000.d', 'january']) {
      await expectResultOf(machine, `in-${folder}`, `output/daily/${folder}/`);
    }
  });

  it('by a job that has itself lost its output is refused, even before it has a plan', async () => {
    await using machine = await machineWith();
    machine.store.before('put jobs/losing/plan/plan.json', async () => {
      await machine.execute({ jobId: 'winning', request });
      throw new MapReduceError('UsageError', 'the plan step ends here');
    });
    await machine.execute({ jobId: 'losing', request: { ...OLD, output: 'output/daily/', overwrite: true } });

    const redriven = await machine.execute({ jobId: 'losing', redrive: true });

    expect(redriven).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    await expectResultOf(machine, 'winning', 'output/daily/');
  });

  it('by two jobs at the same time ends with the complete result of one of them', async () => {
    await using machine = await machineWith();
    await machine.execute({ jobId: 'before', request: { ...OLD, output: 'output/daily/' } });
    let other: Ended | undefined;
    // Both have read the claim of the previous owner.
    machine.store.before('put output/daily/_JOB', async () => {
      machine.store.before('put output/daily/_JOB', async () => {
        machine.store.before('put output/daily/_JOB', async () => {
          other = await machine.execute({ jobId: 'one', request });
        });
      });
    });

    const ended = await machine.execute({ jobId: 'two', request });

    const owner = (await readDocument<{ jobId: string }>(machine.store, 'output/daily/_JOB')).jobId;
    expect([other?.status, ended.status]).toContain('SUCCEEDED');
    await expectResultOf(machine, owner, 'output/daily/');
  });
});

describe('a job that loses its output at the last moment', () => {
  const losing = { ...OLD, reducers: 4, output: 'output/daily/' };
  const winning = { ...NEW, output: 'output/daily/', overwrite: true };

  it.each([
    ['manifest.json', {}],
    ['_report.html', {}],
    ['_SUCCESS', {}],
    ['manifest.json', { merge: true }],
    ['merged.tsv', { merge: true }],
  ])('does not change the result of the next owner if it is about to write %s (%j)', async (name, more) => {
    await using machine = await machineWith();
    let winner: Ended | undefined;
    machine.store.before(`put output/daily/${name}`, async () => {
      winner = await machine.execute({ jobId: 'winner', request: { ...winning, ...more } });
    });

    const loser = await machine.execute({ jobId: 'loser', request: { ...losing, ...more } });

    expect(machine.store.left).toEqual([]);
    expect(winner?.status).toBe('SUCCEEDED');
    expect(loser).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    await expectResultOf(machine, 'winner', 'output/daily/');
  });

  it.each(['manifest.json', '_report.html', '_SUCCESS'])(
    'leaves no _SUCCESS while the next owner runs, if it is about to write %s',
    async (name) => {
      await using machine = await machineWith();
      const loserEnded = Promise.withResolvers<Ended>();
      let winner: Promise<Ended> | undefined;
      let successAfterLoser: ObjectInfo | undefined;
      machine.store.before(`put output/daily/${name}`, async () => {
        const winnerRuns = Promise.withResolvers<void>();
        winner = machine.execute(
          { jobId: 'winner', request: winning },
          {
            async beforeAttempt({ stage }) {
              winnerRuns.resolve();
              if (stage !== 'map') return;
              await loserEnded.promise;
              successAfterLoser = await machine.store.head('output/daily/_SUCCESS');
            },
          },
        );
        await winnerRuns.promise;
      });

      const loser = await machine.execute({ jobId: 'loser', request: losing });
      loserEnded.resolve(loser);

      expect((await winner)?.status).toBe('SUCCEEDED');
      expect(loser).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
      expect(successAfterLoser).toBeUndefined();
      await expectResultOf(machine, 'winner', 'output/daily/');
    },
  );

  it('fails although its _SUCCESS is there, if its commit stops before the last look at the claim and is repeated', async () => {
    await using machine = await machineWith();
    machine.store.before('put output/daily/_SUCCESS', async () => {
      // The next owner has not removed anything yet.
      await takeClaim(machine.store, {
        jobId: jobId('winner'),
        outputPrefix: 'output/daily/',
        overwrite: true,
      });
      machine.store.before('get output/daily/_JOB', async () => {
        throw new MapReduceError('StorageError', 'the commit stops here');
      });
    });

    const loser = await machine.execute({ jobId: 'loser', request: losing });

    expect(machine.store.left).toEqual([]);
    expect(loser).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(await machine.store.head('output/daily/_SUCCESS')).toBeUndefined();
    expect((await machine.execute({ jobId: 'winner', request: winning })).status).toBe('SUCCEEDED');
    await expectResultOf(machine, 'winner', 'output/daily/');
  });

  it('does not remove a part of the next owner, although it looks like a damaged part of its own', async () => {
    await using machine = await machineWith();
    let winner: Ended | undefined;
    const loser = await machine.execute(
      { jobId: 'loser', request: losing },
      {
        async beforeCommit() {
          // This is between its first check of the claim and its check of the parts.
          machine.store.before('get work/loser/reduce-stage.json', async () => {
            winner = await machine.execute({ jobId: 'winner', request: winning });
          });
        },
      },
    );

    expect(machine.store.left).toEqual([]);
    expect(winner?.status).toBe('SUCCEEDED');
    expect(loser).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    await expectResultOf(machine, 'winner', 'output/daily/');
  });

  it('commits no part after it was cancelled, however far the attempt has progressed', async () => {
    await using machine = await machineWith();
    await machine.execute(
      { jobId: 'loser', request: losing },
      {
        beforeAttempt({ stage }) {
          if (stage === 'reduce') throw new MapReduceError('UnencodableValueError', 'given up');
        },
      },
    );
    // After the attempt has begun, its job loses the output to a job with fewer parts, which ends first.
    machine.store.before('get work/loser/shuffle-index', async () => {
      expect((await machine.execute({ jobId: 'winner', request: winning })).status).toBe('SUCCEEDED');
    });
    const event = v.parse(reduceEventSchema, { jobId: 'loser', item: { index: 3 } });

    const late = reduceStep(event, machine.environment, { requestId: 'late', remainingMs: () => 600_000 });

    await expect(late).rejects.toMatchObject({ name: 'CancelledError' });
    expect(machine.store.left).toEqual([]);
    await expectResultOf(machine, 'winner', 'output/daily/');
  });
});
