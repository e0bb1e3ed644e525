import { AsyncLocalStorage } from 'node:async_hooks';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { jobId } from '../../../src/base/ids.ts';
import { thisProcess } from '../../../src/local/output/host-process.ts';
import { JobFolder } from '../../../src/local/output/job-folder.ts';
import { type Lease, OutputClaim } from '../../../src/local/output/output-claim.ts';
import { recover, removeDone } from '../../../src/local/output/output-folder.ts';
import { folderOfTest } from '../../helpers/temporary-folder.ts';
import { watchFiles } from './watched-files.ts';

vi.mock('node:fs/promises', async (original) => (await import('./watched-files.ts')).watchedFiles(original));

/** Larger than the PID of any process. */
const NO_PID = 2 ** 22 + 1;
/** With this lease, claims are never renewed during a test, and no run waits long enough to find one void. */
const STILL: Lease = { renewMs: 3_600_000, voidAfterMs: 36_000_000 };
const SHORT: Lease = { renewMs: 20, voidAfterMs: 400 };
const BEFORE = `${'b'.repeat(32)}.json`;

class Taker {
  readonly folder: JobFolder;
  readonly name: string;
  claim: OutputClaim | undefined;

  constructor(root: string, name: string) {
    this.folder = new JobFolder(root);
    this.name = name;
  }

  /** Tries to take the claim. Returns whether that succeeded. */
  async take(lease: Lease = STILL, onWait: (message: string) => void = () => {}): Promise<boolean> {
    try {
      this.claim = await OutputClaim.take(this.folder, { jobId: jobId(this.name), lease, onWait });
      return true;
    } catch (error) {
      expect(error).toMatchObject({ name: 'OutputExistsError' });
      await this.folder.remove();
      return false;
    }
  }

  async release(): Promise<void> {
    await this.folder.remove();
    await this.claim!.release();
  }
}

function setting() {
  const root = folderOfTest('output-claim-test');
  const folder = join(root, '.mapreduce', 'claim');
  const pathOf = ({ folder: { token } }: Taker) => join(folder, `${token}.json`);
  return {
    root,
    taker: (name: string) => new Taker(root, name),
    claims: () => (existsSync(folder) ? readdirSync(folder) : []),
    writeClaim(content: string | object) {
      mkdirSync(folder, { recursive: true });
      const text = typeof content === 'string' ? content : `${JSON.stringify(content)}\n000000000000\n`;
      writeFileSync(join(folder, BEFORE), text);
    },
    readClaim: () => readFileSync(join(folder, BEFORE), 'utf8'),
    pathOf,
    /** Changes the claim as if the process of that run had ended. */
    bury(taker: Taker) {
      writeFileSync(pathOf(taker), `${JSON.stringify({ ...DEAD, jobId: taker.name })}\n000000000000\n`);
    },
  };
}

const OWN = thisProcess();
const DEAD = { jobId: 'before-1', ...OWN, pid: NO_PID };
/** The claim of a process that is not visible from here: same host name and PID, but another boot of the kernel. */
const ELSEWHERE = { jobId: 'before-1', ...OWN, boot: 'another boot' };
const CONTAINER = { jobId: 'before-1', ...OWN, pidNamespace: 'pid:[1]', pid: NO_PID };

describe('the claim of an output', () => {
  test('has one holder until it is released, and leaves nothing behind', async () => {
    const { taker, root } = setting();
    const [a, b] = [taker('a'), taker('b')];

    const got = [await a.take(), await b.take()];
    await a.release();
    got.push(await b.take());
    await b.release();

    expect(got).toEqual([true, false, true]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('of a process that has ended is taken over at once', async () => {
    const { taker, writeClaim, claims } = setting();
    writeClaim(DEAD);
    const a = taker('a');

    expect(await a.take()).toBe(true);

    expect(claims()).toEqual([`${a.folder.token}.json`]);
  });

  test.each<[string, string | object]>([
    ['of another kernel under the same host name', ELSEWHERE],
    ['of another PID namespace, where its PID means nothing', CONTAINER],
    ['of a system without /proc', { jobId: 'before-1', host: hostname(), pid: NO_PID }],
    ['that a power failure left empty', ''],
    ['that a power failure left as zeros', '\0\0\0\0'],
    ['that is JSON but not a claim', 'null\n'],
  ])('%s is taken over only after it has not changed for a long time', async (_whose, claim) => {
    const { taker, writeClaim, claims } = setting();
    writeClaim(claim);
    const a = taker('a');
    const messages: string[] = [];
    const startedMs = performance.now();

    const got = await a.take(SHORT, (message) => messages.push(message));

    expect(got).toBe(true);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(SHORT.voidAfterMs);
    expect(claims()).toEqual([`${a.folder.token}.json`]);
    expect(messages).toEqual([
      expect.stringMatching(/may still be writing to .*: waiting up to 1 s to see whether it is still alive/),
    ]);
    await a.release();
  });

  test.each([
    ['of another machine', ELSEWHERE],
    ['of another PID namespace', CONTAINER],
  ])('%s is not taken over while it is renewed', async (_whose, claim) => {
    const { taker, writeClaim, readClaim, claims } = setting();
    writeClaim(claim);
    let renewals = 0;
    const renewing = setInterval(() => writeClaim(`${JSON.stringify(claim)}\n${++renewals}\n`), 50);
    onTestFinished(() => clearInterval(renewing));

    const got = await taker('a').take({ renewMs: 20, voidAfterMs: 600_000 });

    clearInterval(renewing);
    expect(got).toBe(false);
    expect(claims()).toEqual([BEFORE]);
    expect(readClaim()).toContain('before-1');
  });

  test('is renewed by its holder, whatever the modification time of the file', async () => {
    const { taker, pathOf } = setting();
    const a = taker('a');
    await a.take(SHORT);
    const before = readFileSync(pathOf(a), 'utf8');
    utimesSync(pathOf(a), 0, 0);

    await expect.poll(() => readFileSync(pathOf(a), 'utf8')).not.toBe(before);

    expect(readFileSync(pathOf(a), 'utf8')).toMatch(/^\{"jobId":"a",.*\}\n\d{12}\n$/);
    await a.release();
  });

  test.each<[string, object]>([
    ['of a running process', { ...DEAD, pid: process.ppid, startTicks: undefined }],
    ['of another job in this process', { ...DEAD, pid: process.pid }],
  ])('%s is not taken over, without a wait', async (_whose, claim) => {
    const { taker, writeClaim, claims } = setting();
    writeClaim(claim);

    expect(await taker('a').take()).toBe(false);

    expect(claims()).toEqual([BEFORE]);
  });

  test('is named with its holder in the error of a refused run', async () => {
    const { taker, writeClaim, root } = setting();
    writeClaim({ ...DEAD, pid: process.pid });

    await expect(OutputClaim.take(taker('a').folder, { jobId: jobId('a'), lease: STILL })).rejects.toThrow(
      `job before-1 (process ${process.pid} on ${hostname()}) is writing to ${root}. Wait until it ends, stop it, or choose another --output. If it is no longer running, remove .mapreduce/claim in that folder`,
    );
  });

  test('is void if a later process has the PID of the process that wrote it, such as 1 in a container', async () => {
    const { taker, writeClaim } = setting();
    writeClaim({ ...DEAD, pid: process.pid });
    const ofThisProcess = await taker('b').take();
    writeClaim({ ...DEAD, pid: process.pid, startTicks: `${Number(OWN.startTicks) - 1}` });
    const ofThatBefore = await taker('b').take();

    expect({ ofThisProcess, ofThatBefore }).toEqual({ ofThisProcess: false, ofThatBefore: true });
  });

  test('is no longer waited for when the job is cancelled', async () => {
    const { taker, writeClaim, claims } = setting();
    writeClaim(ELSEWHERE);
    const controller = new AbortController();

    const waiting = OutputClaim.take(taker('a').folder, {
      jobId: jobId('a'),
      lease: { renewMs: 3_600_000, voidAfterMs: 36_000_000 },
      signal: controller.signal,
      onWait: () => controller.abort(),
    });

    await expect(waiting).rejects.toMatchObject({ name: 'CancelledError' });
    expect(claims()).toEqual([BEFORE]);
  });

  test('has one holder at a time when many takers try at once, and each gets it in turn', async () => {
    const { taker, writeClaim, root } = setting();
    const takers = Array.from({ length: 24 }, (_, index) => taker(`taker-${index}`));
    let holders = 0;
    let turns = 0;
    writeClaim(DEAD);

    await Promise.all(
      takers.map(async (each) => {
        while (!(await each.take()));
        expect(++holders).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
        turns++;
        await each.release();
      }),
    );

    expect(turns).toBe(takers.length);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe('a lost claim', () => {
  test.each<[string, (root: string) => void, RegExp]>([
    [
      'because the folder was removed',
      (root) => rmSync(root, { recursive: true }),
      /no longer belongs to this run: it or its \.mapreduce folder was removed while the job was running/,
    ],
    [
      'because the folder was moved away',
      (root) => renameSync(root, `${root}.moved`),
      /no longer belongs to this run: it or its \.mapreduce folder was removed while the job was running/,
    ],
  ])('%s stops its holder, and is not recreated', async (_why, remove, message) => {
    const { taker, root } = setting();
    onTestFinished(() => rmSync(`${root}.moved`, { recursive: true, force: true }));
    const a = taker('a');
    await a.take(SHORT);

    remove(root);

    await expect.poll(() => a.claim!.lost.aborted).toBe(true);
    expect(a.claim!.lost.reason).toMatchObject({
      name: 'OutputExistsError',
      message: expect.stringMatching(message),
    });
    await expect(a.claim!.assertHeld()).rejects.toBe(a.claim!.lost.reason);
    await a.release();
    expect(existsSync(root)).toBe(false);
  });

  test('is reported with the run that took it over', async () => {
    const { taker, root } = setting();
    const a = taker('a');
    await a.take();
    rmSync(root, { recursive: true });
    mkdirSync(root);
    const b = taker('b');
    await b.take();

    await expect(a.claim!.assertHeld()).rejects.toThrow(
      `job b (process ${process.pid} on ${hostname()}) took it over`,
    );
    await a.release();
    await expect(b.claim!.assertHeld()).resolves.toBeUndefined();
  });
});

/** Identifies the taker that makes a file system call. */
const steps = new AsyncLocalStorage<string>();

describe('a void claim', () => {
  test.each(['keeps it', 'releases it', 'is killed'])(
    'has one taker, whichever step one is paused at while another takes it and %s',
    async (fate) => {
      let stops = 0;
      for (let stopAt = 1, wasStopped = true; wasStopped; stopAt++) {
        const { taker, writeClaim, claims, bury } = setting();
        const [a, b, c] = [taker('a'), taker('b'), taker('c')];
        writeClaim(DEAD);
        const stopped = Promise.withResolvers<void>();
        const resume = Promise.withResolvers<void>();
        let taken = 0;
        wasStopped = false;
        using _watch = watchFiles(async (_name, _path, run) => {
          if (steps.getStore() === 'b' && ++taken === stopAt) {
            wasStopped = true;
            stopped.resolve();
            await resume.promise;
          }
          return run();
        });

        const ofB = steps.run('b', () => b.take());
        await Promise.race([stopped.promise, ofB]);
        let isAs = await a.take();
        if (isAs && fate !== 'keeps it') {
          if (fate === 'is killed') bury(a);
          else await a.release();
          isAs = false;
        }
        resume.resolve();
        const isBs = await ofB;
        const isCs = await c.take();

        const holders = [a, b, c].filter((_, index) => [isAs, isBs, isCs][index]);
        expect(holders, `stopped at step ${stopAt}`).toHaveLength(1);
        expect(claims(), `stopped at step ${stopAt}`).toEqual(
          holders.map(({ folder }) => `${folder.token}.json`),
        );
        if (wasStopped) stops++;
      }

      expect(stops).toBeGreaterThan(10);
    },
  );

  test('never has two holders, in whatever order takers make their steps, release it and are killed', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    let takenOver = 0;
    for (let round = 0; round < 60; round++) {
      const { taker, writeClaim, bury, root } = setting();
      writeClaim(DEAD);
      const waiting: (() => void)[] = [];
      let living = 4;
      let holder: string | undefined;
      const next = () => {
        if (waiting.length < living || living === 0) return;
        // Mostly let one taker continue for a while instead of taking turns, so that takers overtake each other.
        const index = random() < 0.8 ? waiting.length - 1 : Math.floor(random() * waiting.length);
        waiting.splice(index, 1)[0]!();
      };
      const turn = () =>
        new Promise<void>((resolve) => {
          waiting.push(resolve);
          next();
        });
      using _watch = watchFiles(async (_name, _path, run) => {
        if (steps.getStore() !== undefined) await turn();
        return run();
      });

      const take = async (name: string) => {
        for (let tries = 0; tries < 3; tries++) {
          const each = taker(name);
          if (!(await each.take())) continue;
          expect(holder, `seed ${seed}, round ${round}: ${name}`).toBeUndefined();
          holder = name;
          takenOver++;
          await removeDone(await recover(each.folder, each.claim!));
          for (let turns = random() * 20; turns > 0; turns--) await turn();
          holder = undefined;
          if (random() < 0.3) return bury(each);
          await each.release();
        }
      };
      const names = Array.from({ length: living }, (_, index) => `taker-${round}-${index}`);
      await Promise.all(
        names.map((name) =>
          steps.run(name, () =>
            take(name).finally(() => {
              living--;
              next();
            }),
          ),
        ),
      );

      const last = taker('last');
      expect(await last.take(), `seed ${seed}, round ${round}`).toBe(true);
      await removeDone(await recover(last.folder, last.claim!));
      await last.release();
      expect(readdirSync(root), `seed ${seed}, round ${round}`).toEqual([]);
    }
    expect(takenOver).toBeGreaterThan(60);
  });
});
