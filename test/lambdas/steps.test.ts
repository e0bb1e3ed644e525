import { readdir } from 'node:fs/promises';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { commitStep } from '../../lambdas/steps/commit.ts';
import { mapStep } from '../../lambdas/steps/map.ts';
import { planStep } from '../../lambdas/steps/plan.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import { defineJob } from '../../src/api/define-job.ts';
import type { Job } from '../../src/api/job.ts';
import type { FailureDocument } from '../../src/aws/protocol/documents.ts';
import { type PlanDocument, readDocument } from '../../src/aws/protocol/documents.ts';
import {
  ITEM_BYTES_MAX,
  type JobState,
  mapEventSchema,
  reduceEventSchema,
  stepEventSchema,
} from '../../src/aws/protocol/job-state.ts';
import { jobLayout, planKey } from '../../src/aws/protocol/keys.ts';
import { MapReduceError } from '../../src/base/errors.ts';
import { jobId } from '../../src/base/ids.ts';
import { committedTasks } from '../../src/commit/committed-tasks.ts';
import { textLines } from '../../src/formats/text/text-lines.ts';
import { tsv } from '../../src/formats/tsv.ts';
import type { JobReport } from '../../src/report/report.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { Metadata, ObjectStore } from '../../src/storage/object-store.ts';
import { type Ended, SimulatedMachine } from './simulated-machine.ts';

const wordCount: Job = defineJob({
  name: 'word-count',
  description: 'How often each word occurs',
  input: textLines(),
  params: { poison: { type: 'string', default: '', description: 'a line that fails' } },
  key: 'string',
  value: 'number',
  map(line, { emit, params }) {
    if (params.poison !== '' && line.includes(params.poison)) throw new TypeError(`cannot swallow '${line}'`);
    for (const word of line.match(/\S+/g) ?? []) emit(word, 1);
  },
  reduce: 'sum',
  output: tsv(),
});

const keepAll: Job = defineJob({
  name: 'keep-all',
  description: 'Every line with its length',
  input: textLines(),
  map: (line, { emit }) => emit(line, line.length),
  output: tsv(),
});

/** Cannot remove intermediates at first, as if the commit step was stopped after _SUCCESS. */
class KeepingStore extends MemoryStore {
  keeps = true;

  override async delete(keys: readonly string[]): Promise<void> {
    if (this.keeps && keys.some((key) => key.startsWith('work/')))
      throw new MapReduceError('StorageError', 'no luck');
    await super.delete(keys);
  }
}

const machineOf = () => SimulatedMachine.start({ 'word-count': wordCount, 'keep-all': keepAll });

async function put(store: ObjectStore, objects: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, text] of Object.entries(objects)) await store.put(key, Buffer.from(text));
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(prefix)) names.push(key.slice(key.lastIndexOf('/') + 1));
  return names;
}

async function textOf(store: ObjectStore, prefix: string): Promise<string> {
  let text = '';
  for await (const { key } of store.list(`${prefix}part-`)) text += (await store.get(key)).toString();
  return text.split('\n').sort().join('\n').trim();
}

const uploadEvent = (key: string, sequencer = '01') => ({
  version: '0',
  source: 'aws.s3',
  'detail-type': 'Object Created',
  detail: { bucket: { name: 'bucket' }, object: { key, size: 1, etag: 'e', sequencer } },
});

const INPUT = { 'data/a.txt': 'one   two\ntwo three\n', 'data/b.txt': 'three six\n' };
const COUNTS = 'one\t1\nsix\t1\nthree\t2\ntwo\t2';
const REQUEST = { app: 'word-count', inputs: ['data/'], splitSizeBytes: 10, reducers: 2 };
const submit = (jobId: string, request: object = REQUEST) => ({ jobId, request });

/** LocalStack swallows failed children of a Distributed Map. */
const MAPS = [
  { map: 'inline', childFailure: 'fails', inlineTasksMax: 40 },
  { map: 'distributed', childFailure: 'fails', inlineTasksMax: 0 },
  { map: 'distributed', childFailure: 'is swallowed', inlineTasksMax: 0 },
] as const;

describe('a job', () => {
  it('turns an upload into a result, and leaves no intermediates', async () => {
    await using machine = await machineOf();
    await put(machine.store, { 'input/word-count/a.txt': 'one two\ntwo\n' });

    const ended = await machine.execute(uploadEvent('input/word-count/a.txt'));

    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: 1 } });
    if (ended.status !== 'SUCCEEDED') return;
    expect(await textOf(machine.store, ended.output.outputPrefix)).toBe('one\t1\ntwo\t2');
    expect((await machine.store.list('work/').next()).done).toBe(true);
    expect(await readdir(machine.scratchParent)).toEqual([]);
  });

  it('with many tasks runs each once', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    await machine.execute(submit('many'));

    expect(machine.log).toEqual([
      'plan',
      'm-0',
      'm-1',
      'm-2',
      'map-barrier',
      'r-0',
      'r-1',
      'reduce-barrier',
      'commit',
    ]);
    expect(await textOf(machine.store, 'output/many/')).toBe(COUNTS);
  });

  it('whose intermediates cannot be removed has committed, and the retry of the commit removes them', async () => {
    const inner = new MemoryStore();
    let refusals = 0;
    const store = new Proxy(inner, {
      get(target, name) {
        if (name !== 'delete') {
          const value = Reflect.get(target, name, target) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return async (keys: readonly string[]) => {
          const isWork = keys.some((key) => key.startsWith('work/'));
          if (isWork && refusals++ === 0) throw new MapReduceError('StorageError', 'try again');
          await target.delete(keys);
        };
      },
    });
    await using machine = await SimulatedMachine.start({ 'word-count': wordCount }, store);
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('refused'));

    expect(ended.status).toBe('SUCCEEDED');
    expect(refusals).toBeGreaterThan(1);
    expect(machine.log.slice(-2)).toEqual(['commit', 'commit']);
    expect(await textOf(machine.store, 'output/refused/')).toBe(COUNTS);
    expect(await keysOf(machine.store, 'work/')).toEqual([]);
  });

  it('succeeds if its commit is called again and the other call ends first', async () => {
    const inner = new MemoryStore();
    let commitOther: (() => Promise<void>) | undefined;
    const store = new Proxy(inner, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (name !== 'head') return typeof value === 'function' ? value.bind(target) : value;
        return async (key: string) => {
          const found = await target.head(key);
          const other = commitOther;
          if (key.endsWith('_SUCCESS') && other !== undefined) {
            commitOther = undefined;
            await other();
          }
          return found;
        };
      },
    });
    await using machine = await SimulatedMachine.start({ 'word-count': wordCount }, store);
    await put(machine.store, INPUT);
    const event = {
      jobId: jobId('twice'),
      progress: {
        phase: { kind: 'finishing' },
        handedOut: { map: 1, reduce: 1 },
        finishes: 1,
        isRedrive: false,
      },
      codeHash: machine.environment.codeHash,
      execution: { id: 'execution-0', startTime: new Date().toISOString() },
    } as const;

    const ended = await machine.execute(submit('twice', { ...REQUEST, merge: true }), {
      beforeCommit: () => {
        commitOther = async () => {
          await commitStep(event, machine.environment, { requestId: 'other', remainingMs: () => 600_000 });
        };
      },
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(machine.log.filter((step) => step === 'commit')).toHaveLength(1);
    expect((await machine.store.get('output/twice/merged.tsv')).toString()).toBe(`${COUNTS}\n`);
    expect(await keysOf(machine.store, 'work/')).toEqual([]);
  });

  it('without a reduce goes from the map barrier to the commit', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    await machine.execute(submit('kept', { app: 'keep-all', inputs: ['data/a.txt'] }));

    expect(machine.log).toEqual(['plan', 'm-0', 'map-barrier', 'commit']);
    expect(await textOf(machine.store, 'output/kept/')).toBe('one   two\t9\ntwo three\t9');
  });

  it('without a byte of input has an empty result', async () => {
    await using machine = await machineOf();
    await put(machine.store, { 'data/empty.txt': '' });

    const ended = await machine.execute(submit('empty', { app: 'word-count', inputs: ['data/empty.txt'] }));

    expect(ended.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, 'output/empty/')).toBe('');
  });

  it.each([
    ['settings', 40],
    ['map', 0],
  ])(
    'whose split has thousands of files keeps the list of them out of %s.json',
    async (name, inlineTasksMax) => {
      await using machine = await machineOf();
      machine.inlineTasksMax = inlineTasksMax;
      const files = Array.from({ length: 400 }, (_, i) => [
        `data/${'long-name-'.repeat(5)}${i}.txt`,
        `w${i % 3}\n`,
      ]);
      await put(machine.store, Object.fromEntries(files));

      const ended = await machine.execute(
        submit('packed', { app: 'word-count', inputs: ['data/'], splitSizeBytes: 10_000 }),
      );

      expect(ended.status).toBe('SUCCEEDED');
      expect((await machine.store.get(`jobs/packed/plan/${name}.json`)).length).toBeLessThan(ITEM_BYTES_MAX);
      expect(await textOf(machine.store, 'output/packed/')).toBe('w0\t134\nw1\t133\nw2\t133');
    },
  );
});

describe('the listing of committed tasks', () => {
  it.each([
    ['a shuffle', { app: 'word-count', merge: false }],
    ['a shuffle and merged parts', { app: 'word-count', merge: true }],
    ['a job without a reduce', { app: 'keep-all', merge: false }],
    ['a job without a reduce, merged', { app: 'keep-all', merge: true }],
  ])('finds those of %s', async (_what, request) => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const id = `listing-${request.app}-${request.merge}`;
    const found: Record<string, number[]> = {};

    await machine.execute(submit(id, { inputs: ['data/'], splitSizeBytes: 10, ...request }), {
      async beforeCommit() {
        const { plan, outputPrefix } = await readDocument<PlanDocument>(machine.store, planKey(jobId(id)));
        const layout = jobLayout(jobId(id), outputPrefix);
        for (const stage of ['map', 'reduce'] as const) {
          const tasks = await committedTasks(machine.store, { stage, layout, settings: plan.settings });
          found[stage] = [...tasks.keys()].sort();
        }
      },
    });

    expect(found).toEqual({ map: [0, 1, 2], reduce: request.app === 'keep-all' ? [] : [0] });
  });
});

describe('an error of the coordinator', () => {
  it('that loses a task is detected by the barrier, and the task runs again', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('lost'), {
      loses: ({ index, round }) => index === 1 && round === 0,
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(machine.log).toEqual([
      ...['plan', 'm-0', 'm-2', 'map-barrier', 'm-1', 'map-barrier'],
      ...['r-0', 'reduce-barrier', 'r-1', 'reduce-barrier', 'commit'],
    ]);
    expect(await textOf(machine.store, 'output/lost/')).toBe(COUNTS);
  });

  it('that loses a task every time fails the job after a bounded number of rounds', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('hopeless'), {
      loses: ({ stage, index }) => stage === 'map' && index === 1,
    });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'TaskFailedError' } });
    expect(machine.log.filter((step) => step === 'map-barrier')).toHaveLength(4);
  });

  it.each(MAPS)(
    'does not hide the message of the user code (an $map Map, whose child $childFailure)',
    async ({ childFailure, inlineTasksMax }) => {
      await using machine = await machineOf();
      machine.inlineTasksMax = inlineTasksMax;
      await put(machine.store, INPUT);

      const ended = await machine.execute(
        submit('poisoned', { ...REQUEST, params: { poison: 'two three' } }),
        { childFailure },
      );

      expect(ended.status).toBe('FAILED');
      const failure = await readDocument<FailureDocument>(machine.store, 'jobs/poisoned/failure.json');
      expect(failure.message).toContain("map() threw TypeError: cannot swallow 'two three'");
      expect(failure.details).toMatchObject({ file: 'data/a.txt', offsetBytes: 10, phase: 'map' });
      expect(failure.failedAttempts).toHaveLength(4);
      expect(machine.log.filter((step) => step === 'm-1')).toHaveLength(4);
      expect(await machine.store.head('output/poisoned/_SUCCESS')).toBeUndefined();
    },
  );

  it('that starts two executions for one event leaves the second one nothing to do', async () => {
    await using machine = await machineOf();
    await put(machine.store, { 'input/word-count/a.txt': 'one\n' });
    const event = uploadEvent('input/word-count/a.txt');

    const first = await machine.execute(event);
    const second = await machine.execute(event);
    const uploadedAgain = await machine.execute(uploadEvent('input/word-count/a.txt', '02'));

    expect([first.status, second.status, uploadedAgain.status]).toEqual([
      'SUCCEEDED',
      'NOTHING TO DO',
      'SUCCEEDED',
    ]);
  });
});

describe('attempts', () => {
  it('that died are in the report with the cause of death', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const ends = ['Runtime.ExitError', 'Runtime.OutOfMemory', 'Sandbox.Timedout'];

    await machine.execute(submit('deaths'), {
      dies: ({ stage, index, deaths }) => (stage === 'map' && index === 0 ? ends[deaths] : undefined),
    });

    const report = await readDocument<JobReport>(machine.store, 'output/deaths/manifest.json');
    expect(report.failures.map(({ taskId, error }) => [taskId, error.name])).toEqual([
      ['m-00000', 'WorkerDiedError'],
      ['m-00000', 'WorkerOutOfMemoryError'],
      ['m-00000', 'TaskTimedOutError'],
    ]);
    expect(report.stages[0]).toMatchObject({ stage: 'map', tasks: 3, attempts: 6, failedAttempts: 3 });
    expect(await textOf(machine.store, 'output/deaths/')).toBe(COUNTS);
  });

  it.each(MAPS)(
    'that die every time fail the job, and the error has the cause of death (an $map Map, whose child $childFailure)',
    async ({ childFailure, inlineTasksMax }) => {
      await using machine = await machineOf();
      machine.inlineTasksMax = inlineTasksMax;
      await put(machine.store, INPUT);

      const ended = await machine.execute(submit('doomed'), {
        childFailure,
        dies: ({ stage, index }) => (stage === 'map' && index === 0 ? 'Runtime.OutOfMemory' : undefined),
      });

      expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'WorkerOutOfMemoryError' } });
      expect(machine.log.filter((step) => step === 'm-0')).toHaveLength(5);
      const failure = await readDocument<FailureDocument>(machine.store, 'jobs/doomed/failure.json');
      expect(failure.failedAttempts).toHaveLength(4);
      expect(failure.message).toContain('m-00000');
      expect(failure.nextSteps.map(({ text }) => text).join()).toContain('taskMemoryMb');
    },
  );

  it('near their deadline stop with an error and are retried', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    await machine.execute(submit('late'), {
      beforeAttempt({ stage, index, retry }) {
        machine.remainingMs = stage === 'map' && index === 0 && retry === 0 ? 5_000 : 600_000;
      },
    });

    const report = await readDocument<JobReport>(machine.store, 'output/late/manifest.json');
    expect(report.failures.map(({ error }) => error.name)).toEqual(['DeadlineNearError']);
    expect(await textOf(machine.store, 'output/late/')).toBe(COUNTS);
  });

  it('that fail before their task begins write a note too', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const settings = 'jobs/unsettled/plan/settings.json';
    let saved: Buffer = Buffer.alloc(0);

    await machine.execute(submit('unsettled'), {
      async beforeAttempt({ stage, index, retry }) {
        if (stage !== 'map' || index !== 0) return;
        if (retry > 0) await machine.store.put(settings, saved);
        else {
          saved = await machine.store.get(settings);
          await machine.store.delete([settings]);
        }
      },
    });

    const report = await readDocument<JobReport>(machine.store, 'output/unsettled/manifest.json');
    expect(report.failures.map(({ taskId, error }) => [taskId, error.name])).toEqual([
      ['m-00000', 'ObjectNotFoundError'],
    ]);
  });

  it('whose task is already done end at once', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const execution = { id: 'execution', startTime: new Date().toISOString() };
    const state = await planStep({ input: submit('done'), execution }, machine.environment);
    const [item] = state.tasks;
    const attempt = (requestId: string, retry: number) =>
      mapStep(v.parse(mapEventSchema, { jobId: 'done', item, retry }), machine.environment, {
        requestId,
        remainingMs: () => 600_000,
      });

    const first = await attempt('first', 0);
    const twin = await attempt('twin', 0);
    const retry = await attempt('retry', 1);

    expect(first).toMatchObject({ committed: true, attemptId: 'm-00000.first' });
    expect(twin).toMatchObject({ committed: false });
    expect(retry).toBeUndefined();
  });
});

describe('a damaged shuffle object', () => {
  it('is recreated, and the reducers that needed it run again', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    let isDamaged = false;

    const ended = await machine.execute(submit('damaged'), {
      async beforeAttempt({ stage, index }) {
        if (stage !== 'reduce' || index !== 1 || isDamaged) return;
        isDamaged = true;
        await machine.store.delete([0, 1, 2].map((map) => `work/damaged/shuffle/m-0000${map}`));
      },
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, 'output/damaged/')).toBe(COUNTS);
    expect(machine.log.slice(5)).toEqual([
      ...['r-0', 'r-1', 'r-1', 'reduce-barrier'],
      ...['map-barrier', 'm-0', 'm-1', 'm-2', 'map-barrier'],
      ...['reduce-barrier', 'r-1', 'reduce-barrier', 'commit'],
    ]);
  });
});

describe('a damaged shuffle object of a job with a thousand failed attempts', () => {
  it('is recreated', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    let isDone = false;

    const ended = await machine.execute(submit('many-failures'), {
      async beforeAttempt({ stage }) {
        if (isDone || stage !== 'reduce') return;
        isDone = true;
        const note = JSON.stringify({ taskId: 'm-00000', attemptId: 'm-00000.1', at: '', error: {} });
        for (let attempt = 0; attempt < 1_000; attempt++) {
          await machine.store.put(`work/many-failures/failures/m-00000.${attempt}.json`, Buffer.from(note));
        }
        await machine.store.delete(['work/many-failures/shuffle/m-00001']);
      },
    });

    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    expect(machine.log.filter((step) => step === 'm-1')).toHaveLength(2);
    expect(machine.log.filter((step) => step === 'reduce-barrier')).toHaveLength(3);
  });
});

describe('a damaged shuffle index', () => {
  it.each([
    ['with correct clocks', 0],
    // For a clock that is ahead, the report of the damage seems to come after the repair.
    ["also where a reducer's clock is ahead of the barriers'", 60_000],
  ])('is written again by the map barrier, and no map task runs again, %s', async (_when, aheadMs) => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    machine.clockAheadMs = (who) => (who === 'reduce' ? aheadMs : 0);
    let isDamaged = false;

    const ended = await machine.execute(submit('damaged-index'), {
      async beforeAttempt({ stage, index }) {
        if (stage !== 'reduce' || index !== 1 || isDamaged) return;
        isDamaged = true;
        const key = 'work/damaged-index/shuffle-index';
        const bytes = Buffer.from(await machine.store.get(key));
        bytes[bytes.length - 1]! ^= 1;
        await machine.store.put(key, bytes);
      },
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, 'output/damaged-index/')).toBe(COUNTS);
    expect(machine.log.slice(5)).toEqual([
      ...['r-0', 'r-1', 'r-1', 'reduce-barrier', 'map-barrier'],
      ...['reduce-barrier', 'r-1', 'reduce-barrier', 'commit'],
    ]);
  });
});

describe('a part that is damaged after the last barrier', () => {
  it.each<[string, (store: ObjectStore, key: string) => Promise<unknown>]>([
    ['removed', (store, key) => store.delete([key])],
    [
      'changed at the same size, by its own metadata',
      async (store, key) => {
        const bytes = Buffer.from(await store.get(key));
        bytes[0]! ^= 1;
        return store.put(key, bytes, { metadata: (await store.head(key))!.metadata });
      },
    ],
  ])('and %s is recreated before _SUCCESS, and the report shows it', async (how, damage) => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const id = `damaged-part-${how.split(' ')[0]}`;
    let isDamaged = false;

    const ended = await machine.execute(submit(id), {
      async beforeCommit() {
        if (isDamaged) return;
        isDamaged = true;
        await damage(machine.store, `output/${id}/part-r-00001.tsv`);
      },
    });

    expect(ended).toMatchObject({ status: 'SUCCEEDED' });
    expect(await textOf(machine.store, `output/${id}/`)).toBe(COUNTS);
    expect(machine.log.slice(5)).toEqual([
      ...['r-0', 'r-1', 'reduce-barrier', 'commit'],
      ...['reduce-barrier', 'r-1', 'reduce-barrier', 'commit'],
    ]);
    const report = await readDocument<JobReport>(machine.store, `output/${id}/manifest.json`);
    expect(report.failures).toMatchObject([
      { taskId: 'r-00001', error: { name: 'CorruptShuffleError', details: { toRepair: 'r-00001' } } },
    ]);
  });

  it('of a job without a reduce goes back to the map barrier', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    let isDamaged = false;

    const request = { app: 'keep-all', inputs: ['data/'], splitSizeBytes: 10 };
    const ended = await machine.execute(submit('damaged-map-part', request), {
      async beforeCommit() {
        if (isDamaged) return;
        isDamaged = true;
        await machine.store.delete(['output/damaged-map-part/part-m-00001.tsv']);
      },
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect(machine.log.slice(4)).toEqual([
      'map-barrier',
      'commit',
      'map-barrier',
      'm-1',
      'map-barrier',
      'commit',
    ]);
  });

  it('again and again fails the job', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('part-often'), {
      beforeCommit: () => machine.store.delete(['output/part-often/part-r-00000.tsv']),
    });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'TaskFailedError' } });
    expect(await machine.store.head('output/part-often/_SUCCESS')).toBeUndefined();
  });
});

describe('a part that is damaged before it is merged', () => {
  it('does not fail a job that another call of commit publishes meanwhile', async () => {
    await using machine = await machineOf();
    const { store, environment } = machine;
    await put(store, INPUT);
    const key = 'work/called-twice/merge/r-00001';
    const states: JobState[] = [];
    machine.onState = (state) => states.push(state);
    let part: { readonly bytes: Buffer; readonly metadata: Metadata } | undefined;
    let isPublished = false;

    const ended = await machine.execute(submit('called-twice', { ...REQUEST, merge: true }), {
      async beforeCommit() {
        if (part !== undefined) return;
        part = { bytes: await store.get(key), metadata: (await store.head(key))!.metadata };
        await store.delete([key]);
      },
      async beforeAttempt() {
        if (part === undefined || isPublished) return;
        isPublished = true;
        // The other call has read the part before it was lost.
        await store.put(key, part.bytes, part);
        const state = states.find(({ next }) => next === 'commit');
        const execution = { id: 'execution-0', startTime: new Date().toISOString() };
        const event = v.parse(stepEventSchema, { ...state, execution });
        await commitStep(event, environment, { requestId: 'other', remainingMs: () => 600_000 });
      },
    });

    expect(isPublished).toBe(true);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: 1 } });
    expect(machine.log.slice(-2)).toEqual(['reduce-barrier', 'commit']);
    expect((await store.get('output/called-twice/merged.tsv')).toString()).toBe(`${COUNTS}\n`);
    expect(await keysOf(store, 'work/called-twice/merge/')).toEqual([]);
  });

  it('is recreated, and the report shows it', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    let isDamaged = false;

    const ended = await machine.execute(submit('damaged-run', { ...REQUEST, merge: true }), {
      async beforeCommit() {
        if (isDamaged) return;
        isDamaged = true;
        const key = 'work/damaged-run/merge/r-00001';
        const bytes = Buffer.from(await machine.store.get(key));
        bytes[30]! ^= 1;
        await machine.store.put(key, bytes);
      },
    });

    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { parts: 1 } });
    expect((await machine.store.get('output/damaged-run/merged.tsv')).toString().trim()).toBe(COUNTS);
    expect(machine.log.slice(5)).toEqual([
      ...['r-0', 'r-1', 'reduce-barrier', 'commit'],
      ...['reduce-barrier', 'r-1', 'reduce-barrier', 'commit'],
    ]);
    const report = await readDocument<JobReport>(machine.store, 'output/damaged-run/manifest.json');
    expect(report.stages[1]).toMatchObject({ tasks: 2, attempts: 3, failedAttempts: 1 });
    expect(report.failures).toMatchObject([
      { taskId: 'r-00001', error: { name: 'CorruptShuffleError', details: { toRepair: 'r-00001' } } },
    ]);
  });

  it('of a job without a reduce goes back to the map barrier', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    let isDamaged = false;

    const request = { app: 'keep-all', inputs: ['data/'], splitSizeBytes: 10, merge: true };
    const ended = await machine.execute(submit('damaged-part', request), {
      async beforeCommit() {
        if (isDamaged) return;
        isDamaged = true;
        await machine.store.delete(['work/damaged-part/merge/m-00001']);
      },
    });

    expect(ended.status).toBe('SUCCEEDED');
    expect((await machine.store.get('output/damaged-part/merged.tsv')).toString()).toBe(
      'one   two\t9\ntwo three\t9\nthree six\t9\n',
    );
    expect(machine.log.slice(4)).toEqual([
      'map-barrier',
      'commit',
      'map-barrier',
      'm-1',
      'map-barrier',
      'commit',
    ]);
  });

  it('again and again fails the job', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('damaged-often', { ...REQUEST, merge: true }), {
      beforeCommit: () => machine.store.delete(['work/damaged-often/merge/r-00000']),
    });

    expect(ended).toMatchObject({
      status: 'FAILED',
      failure: { error: 'TaskFailedError', cause: expect.stringContaining('r-00000') },
    });
    expect(machine.log.filter((name) => name === 'r-0')).toHaveLength(4);
  });
});

describe('an input that changes while the job runs', () => {
  it('fails the job with a clear error, without retries', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('changed'), {
      async beforeAttempt({ stage, index }) {
        if (stage === 'map' && index === 1)
          await put(machine.store, { 'data/a.txt': 'ONE   TWO\nTWO THREE\n' });
      },
    });

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'InputChangedError' } });
    expect(machine.log.filter((step) => step === 'm-1')).toHaveLength(1);
  });
});

describe('redrive', () => {
  it('runs only the remaining tasks', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    let isBroken = true;
    const options = {
      beforeAttempt({ stage, index }: { stage: string; index: number }) {
        if (isBroken && stage === 'reduce' && index === 1)
          throw Object.assign(new Error('no luck'), { name: 'StorageError' });
      },
    };
    const failed = await machine.execute(submit('again'), options);
    machine.log.length = 0;
    isBroken = false;

    const redriven = await machine.execute({ jobId: 'again', redrive: true }, options);

    expect([failed.status, redriven.status]).toEqual(['FAILED', 'SUCCEEDED']);
    expect(machine.log).toEqual(['plan', 'map-barrier', 'reduce-barrier', 'r-1', 'reduce-barrier', 'commit']);
    expect(await textOf(machine.store, 'output/again/')).toBe(COUNTS);
    expect(await machine.store.head('jobs/again/failure.json')).toBeUndefined();
  });

  it('runs a task again if the summary of its part has expired with the intermediates', async () => {
    const counting: Job = defineJob({
      name: 'counting',
      description: 'Every line, with more counters than fit the metadata of a part',
      input: textLines(),
      key: 'string',
      value: 'number',
      map: (line, { emit }) => emit(line, 1),
      reduce(line, ones, { emit, count }) {
        for (let name = 0; name < 500; name++) count(`a counter with the number ${name}`);
        emit(line, [...ones].length);
      },
      output: tsv(),
    });
    await using machine = await SimulatedMachine.start({ counting });
    await put(machine.store, INPUT);
    let isBroken = true;
    const options = {
      beforeCommit() {
        if (isBroken) throw Object.assign(new Error('no luck'), { name: 'StorageError' });
      },
    };
    const failed = await machine.execute(submit('expired', { ...REQUEST, app: 'counting' }), options);
    const expired: string[] = [];
    for await (const { key } of machine.store.list('work/expired/')) expired.push(key);
    await machine.store.delete(expired);
    isBroken = false;

    const redriven = await machine.execute({ jobId: 'expired', redrive: true }, options);

    expect(expired.filter((key) => key.includes('/attempts/')).length).toBeGreaterThan(0);
    expect([failed.status, redriven]).toEqual(['FAILED', expect.objectContaining({ status: 'SUCCEEDED' })]);
    expect(await textOf(machine.store, 'output/expired/')).toBe('one   two\t1\nthree six\t1\ntwo three\t1');
  });

  /** A job that fails in a reduce task until `fix` is called. */
  const brokenJob = async (machine: SimulatedMachine) => {
    await put(machine.store, INPUT);
    let isBroken = true;
    const options = {
      beforeAttempt({ stage, index }: { stage: string; index: number }) {
        if (isBroken && stage === 'reduce' && index === 1)
          throw Object.assign(new Error('no luck'), { name: 'StorageError' });
      },
    };
    const redrive = (more: object = {}) =>
      machine.execute({ jobId: 'pinned', redrive: true, ...more }, options);
    await machine.execute(submit('pinned'), options);
    return { redrive, fix: () => (isBroken = false) };
  };

  it('under other code is refused and changes nothing', async () => {
    await using machine = await machineOf();
    const { redrive, fix } = await brokenJob(machine);
    fix();
    machine.codeHash = 'c0de00000002';

    const refused = await redrive();
    machine.codeHash = 'c0de00000001';
    const redriven = await redrive();

    expect(refused).toMatchObject({
      status: 'FAILED',
      failure: {
        error: 'CodeChangedError',
        cause: expect.stringMatching(
          /^job pinned started with code c0de00000001, and the deployment has code c0de00000002\..*--allow-other-code/,
        ),
      },
    });
    expect(redriven.status).toBe('SUCCEEDED');
  });

  it('runs other code if it accepts that, and later redrives may run that code too', async () => {
    await using machine = await machineOf();
    const { redrive, fix } = await brokenJob(machine);
    machine.codeHash = 'c0de00000002';

    const accepted = await redrive({ allowOtherCode: true });
    fix();
    const third = await redrive();

    expect(accepted).toMatchObject({ status: 'FAILED', failure: { error: 'StorageError' } });
    expect(third.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, 'output/pinned/')).toBe(COUNTS);
  });

  it('of a job that failed after _SUCCESS removes what is left, under any code', async () => {
    const store = new KeepingStore();
    await using machine = await SimulatedMachine.start({ 'word-count': wordCount }, store);
    await put(store, INPUT);
    const failed = await machine.execute(submit('late'));
    const success = await store.head('output/late/_SUCCESS');
    const left = await keysOf(store, 'work/late/');
    store.keeps = false;
    machine.codeHash = 'c0de00000002';
    machine.log.length = 0;

    const redriven = await machine.execute({ jobId: 'late', redrive: true });

    expect(failed.status).toBe('FAILED');
    expect(success).toBeDefined();
    expect(left).toContain('reduce-stage.json');
    expect(redriven).toEqual({
      status: 'SUCCEEDED',
      output: { jobId: 'late', outputPrefix: 'output/late/', parts: 2 },
    });
    expect(machine.log).toEqual(['plan', 'commit']);
    expect(await keysOf(store, 'work/')).toEqual([]);
    expect(await store.head('jobs/late/failure.json')).toBeUndefined();
    expect(await store.head('output/late/_SUCCESS')).toEqual(success);
    expect(await textOf(store, 'output/late/')).toBe(COUNTS);
  });

  it('of a job that does not exist is refused', async () => {
    await using machine = await machineOf();

    const ended = await machine.execute({ jobId: 'never', redrive: true });

    expect(ended).toMatchObject({
      status: 'FAILED',
      failure: { cause: expect.stringContaining("there is no job 'never' to redrive") },
    });
  });
});

describe('code that the job did not start with', () => {
  it.each([
    ['map', 'm-0'],
    ['map-barrier', 'map-barrier'],
    ['reduce', 'r-0'],
    ['commit', 'commit'],
  ])('does not run %s', async (_, step) => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const run = machine.log.push.bind(machine.log);
    machine.log.push = (name) => {
      // As if the state machine invoked a function that was deployed in the meantime.
      if (name === step) machine.codeHash = 'c0de00000002';
      return run(name);
    };

    const ended = await machine.execute(submit('mixed'));

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'CodeChangedError' } });
    expect(machine.log.at(-1)).toBe(step);
  });
});

describe('an output that another job writes to', () => {
  it('is refused before any task runs, unless the request has "overwrite": true', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const request = { ...REQUEST, output: 'output/daily/' };
    await machine.execute(submit('monday', request));

    const refused = await machine.execute(submit('tuesday', request));
    const replaced = await machine.execute(
      submit('wednesday', { ...request, inputs: ['data/b.txt'], overwrite: true }),
    );

    expect(refused).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(replaced.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, 'output/daily/')).toBe('six\t1\nthree\t1');
  });
});

describe('an output that another job takes over', () => {
  const NAMED = { ...REQUEST, output: 'output/daily/', overwrite: true };
  const prefix = 'output/daily/';

  it('is cleared of parts that attempts of the previous owner commit late', async () => {
    await using machine = await machineOf();
    await put(machine.store, { ...INPUT, 'input/words/c.txt': 'old words\n' });
    const before = { ...NAMED, inputs: ['input/words/'], reducers: 4 };

    // The previous owner ends in its reduce stage: Step Functions has stopped it, but its attempts on Lambda continue.
    const ended = await machine.execute(submit('before', before), {
      beforeAttempt({ stage }) {
        if (stage === 'reduce') throw new MapReduceError('UnencodableValueError', 'given up');
      },
    });
    const late = (index: number) =>
      reduceStep(v.parse(reduceEventSchema, { jobId: 'before', item: { index } }), machine.environment, {
        requestId: `late-${index}`,
        remainingMs: () => 600_000,
      });
    let wasCancelled = false;
    const after = await machine.execute(submit('after', NAMED), {
      async beforeAttempt({ stage }) {
        if (stage !== 'reduce' || wasCancelled) return;
        wasCancelled = (await machine.store.head('jobs/before/cancel')) !== undefined;
        // They commit before they check for cancellation.
        await machine.store.delete(['jobs/before/cancel']);
        for (const index of [0, 1, 2, 3]) await late(index);
      },
    });

    expect(ended.status).toBe('FAILED');
    expect(after.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, prefix)).toBe(COUNTS);
    expect(await keysOf(machine.store, `${prefix}part-`)).toEqual(['part-r-00000.tsv', 'part-r-00001.tsv']);
    expect(machine.log.filter((name) => name === 'reduce-barrier')).toHaveLength(2);
    expect(wasCancelled).toBe(true);
  });

  it('stays complete when the previous owner reaches its commit, which fails and names the new owner', async () => {
    await using machine = await machineOf();
    await put(machine.store, { ...INPUT, 'input/words/c.txt': 'old words\n' });
    let after: Ended | undefined;

    const before = await machine.execute(submit('first', { ...NAMED, inputs: ['input/words/'] }), {
      async beforeCommit() {
        after = await machine.execute(submit('second', NAMED));
      },
    });

    expect(after?.status).toBe('SUCCEEDED');
    expect(before).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect((before as { failure: { cause: string } }).failure.cause).toContain('job second took it over');
    expect(await textOf(machine.store, prefix)).toBe(COUNTS);
    expect(await readDocument<JobReport>(machine.store, `${prefix}manifest.json`)).toMatchObject({
      jobId: 'second',
    });
  });

  it('does not count as done because the previous owner commits at the last moment', async () => {
    await using machine = await machineOf();
    await put(machine.store, { ...INPUT, 'input/words/c.txt': 'old words\n' });
    await machine.execute(submit('early', { ...NAMED, inputs: ['input/words/'] }));
    const manifest = await machine.store.get(`${prefix}manifest.json`);

    const after = await machine.execute(submit('late', NAMED), {
      async beforeCommit() {
        const metadata = { 'mapreduce-job': 'early' };
        await machine.store.put(`${prefix}manifest.json`, manifest, { metadata });
        await machine.store.put(`${prefix}_SUCCESS`, Buffer.alloc(0), { metadata });
      },
    });

    expect(after.status).toBe('SUCCEEDED');
    expect(await textOf(machine.store, prefix)).toBe(COUNTS);
    expect(await readDocument<JobReport>(machine.store, `${prefix}manifest.json`)).toMatchObject({
      jobId: 'late',
    });
  });

  it('is not returned by a redrive of the previous owner', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const doomed = { ...NAMED, params: { poison: 'two three' } };
    await machine.execute(submit('doomed-first', doomed));
    await machine.execute(submit('taking', NAMED));

    const redriven = await machine.execute({ jobId: 'doomed-first', redrive: true });

    expect(redriven).toMatchObject({ status: 'FAILED', failure: { error: 'OutputExistsError' } });
    expect(await textOf(machine.store, prefix)).toBe(COUNTS);
  });
});

describe('a backup attempt that Lambda starts late', () => {
  it.each([
    ['has succeeded', {}],
    ['has failed', { params: { poison: 'two three' } }],
  ])('does nothing when the job %s', async (_how, params) => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    const id = `late-backup-${Object.keys(params).length}`;
    await machine.execute(submit(id, { ...REQUEST, ...params }));
    await machine.store.delete([`work/${id}/shuffle/m-00000`]);

    const event = v.parse(mapEventSchema, { jobId: id, item: { index: 0 }, backup: true });
    const result = await mapStep(event, machine.environment, {
      requestId: 'late',
      remainingMs: () => 600_000,
    });

    expect(result).toBeUndefined();
    expect(await machine.store.head(`work/${id}/shuffle/m-00000`)).toBeUndefined();
  });
});

describe('a job id', () => {
  it('that belongs to another request is refused, and that job is not changed', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);
    await machine.execute(submit('taken'));

    const ended = await machine.execute(submit('taken', { ...REQUEST, reducers: 1 }));

    expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'JobAlreadyClaimedError' } });
    expect(await machine.store.head('jobs/taken/failure.json')).toBeUndefined();
  });
});

describe('a cancelled job', () => {
  it('is not retried', async () => {
    await using machine = await machineOf();
    await put(machine.store, INPUT);

    const ended = await machine.execute(submit('cancelled'), {
      beforeAttempt({ index, retry }) {
        if (index === 1 && retry === 0)
          throw Object.assign(new Error('the job was cancelled'), { name: 'CancelledError' });
      },
    });

    expect(ended.status).toBe('FAILED');
    expect(machine.log.filter((step) => step === 'm-1')).toHaveLength(1);
  });
});
