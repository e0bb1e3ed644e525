import { AsyncLocalStorage } from 'node:async_hooks';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type JobId, jobId } from '../../src/ids.ts';
import { claimOutput, releaseOutput } from '../../src/local/output-claim.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { seededRandom } from '../helpers/seeded-random.ts';
import { watchFiles } from './watched-files.ts';

vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));

/** Larger than any process has. */
const NO_PID = 2 ** 22 + 1;

function setting() {
  const root = mkdtempSync(join(tmpdir(), 'output-claim-test-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, '_temporary', 'claim');
  return {
    root,
    store: new FileStore({ root }),
    claims: () => (existsSync(folder) ? readdirSync(folder) : []),
    writeClaim(content: string | object) {
      mkdirSync(folder, { recursive: true });
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      writeFileSync(join(folder, 'before-1.json'), text);
    },
    claimOf: (job: JobId) => JSON.parse(readFileSync(join(folder, `${job}.json`), 'utf8')) as object,
    /** As if the process of that job were no more. */
    bury(job: JobId) {
      writeFileSync(
        join(folder, `${job}.json`),
        JSON.stringify({ jobId: job, host: hostname(), pid: NO_PID }),
      );
    },
  };
}

const DEAD = { jobId: 'before-1', host: hostname(), pid: NO_PID };
const A = jobId('a');
const B = jobId('b');
const C = jobId('c');

/** Whether it got the claim. */
async function claims(store: FileStore, job: JobId): Promise<boolean> {
  try {
    await claimOutput(store, job);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'OutputExistsError' });
    return false;
  }
}

describe('the claim of an output', () => {
  test('has one holder until it is released, and leaves nothing', async () => {
    const { store, root } = setting();

    const got = [await claims(store, A), await claims(store, B)];
    await releaseOutput(store, A);
    got.push(await claims(store, B));
    await releaseOutput(store, B);

    expect(got).toEqual([true, false, true]);
    expect(readdirSync(root)).toEqual([]);
  });

  test.each<[string, string | object]>([
    ['of a process that is no more', DEAD],
    ['that a power cut left empty', ''],
    ['that a power cut left as zeros', '\0\0\0\0'],
    ['of JSON that says nothing', 'null'],
  ])('%s is taken over', async (_whose, claim) => {
    const { store, writeClaim, claims: present } = setting();
    writeClaim(claim);

    const got = await claims(store, A);

    expect(got).toBe(true);
    expect(present()).toEqual(['a.json']);
  });

  test.each<[string, object]>([
    ['of a process that runs', { ...DEAD, pid: process.ppid }],
    ['of this process, by another job', { ...DEAD, pid: process.pid }],
    ['of another machine', { ...DEAD, host: 'elsewhere.example' }],
  ])('%s is left to it', async (_whose, claim) => {
    const { store, writeClaim, claims: present, claimOf } = setting();
    writeClaim(claim);

    const got = await claims(store, A);

    expect(got).toBe(false);
    expect(present()).toEqual(['before-1.json']);
    expect(claimOf(jobId('before-1'))).toEqual(claim);
  });

  test('names its holder to who is refused', async () => {
    const { store, writeClaim } = setting();
    writeClaim({ ...DEAD, pid: process.ppid });

    await expect(claimOutput(store, A)).rejects.toThrow(
      `Job before-1 (process ${process.ppid} on ${hostname()}) is writing to ${store.location}. Wait for it or choose another --output; if it runs no more, remove _temporary/claim there`,
    );
  });

  test.runIf(existsSync('/proc/self/stat'))(
    'is void when a later process has the number of the one that wrote it, as 1 in a container',
    async () => {
      const { store, claimOf, writeClaim } = setting();
      await claimOutput(store, A);
      const own = claimOf(A) as { started: string };
      await releaseOutput(store, A);
      writeClaim({ ...own, jobId: 'before-1' });
      const ofThisProcess = await claims(store, B);
      writeClaim({
        ...own,
        jobId: 'before-1',
        started: own.started.replace(/\d+$/, (ticks) => `${+ticks - 1}`),
      });
      const ofThatBefore = await claims(store, B);

      expect({ ofThisProcess, ofThatBefore }).toEqual({ ofThisProcess: false, ofThatBefore: true });
    },
  );

  test('is one of many takers’ at once, all over again as each gives it back', async () => {
    const { store, writeClaim, root } = setting();
    const jobs = Array.from({ length: 24 }, (_, index) => jobId(`taker-${index}`));
    let holders = 0;
    let turns = 0;
    writeClaim(DEAD);

    await Promise.all(
      jobs.map(async (job) => {
        while (!(await claims(store, job)));
        expect(++holders).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
        turns++;
        await releaseOutput(store, job);
      }),
    );

    expect(turns).toBe(jobs.length);
    expect(readdirSync(root)).toEqual([]);
  });
});

/** Of one taker, among others. */
const taker = new AsyncLocalStorage<JobId>();

describe('a void claim', () => {
  test.each(['holds on', 'gives it back', 'is killed'])(
    'has one taker, wherever one is stopped while another takes it and %s',
    async (fate) => {
      let stops = 0;
      for (let stopAt = 1, wasStopped = true; wasStopped; stopAt++) {
        const { store, writeClaim, claims: present, bury } = setting();
        writeClaim(DEAD);
        const stopped = Promise.withResolvers<void>();
        const goOn = Promise.withResolvers<void>();
        let steps = 0;
        wasStopped = false;
        using _watch = watchFiles(async (_name, _path, run) => {
          if (taker.getStore() === B && ++steps === stopAt) {
            wasStopped = true;
            stopped.resolve();
            await goOn.promise;
          }
          return run();
        });

        const ofB = taker.run(B, () => claims(store, B));
        await Promise.race([stopped.promise, ofB]);
        let isAs = await claims(store, A);
        if (isAs && fate !== 'holds on') {
          if (fate === 'is killed') bury(A);
          else await releaseOutput(store, A);
          isAs = false;
        }
        goOn.resolve();
        const isBs = await ofB;
        const isCs = await claims(store, C);

        const holders = [
          ...(isAs ? ['a.json'] : []),
          ...(isBs ? ['b.json'] : []),
          ...(isCs ? ['c.json'] : []),
        ];
        expect(holders, `stopped at step ${stopAt}`).toHaveLength(1);
        expect(present(), `stopped at step ${stopAt}`).toEqual(holders);
        if (wasStopped) stops++;
      }

      expect(stops).toBeGreaterThan(10);
    },
  );

  test('is not taken with an empty folder, which a job leaves that is killed while it clears the folder', async () => {
    const { store, writeClaim, claims: present, root } = setting();
    writeClaim(DEAD);
    let cleared = 0;
    using _watch = watchFiles(async (name, path, run) => {
      if (name === 'rename' && cleared++ === 0) rmSync(join(path, 'a.json'));
      return run();
    });

    const got = [await claims(store, A), await claims(store, B)];
    const holders = present();
    await releaseOutput(store, A);

    expect(cleared).toBe(2);
    expect({ got, holders }).toEqual({ got: [true, false], holders: ['a.json'] });
    expect(readdirSync(root)).toEqual([]);
  });

  test('never has two holders, in whatever order takers come to their steps, give back and are killed', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    let takenOver = 0;
    for (let round = 0; round < 60; round++) {
      const { store, writeClaim, bury, root } = setting();
      writeClaim(DEAD);
      const waiting: (() => void)[] = [];
      let living = 4;
      let holder: JobId | undefined;
      const next = () => {
        if (waiting.length < living || living === 0) return;
        // One goes on for a while more often than all do by turns: that is where they overtake each other.
        const index = random() < 0.8 ? waiting.length - 1 : Math.floor(random() * waiting.length);
        waiting.splice(index, 1)[0]!();
      };
      const turn = () =>
        new Promise<void>((resolve) => {
          waiting.push(resolve);
          next();
        });
      using _watch = watchFiles(async (_name, _path, run) => {
        if (taker.getStore() !== undefined) await turn();
        return run();
      });

      const take = async (job: JobId) => {
        for (let tries = 0; tries < 3; tries++) {
          if (!(await claims(store, job))) continue;
          expect(holder, `seed ${seed}, round ${round}: ${job}`).toBeUndefined();
          holder = job;
          takenOver++;
          for (let turns = random() * 20; turns > 0; turns--) await turn();
          holder = undefined;
          if (random() < 0.3) return bury(job);
          await releaseOutput(store, job);
        }
      };
      const jobs = Array.from({ length: living }, (_, index) => jobId(`taker-${round}-${index}`));
      await Promise.all(
        jobs.map((job) =>
          taker.run(job, () =>
            take(job).finally(() => {
              living--;
              next();
            }),
          ),
        ),
      );

      expect(await claims(store, A), `seed ${seed}, round ${round}`).toBe(true);
      await releaseOutput(store, A);
      expect(readdirSync(root), `seed ${seed}, round ${round}`).toEqual([]);
    }
    expect(takenOver).toBeGreaterThan(60);
  });
});
