import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeRunKey, partKey, shuffleKey } from '../../src/commit/layout.ts';
import { closeMapStage } from '../../src/commit/map-barrier.ts';
import { taskId } from '../../src/ids.ts';
import { byRange, defineJob, type Job, json, lines, textLines, tsv } from '../../src/index.ts';
import { hashKey, partitionOfHash } from '../../src/map/key-hash.ts';
import { mapTasks, reduceTasks } from '../../src/plan/plan-job.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import type { JobPlan, TaskSpec } from '../../src/task.ts';
import { environmentOf, LAYOUT, scratchFolder } from './environment.ts';
import { objectsBelow, partsOf, runSmallJob, runTask, type SmallJobOptions } from './small-job.ts';

let scratch: ReturnType<typeof scratchFolder>;
beforeAll(() => {
  scratch = scratchFolder();
});
afterAll(() => scratch[Symbol.dispose]());

const COMMON = { description: '', input: textLines() } as const;
/** The same job written three ways. */
const counting: Readonly<Record<string, Job>> = {
  'named reducer': defineJob({
    ...COMMON,
    name: 'named',
    key: 'string',
    value: 'number',
    map: (line, { emit }) => {
      for (const word of line.split(' ')) emit(word, 1);
    },
    reduce: 'sum',
    output: tsv(),
  }),
  'functions without a combiner': defineJob({
    ...COMMON,
    name: 'functions',
    key: 'string',
    value: 'number',
    map: (line, { emit }) => {
      for (const word of line.split(' ')) emit(word, 1);
    },
    reduce: (word, ones, { emit }) => {
      let sum = 0;
      for (const one of ones) sum += one;
      emit(word, sum);
    },
    output: tsv(),
  }),
  'JSON folded by a function': defineJob({
    ...COMMON,
    name: 'json',
    key: 'string',
    value: json<{ times: number }>(),
    map: (line, { emit }) => {
      for (const word of line.split(' ')) emit(word, { times: 1 });
    },
    combine: (a, b) => ({ times: a.times + b.times }),
    reduce: (word, values, { emit }) => {
      let sum = 0;
      for (const { times } of values) sum += times;
      emit(word, sum);
    },
    output: tsv(),
  }),
};
const positions = defineJob({
  ...COMMON,
  name: 'positions',
  key: 'string',
  value: 'number',
  map: (line, { emit, position }) => {
    for (const word of line.split(' ')) emit(word, position().offsetBytes);
  },
  reduce: 'each',
  output: tsv(),
});
const rangeSorted = defineJob({
  ...COMMON,
  ...{
    name: 'range-sorted',
    key: 'string',
    value: 'string',
    map: (line: string, { emit }: { emit: (key: string, value: string) => void }) => emit(line, line),
    partition: byRange(),
    reduce: 'each',
    output: lines(),
  },
});
const grep = defineJob({
  ...COMMON,
  name: 'grep',
  map: (line, { emit, count }) => {
    if (line.includes('a')) emit(undefined, line);
    else count('dropped');
  },
  output: lines(),
});

/** No backslash, tab, newline or carriage return: what TSV escapes is its own test's. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'the', 'ä', '', 'x'.repeat(130)) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom('a', 'z', '\0', 'é', '\u{10000}'), maxLength: 6 }),
  },
);
const line = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const files = fc.array(
  fc
    .record({ lines: fc.array(line, { maxLength: 5 }), ends: fc.boolean() })
    .map(({ lines, ends }) => lines.join('\n') + (ends && lines.length > 0 ? '\n' : '')),
  { minLength: 1, maxLength: 3 },
);
const settings = fc.record({
  splitSizeBytes: fc.oneof(fc.integer({ min: 8, max: 60 }), fc.constant(100_000)),
  reducers: fc.integer({ min: 1, max: 4 }),
  memoryBytes: fc.oneof(
    { weight: 9, arbitrary: fc.constant(2 ** 26) },
    { weight: 1, arbitrary: fc.constantFrom(4_000, 8_000) },
  ),
  merge: fc.boolean(),
  compression: fc.constantFrom({ codec: 'none' as const }, { codec: 'zstd' as const, level: 1 }),
});

async function storeOf(files: readonly string[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [i, text] of files.entries()) await store.put(`in/${i}.txt`, Buffer.from(text));
  return store;
}

function linesOf(files: readonly string[]): string[] {
  return files.flatMap((text) => {
    if (text === '') return [];
    return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  });
}

function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function partitionOf(key: string, partitions: number): number {
  const bytes = Buffer.from(key);
  return partitionOfHash(hashKey(bytes, 0, bytes.length), partitions);
}

/** What the parts hold, as texts; of a merged job one. */
function expectedParts(
  records: readonly (readonly [key: string, line: string])[],
  { reducers, merge }: { reducers: number; merge: boolean },
): string[] {
  const sorted = records.map((record, i) => ({ record, i }));
  sorted.sort((a, b) => compareText(a.record[0], b.record[0]) || a.i - b.i);
  const parts = Array.from({ length: merge ? 1 : reducers }, () => '');
  for (const { record } of sorted) parts[merge ? 0 : partitionOf(record[0], reducers)] += record[1];
  return parts;
}

async function run(options: Partial<SmallJobOptions> & { job: Job }, files: readonly string[]) {
  const store = await storeOf(files);
  const end = await runSmallJob({ store, scratch: scratch.path, ...options });
  const objects = await objectsBelow(store, 'out/');
  const parts = end.report.parts.map(({ name }) => Buffer.from(objects[`out/${name}`], 'latin1').toString());
  return { ...end, store, objects, parts };
}

describe('a whole job', () => {
  for (const [how, job] of Object.entries(counting)) {
    it(`counts words as a Map does, whatever the splits, reducers and memory (${how})`, async () => {
      await fc.assert(
        fc.asyncProperty(files, settings, async (files, settings) => {
          const { parts, report, objects, store } = await run({ job, ...settings }, files);

          const counts = new Map<string, number>();
          const words = linesOf(files).flatMap((line) => line.split(' '));
          for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
          const records = [...counts].map(([word, times]) => [word, `${word}\t${times}\n`] as const);
          expect(parts).toEqual(expectedParts(records, settings));
          expect(report.parts.map(({ records }) => records).reduce((a, b) => a + b, 0)).toBe(counts.size);
          for (const { name, bytes, crc32: crc } of report.parts) {
            const content = Buffer.from(objects[`out/${name}`], 'latin1');
            expect([content.length, crc32(content).toString(16).padStart(8, '0')]).toEqual([bytes, crc]);
          }
          expect(JSON.parse(objects['out/manifest.json'])).toEqual(report);
          expect(Object.keys(await objectsBelow(store, 'work/'))).toEqual([]);
        }),
        { numRuns: 1_000 },
      );
    }, 60_000);
  }

  it('keeps the values of each key in the order of the input', async () => {
    await fc.assert(
      fc.asyncProperty(files, settings, async (files, settings) => {
        const { parts } = await run({ job: positions, ...settings }, files);

        const records = files.flatMap((text) => {
          let offset = 0;
          return linesOf([text]).flatMap((line) => {
            const at = offset;
            offset += Buffer.byteLength(line) + 1;
            return line.split(' ').map((word) => [word, `${word}\t${at}\n`] as const);
          });
        });
        expect(parts).toEqual(expectedParts(records, settings));
      }),
      { numRuns: 1_000 },
    );
  }, 60_000);

  it('by ranges makes parts that, one after the other, are the sorted input', async () => {
    await fc.assert(
      fc.asyncProperty(files, settings, async (files, settings) => {
        const { parts } = await run({ job: rangeSorted, ...settings }, files);

        const sorted = linesOf(files).sort(compareText);
        expect(parts.join('')).toBe(sorted.map((line) => `${line}\n`).join(''));
      }),
      { numRuns: 1_000 },
    );
  }, 60_000);

  it('without a reduce writes what map emits, in the order of the input', async () => {
    await fc.assert(
      fc.asyncProperty(files, settings, async (files, { reducers: _none, ...settings }) => {
        const { parts, report, plan } = await run({ job: grep, ...settings }, files);

        const kept = linesOf(files).filter((line) => line.includes('a'));
        expect(parts.join('')).toBe(kept.map((line) => `${line}\n`).join(''));
        expect(report.parts.length).toBe(settings.merge ? 1 : plan.splits.length);
        expect(report.parts.reduce((sum, { records }) => sum + records, 0)).toBe(kept.length);
        expect(report.counters.dropped ?? 0).toBe(linesOf(files).length - kept.length);
      }),
      { numRuns: 1_000 },
    );
  }, 60_000);

  it('over no input at all is valid and has empty parts', async () => {
    for (const merge of [false, true]) {
      const shuffled = await run({ job: counting['named reducer'], reducers: 2, merge }, ['']);
      const mapOnly = await run({ job: grep, merge }, ['']);

      expect(shuffled.parts).toEqual(merge ? [''] : ['', '']);
      expect(mapOnly.parts).toEqual(merge ? [''] : []);
      expect(Object.keys(mapOnly.objects)).toContain('out/_SUCCESS');
    }
  });

  it('gives the same bytes in whatever order its tasks run', async () => {
    const text = ['the fox and the dog and the end\n'.repeat(20)];
    const inOrder = await run({ job: counting['named reducer'], reducers: 3, splitSizeBytes: 50 }, text);
    const backwards = await run(
      {
        job: counting['named reducer'],
        reducers: 3,
        splitSizeBytes: 50,
        shuffled: (tasks) => [...tasks].reverse(),
      },
      text,
    );

    expect(inOrder.plan.splits.length).toBeGreaterThan(5);
    expect(backwards.objects).toEqual(inOrder.objects);
  });
});

describe('two attempts of one task at once', () => {
  const text = ['the fox and the dog\n'.repeat(30), 'a b c d e\n'.repeat(30)];

  /** A job planned, and its map tasks done where its reduce tasks are to run. */
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
        if (tasks[0].stage === upTo) throw stop;
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
    ['a map task', counting['named reducer'], 'map', false],
    ['a reduce task', counting['named reducer'], 'reduce', false],
    ['a reduce task whose run is to be merged', counting['functions without a combiner'], 'reduce', true],
    ['a map-only task', grep, 'map', false],
    ['a map-only task whose part is to be merged', grep, 'map', true],
  ] as const)(
    'of %s: one commits, and the other is told that nothing of it counts',
    async (_what, job, stage, merge) => {
      const { store, plan } = await planned(job, { merge, upTo: stage });
      const tasks: readonly TaskSpec[] = stage === 'map' ? mapTasks(plan) : reduceTasks(plan);

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
          expect({ ...result, attemptId: '', committed: false }).toEqual({
            ...results[0],
            attemptId: '',
            committed: false,
          });
        }
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

  it('leaves exactly the objects that the layout names', async () => {
    const { store, plan } = await planned(counting['named reducer'], { merge: false, upTo: 'reduce' });

    const keys = Object.keys(await objectsBelow(store, 'work/'));

    expect(keys.sort()).toEqual(
      [...mapTasks(plan).map((spec) => shuffleKey(LAYOUT, spec.taskId)), 'work/shuffle-index'].sort(),
    );
    expect(shuffleKey(LAYOUT, taskId('map', 3))).toBe('work/shuffle/m-00003');
    expect(mergeRunKey(LAYOUT, taskId('reduce', 3))).toBe('work/merge/r-00003');
    expect(partKey(LAYOUT, taskId('reduce', 3), 'tsv')).toBe('out/part-r-00003.tsv');
    expect(partsOf(await objectsBelow(store, 'out/'))).toBe('');
  });
});
