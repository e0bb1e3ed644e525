/** Where the time of each attempt went, kept with jobs that succeed, fail and are cancelled. */
import { describe, expect, it } from 'vitest';
import { defineJob } from '../../src/api/define-job.ts';
import { collectAttempts, keepAttempts } from '../../src/aws/protocol/job-attempts.ts';
import { attemptsKey, cancelKey } from '../../src/aws/protocol/keys.ts';
import { jobId } from '../../src/base/ids.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import { tsv } from '../../src/formats/tsv.ts';
import type { AttemptRow } from '../../src/report/attempt-rows.ts';
import { parseAttempts } from '../../src/report/parse-attempts.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type MachineOptions, SimulatedMachine } from './simulated-machine.ts';

const JOB = jobId('j');
let poison = '';
const job = defineJob({
  name: 'words',
  description: 'How often each word occurs',
  input: textLines(),
  key: 'string',
  value: 'number',
  map(line, { emit }) {
    if (poison !== '' && line.includes(poison)) throw new TypeError(`cannot swallow '${line}'`);
    emit(line, 1);
  },
  reduce: 'sum',
  output: tsv(),
});
const REQUEST = { app: 'words', inputs: ['data/'], splitSizeBytes: 8, reducers: 2 };

async function ended(bad: string, options: MachineOptions = {}, request: object = REQUEST) {
  const machine = await SimulatedMachine.start({ words: job });
  await machine.store.put('data/a.txt', Buffer.from('one\ntwo\nsix\nten\n'));
  poison = bad;
  const { status } = await machine.execute({ jobId: JOB, request }, options);
  poison = '';
  return { machine, status };
}

async function rowsIn(store: ObjectStore, key: string): Promise<AttemptRow[]> {
  return parseAttempts(await store.get(key), key);
}

const outcomes = (rows: readonly AttemptRow[]) => rows.map(({ taskId, outcome }) => `${taskId} ${outcome}`);

describe('the list of attempts', () => {
  it('of a job that succeeds is beside the result, with the attempts that failed and died', async () => {
    const { machine, status } = await ended('', {
      dies: ({ stage, deaths }) => (stage === 'reduce' && deaths === 0 ? 'Runtime.ExitError' : undefined),
    });
    await using _ = machine;

    const rows = await rowsIn(machine.store, 'output/j/_attempts.jsonl.gz');

    expect(status).toBe('SUCCEEDED');
    expect(outcomes(rows).sort()).toEqual([
      'm-00000 committed',
      'm-00001 committed',
      'r-00000 committed',
      'r-00000 failed',
      'r-00001 committed',
      'r-00001 failed',
    ]);
    for (const row of rows.filter(({ outcome }) => outcome === 'committed')) {
      const { waitingMs, readingMs, userMs, sortingMs, spillingMs, writingMs, otherMs } = row;
      const phases = [waitingMs, readingMs, userMs, sortingMs, spillingMs, writingMs, otherMs];
      const total = phases.reduce((sum, ms) => sum! + ms!, 0)!;
      // Each is rounded.
      expect(Math.abs(total - row.elapsedMs!)).toBeLessThanOrEqual(phases.length);
      expect(row).toMatchObject({ environment: 'test', peakMemoryBytes: 1_000_000 });
    }
    expect(
      rows.filter(({ outcome }) => outcome === 'failed').map(({ error }) => error?.split(':')[0]),
    ).toEqual(['WorkerDiedError', 'WorkerDiedError']);
    expect(rows.filter(({ coldStartMs }) => coldStartMs !== undefined).length).toBe(1);
    expect(rows.find(({ taskId, outcome }) => taskId === 'r-00000' && outcome === 'committed')!.retry).toBe(
      1,
    );
  });

  it.each([
    ['', REQUEST, ['m-00000 committed', 'm-00001 failed']],
    [' and merges its parts', { ...REQUEST, merge: true }, ['m-00000 committed', 'm-00001 failed']],
  ])('of a job that fails%s is in its folder', async (_, request, expected) => {
    const { machine, status } = await ended('six', {}, request);
    await using _machine = machine;

    const rows = await rowsIn(machine.store, attemptsKey(JOB));

    expect(status).toBe('FAILED');
    expect([...new Set(outcomes(rows))].sort()).toEqual(expected);
    expect(rows.find(({ outcome }) => outcome === 'failed')).toMatchObject({
      error: expect.stringContaining("cannot swallow 'six'"),
      recordsRead: 1,
      elapsedMs: expect.any(Number),
    });
  });

  it('of a job that fails in reduce has the map tasks, and is removed when the job is redriven', async () => {
    const { machine } = await ended('', {
      beforeAttempt: ({ stage }) => {
        if (stage === 'reduce') throw Object.assign(new Error('no'), { name: 'JobDefinitionError' });
      },
    });
    await using _ = machine;
    const rows = await rowsIn(machine.store, attemptsKey(JOB));

    const redriven = await machine.execute({ jobId: JOB, redrive: true });

    expect(outcomes(rows)).toEqual(['m-00000 committed', 'm-00001 committed']);
    expect(redriven.status).toBe('SUCCEEDED');
    expect(await machine.store.head(attemptsKey(JOB))).toBeUndefined();
    expect((await rowsIn(machine.store, 'output/j/_attempts.jsonl.gz')).length).toBe(4);
  });

  it('of a cancelled job is what the command finds: reduce tasks that have committed, and their maps', async () => {
    const { machine } = await ended('', {
      beforeAttempt: async ({ stage, index }) => {
        if (stage === 'reduce' && index === 1) await machine.store.put(cancelKey(JOB), Buffer.from('{}'));
      },
      beforeCommit: () => {
        throw new Error('the command has stopped the execution');
      },
    });
    await using _ = machine;

    await keepAttempts(machine.store, JOB);

    expect(outcomes(await rowsIn(machine.store, attemptsKey(JOB))).slice(0, 3)).toEqual([
      'm-00000 committed',
      'm-00001 committed',
      'r-00000 committed',
    ]);
  });

  it('reads nothing more once it is late, and nothing of a job without a plan', async () => {
    const { machine } = await ended('six');
    await using _ = machine;

    const late = await collectAttempts(machine.store, JOB, { isLate: () => true });

    expect(new Set(outcomes(late!))).toEqual(new Set(['m-00001 failed']));
    expect(await collectAttempts(machine.store, jobId('other'))).toBeUndefined();
  });
});
