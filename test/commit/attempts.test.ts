import { describe, expect, it } from 'vitest';
import { taskId } from '../../src/base/ids.ts';
import type { FileList } from '../../src/commit/file-list.ts';
import { mergeRunKey, partKey, shuffleKey } from '../../src/commit/layout.ts';
import { defineJob, inFolders, type Job, lines, textLines } from '../../src/index.ts';
import { tasksOf } from '../../src/plan/stages.ts';
import type { JobPlan, TaskSpec } from '../../src/plan/task.ts';
import { closeMapStage } from '../../src/stages/map-barrier.ts';
import { counting } from './counting-jobs.ts';
import { environmentOf, LAYOUT, scratchFolder, scratchOfFile } from './environment.ts';
import { storeOf } from './random-jobs.ts';
import { objectsBelow, partsOf, runSmallJob, runTask } from './small-job.ts';

const scratch = scratchOfFile();

const mapOnly = defineJob({
  name: 'map-only',
  description: '',
  input: textLines(),
  map: (line, { emit }) => emit(undefined, line),
  output: lines(),
});

const inSeveralFiles = { kept: inFolders(() => 'k=v', lines()), all: lines() } as const;
const mapOnlyInFiles = defineJob({
  name: 'map-only-in-files',
  description: '',
  input: textLines(),
  map(line, { emit }) {
    emit.kept(undefined, line);
    emit.all(undefined, line);
  },
  output: inSeveralFiles,
});
const reducedInFiles = defineJob({
  name: 'reduced-in-files',
  description: '',
  input: textLines(),
  key: 'string',
  value: 'string',
  map: (line, { emit }) => emit(line, line),
  reduce(line, values, { emit }) {
    for (const value of values) emit.kept(line, value);
    emit.all(line, line);
  },
  output: inSeveralFiles,
});

describe('two attempts of one task at once', () => {
  const text = ['the fox and the dog\n'.repeat(30), 'a b c d e\n'.repeat(30)];

  /** Plans a job, and runs its map tasks if its reduce tasks are to run. */
  async function planned(job: Job, { merge, upTo }: { merge: boolean; upTo: 'map' | 'reduce' }) {
    const store = await storeOf(text);
    let plan: JobPlan | undefined;
    const stop = new Error('planned');
    await runSmallJob({
      job,
      store,
      scratch: scratch.path,
      merge,
      splitSizeBytes: 300,
      ...(job.shuffle === undefined ? {} : { reducers: 2 }),
      shuffled: (tasks) => {
        if (tasks[0]!.stage === upTo) throw stop;
        return tasks;
      },
      onPlanned: (made) => {
        plan = made;
      },
    }).catch((error: unknown) => {
      if (error !== stop) throw error;
    });
    return { store, plan: plan! };
  }

  it.each([
    ['a map task', counting['named reducer']!, 'map', false],
    ['a reduce task', counting['named reducer']!, 'reduce', false],
    ['a reduce task whose run is to be merged', counting['functions without a combiner']!, 'reduce', true],
    ['a reduce task that writes several files', reducedInFiles, 'reduce', false],
    ['a map-only task that writes several files', mapOnlyInFiles, 'map', false],
    ['a map-only task', mapOnly, 'map', false],
    ['a map-only task whose part is to be merged', mapOnly, 'map', true],
  ] as const)(
    'of %s: one commits, and the other learns that it did not',
    async (_what, job, stage, merge) => {
      const { store, plan } = await planned(job, { merge, upTo: stage });
      const tasks: readonly TaskSpec[] = stage === 'map' ? tasksOf(plan, 'map') : tasksOf(plan, 'reduce');

      for (const spec of tasks) {
        const attempts = ['first', 'second', 'third'];
        const results = await Promise.all(
          attempts.map(async (attempt) => {
            using own = scratchFolder();
            return await runTask(spec, attempt, {
              ...environmentOf(job, { store, scratch: own.path }),
              settings: plan.settings,
            });
          }),
        );
        const late = await runTask(spec, 'late', {
          ...environmentOf(job, { store, scratch: scratch.path }),
          settings: plan.settings,
        });

        expect(results.filter(({ committed }) => committed).length).toBe(1);
        expect(late.committed).toBe(false);
        for (const result of [...results, late]) {
          const same = { attemptId: '', committed: false, measured: undefined };
          expect({ ...result, ...same }).toEqual({ ...results[0], ...same });
        }
      }
      if (job.output.severalFiles) {
        const listed: string[] = [];
        for (const list of Object.values(await objectsBelow(store, 'work/files/'))) {
          listed.push(...(JSON.parse(list) as FileList).files.map(({ name }) => `out/${name}`));
        }
        expect(Object.keys(await objectsBelow(store, 'out/'))).toEqual(listed.sort());
        expect(listed.length).toBeGreaterThanOrEqual(tasks.length);
      }
      if (stage === 'map') {
        const { missing } = await closeMapStage({
          plan,
          store,
          layout: LAYOUT,
          extension: job.output.extension,
        });
        expect(missing).toEqual([]);
      }
    },
  );

  it('leave exactly the objects that the layout names', async () => {
    const { store, plan } = await planned(counting['named reducer']!, { merge: false, upTo: 'reduce' });

    const keys = Object.keys(await objectsBelow(store, 'work/'));

    expect(keys.sort()).toEqual(
      [...tasksOf(plan, 'map').map((spec) => shuffleKey(LAYOUT, spec.taskId)), 'work/shuffle-index'].sort(),
    );
    expect(shuffleKey(LAYOUT, taskId('map', 3))).toBe('work/shuffle/m-00003');
    expect(mergeRunKey(LAYOUT, taskId('reduce', 3))).toBe('work/merge/r-00003');
    expect(partKey(LAYOUT, taskId('reduce', 3), 'tsv')).toBe('out/part-r-00003.tsv');
    expect(partsOf(await objectsBelow(store, 'out/'))).toBe('');
  });
});
