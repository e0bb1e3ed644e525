import { describe, expect, it } from 'vitest';
import { verifyParts } from '../../src/commit/verify-parts.ts';
import { defineJob, type Job, lines, textLines } from '../../src/index.ts';
import { tasksOf } from '../../src/plan/stages.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import { closeMapStage } from '../../src/stages/map-barrier.ts';
import { closeReduceStage } from '../../src/stages/reduce-barrier.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { keysOf } from '../helpers/keys-of.ts';
import { environmentOf, LAYOUT, scratchFolder } from './environment.ts';
import { runSmallJob, runTask } from './small-job.ts';

const COMMON = { description: '', input: textLines(), output: lines() } as const;
const copy = defineJob({
  ...COMMON,
  name: 'copy',
  map(line, { emit }) {
    emit(undefined, line);
  },
});
const words = defineJob({
  ...COMMON,
  name: 'words',
  key: 'string',
  value: 'string',
  map(line, { emit }) {
    for (const word of line.split(' ')) emit(word, word);
  },
  reduce: 'each',
});

/** Runs a job until its parts are committed and its last barrier is closed. */
async function closed(job: Job) {
  const store = new MemoryStore();
  using scratch = scratchFolder();
  await store.put('in/a', Buffer.from('to be or\nnot to be\nthat is\n'));
  const options = {
    job,
    store,
    scratch: scratch.path,
    splitSizeBytes: 9,
    ...(job === words ? { reducers: 3 } : {}),
  };
  const { plan } = await runSmallJob(options);
  const environment = { ...environmentOf(job, { store, scratch: scratch.path }), settings: plan.settings };
  const { extension } = job.output;
  await store.delete((await keysOf(store)).filter((key) => key.startsWith('out/')));
  for (const spec of tasksOf(plan, 'map')) await runTask(spec, 0, environment);
  const map = await closeMapStage({ plan, store, layout: LAYOUT, extension });
  if (plan.settings.reducers > 0)
    for (const spec of tasksOf(plan, 'reduce')) await runTask(spec, 0, environment);
  const { partitionRecords } = map;
  const close = () =>
    plan.settings.reducers === 0
      ? closeMapStage({ plan, store, layout: LAYOUT, extension })
      : closeReduceStage({ plan, partitionRecords, store, layout: LAYOUT, extension });
  return { store, plan, close, verify: verifier(plan, store, extension) };
}

function verifier(plan: JobPlan, store: MemoryStore, extension: string) {
  return async (
    summaries: Awaited<ReturnType<typeof closeMapStage>>['summaries'],
    watched = store as never,
  ) => verifyParts(plan, { store: watched, layout: LAYOUT, extension, summaries });
}

describe.each([
  ['a reduce', words, 'out/part-r-00001.txt', 'r-00001'],
  ['a map-only job', copy, 'out/part-m-00001.txt', 'm-00001'],
])('the parts of %s', (_what, job, key, task) => {
  it('pass the check, which makes one listing and no other request', async () => {
    const { store, close, verify } = await closed(job);
    const { summaries } = await close();
    const watched = new FaultyStore(store);

    await verify(summaries, watched as never);

    expect(watched.log).toEqual(['list out/part-', 'list.end out/part-']);
  });

  it.each<[string, (store: MemoryStore) => Promise<unknown>, RegExp]>([
    ['removed', (store) => store.delete([key]), /was removed after its task committed it/],
    ['replaced', (store) => store.put(key, Buffer.from('x')), /was changed after its task committed it/],
    [
      'changed at the same size',
      async (store) => {
        const bytes = await store.get(key);
        bytes[0]! ^= 4;
        const { metadata } = (await store.head(key))!;
        await store.put(key, bytes, { metadata });
      },
      /was changed after its task committed it/,
    ],
  ])(
    'fail the check if one was %s after the barrier, and the error names the task to run again',
    async (_how, harm, message) => {
      const { store, close, verify } = await closed(job);
      const { summaries } = await close();

      await harm(store);

      await expect(verify(summaries)).rejects.toMatchObject({
        name: 'CorruptShuffleError',
        message: expect.stringMatching(message),
        details: { toRepair: task, objectKey: key },
      });
    },
  );

  it('count as missing at the barrier if one was truncated, and are removed for the next attempt', async () => {
    const { store, close } = await closed(job);
    const { metadata } = (await store.head(key))!;
    await store.put(key, (await store.get(key)).subarray(1), { metadata });

    const { missing } = await close();

    expect(missing).toEqual([1]);
    expect(await store.head(key)).toBeUndefined();
  });
});
