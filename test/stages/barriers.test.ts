import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { attemptId, jobId, taskId } from '../../src/base/ids.ts';
import {
  attemptSummaryKey,
  mergeRunKey,
  partKey,
  shuffleIndexKey,
  shuffleKey,
} from '../../src/commit/layout.ts';
import { defineJob, type Job, lines, textLines, tsv } from '../../src/index.ts';
import { planJob } from '../../src/plan/plan-job.ts';
import { tasksOf } from '../../src/plan/stages.ts';
import type { JobPlan, TaskSpec } from '../../src/plan/task.ts';
import { readShuffleFooter, ShuffleObjectWriter } from '../../src/shuffle/shuffle-object.ts';
import { closeMapStage } from '../../src/stages/map-barrier.ts';
import { closeReduceStage } from '../../src/stages/reduce-barrier.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { environmentOf, LAYOUT, scratchFolder } from '../commit/environment.ts';
import { objectsBelow, runTask } from '../commit/small-job.ts';

const COMMON = { description: '', input: textLines() } as const;
const words = defineJob({
  ...COMMON,
  name: 'words',
  key: 'string',
  value: 'number',
  map: (line, { emit }) => {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: 'count',
  output: tsv(),
});
const copy = defineJob({
  ...COMMON,
  name: 'copy',
  map: (line, { emit, count }) => {
    for (let i = 0; i < 80; i++) count(`a counter of this name: ${i}`);
    emit(undefined, line);
  },
  output: lines(),
});

const TEXT = 'a b c\nd e f\ng h i\nj k l\n';

class Stage {
  readonly store = new MemoryStore();
  readonly job: Job;
  plan!: JobPlan;
  #attempts = 0;

  constructor(job: Job) {
    this.job = job;
  }

  static async planned(job: Job, { merge = false, text = TEXT } = {}): Promise<Stage> {
    const stage = new Stage(job);
    const { etag } = await stage.store.put('in', Buffer.from(text));
    stage.plan = await planJob({
      job,
      jobId: jobId('test'),
      params: {},
      files: [[{ key: 'in', sizeBytes: Buffer.byteLength(text), etag, compression: 'none' }]],
      inputs: stage.store,
      splitSizeBytes: 6,
      ...(job.shuffle === undefined ? {} : { reducers: 2 }),
      compression: { codec: 'none' },
      merge,
    });
    return stage;
  }

  async run(tasks: readonly TaskSpec[]): Promise<void> {
    using scratch = scratchFolder();
    for (const spec of tasks) {
      await runTask(spec, this.#attempts++, {
        ...environmentOf(this.job, { store: this.store, scratch: scratch.path }),
        settings: this.plan.settings,
      });
    }
  }

  closeMap() {
    const { plan, store, job } = this;
    return closeMapStage({ plan, store, layout: LAYOUT, extension: job.output.extension });
  }

  closeReduce(partitionRecords: readonly number[]) {
    const { plan, store, job } = this;
    return closeReduceStage({
      plan,
      partitionRecords,
      store,
      layout: LAYOUT,
      extension: job.output.extension,
    });
  }

  /** Rewrites the shuffle object, or the run to be merged, with a changed summary. */
  async tamper(key: string, change: (summary: Record<string, number>) => void): Promise<void> {
    const { extents, summary } = await readShuffleFooter(this.store, (await this.store.head(key))!);
    const old = await this.store.get(key);
    await this.store.delete([key]);
    const writer = new ShuffleObjectWriter({
      store: this.store,
      key,
      compression: { codec: 'none' },
      blockBytes: 100,
    });
    // Keeps the blocks and replaces the summary. The writer creates the footer.
    const changed = structuredClone(summary) as unknown as Record<string, number>;
    change(changed);
    await writer.commit(() => changed as never);
    const footer = (await this.store.get(key)).subarray(8);
    const extentBytes = Buffer.alloc(extents.length * 16);
    for (const [i, { lengthBytes, records }] of extents.entries()) {
      extentBytes.writeDoubleLE(lengthBytes, i * 16);
      extentBytes.writeDoubleLE(records, i * 16 + 8);
    }
    const json = footer.subarray(0, footer.length - 20);
    const numbers = Buffer.alloc(12);
    numbers.writeUInt32LE(extents.length, 0);
    numbers.writeUInt32LE(extentBytes.length + json.length, 4);
    numbers.writeUInt32LE(1, 8);
    const checked = Buffer.concat([extentBytes, json, numbers]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32(checked), 0);
    const dataEnd = extents.reduce((end, { lengthBytes }) => end + lengthBytes, 8);
    await this.store.put(key, Buffer.concat([old.subarray(0, dataEnd), checked, crc, Buffer.from('SMRS')]));
  }
}

const mapTask = (index: number) => taskId('map', index);

describe('the map barrier', () => {
  it('names the tasks without an object, and closes after they have run', async () => {
    const stage = await Stage.planned(words);
    const tasks = tasksOf(stage.plan, 'map');
    expect(tasks.length).toBe(4);

    const none = await stage.closeMap();
    await stage.run([tasks[1]!, tasks[3]!]);
    const some = await stage.closeMap();
    await stage.run([tasks[0]!, tasks[2]!]);
    const all = await stage.closeMap();

    expect(none.missing).toEqual([0, 1, 2, 3]);
    expect(some).toEqual({ missing: [0, 2], summaries: [], partitionRecords: [] });
    expect(all.missing).toEqual([]);
    expect(all.partitionRecords.reduce((a, b) => a + b)).toBe(12);
    expect(all.summaries.map(({ taskId }) => taskId)).toEqual(tasks.map(({ taskId }) => taskId));
  });

  it('is idempotent', async () => {
    const stage = await Stage.planned(words);
    await stage.run(tasksOf(stage.plan, 'map'));

    const first = await stage.closeMap();
    const index = await stage.store.get(shuffleIndexKey(LAYOUT));
    const second = await stage.closeMap();

    expect(second).toEqual(first);
    expect((await stage.store.get(shuffleIndexKey(LAYOUT))).equals(index)).toBe(true);
  });

  it('ignores objects that no map task of the job wrote', async () => {
    const stage = await Stage.planned(words);
    await stage.run(tasksOf(stage.plan, 'map'));
    for (const name of ['m-00004', 'm-99999', 'r-00000', 'm-00001.tmp', 'sub/m-00000', 'm-1']) {
      await stage.store.put(`work/shuffle/${name}`, Buffer.from('something else'));
    }

    const { missing, summaries } = await stage.closeMap();

    expect(missing).toEqual([]);
    expect(summaries.length).toBe(4);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['empty', () => Buffer.alloc(0)],
    ['with a flipped bit in its footer', flipped((length) => length - 60)],
    ['with a flipped bit in its trailer', flipped((length) => length - 20)],
    ['in another format', () => Buffer.from('x'.repeat(500))],
  ])(
    'removes an object that is %s, names its task, and closes after it has run again',
    async (_what, damage) => {
      const stage = await Stage.planned(words);
      const tasks = tasksOf(stage.plan, 'map');
      await stage.run(tasks);
      const undamaged = await stage.closeMap();
      for (const index of [2, 1]) {
        const key = shuffleKey(LAYOUT, mapTask(index));
        await stage.store.put(key, damage(await stage.store.get(key)));
      }

      const damaged = await stage.closeMap();
      const left = Object.keys(await objectsBelow(stage.store, 'work/shuffle/'));
      await stage.run(damaged.missing.map((index) => tasks[index]!));
      const repaired = await stage.closeMap();

      expect(damaged).toEqual({ missing: [1, 2], summaries: [], partitionRecords: [] });
      expect(left).toEqual([0, 3].map((index) => shuffleKey(LAYOUT, mapTask(index))));
      expect(repaired.partitionRecords).toEqual(undamaged.partitionRecords);
      expect(repaired.missing).toEqual([]);
    },
  );

  it('treats an object for another number of reducers as damaged', async () => {
    const stage = await Stage.planned(words);
    const tasks = tasksOf(stage.plan, 'map');
    await stage.run(tasks);
    await stage.store.delete([shuffleKey(LAYOUT, mapTask(0))]);
    const { plan } = stage;
    stage.plan = { ...plan, settings: { ...plan.settings, reducers: 3 } };
    await stage.run([tasks[0]!]);
    stage.plan = plan;

    expect((await stage.closeMap()).missing).toEqual([0]);
  });

  it('fails if a map task wrote a different number of records than it reports', async () => {
    const stage = await Stage.planned(words);
    await stage.run(tasksOf(stage.plan, 'map'));
    await stage.tamper(shuffleKey(LAYOUT, mapTask(1)), (summary) => {
      summary.recordsWritten!--;
    });

    await expect(stage.closeMap()).rejects.toMatchObject({
      name: 'BooksDoNotBalanceError',
      message: expect.stringContaining(
        'map task m-00001 reports that it wrote 2 records, but its partitions hold 3',
      ),
    });
    expect(await stage.store.head(shuffleIndexKey(LAYOUT))).toBeUndefined();
  });

  it('fails if a byte of the input was read twice or not at all', async () => {
    for (const difference of [-1, 1]) {
      const stage = await Stage.planned(words);
      await stage.run(tasksOf(stage.plan, 'map'));
      await stage.tamper(shuffleKey(LAYOUT, mapTask(1)), (summary) => {
        summary.plainBytesRead! += difference;
      });

      await expect(stage.closeMap()).rejects.toMatchObject({
        name: 'BooksDoNotBalanceError',
        message: expect.stringContaining(
          `the map tasks read ${24 + difference} bytes of records, but the planned input has 24`,
        ),
      });
    }
  });
});

describe('the map barrier of a map-only job', () => {
  for (const merge of [false, true]) {
    it(`finds the parts, and summaries that are too large for their metadata${merge ? ' (to be merged)' : ''}`, async () => {
      const stage = await Stage.planned(copy, { merge });
      const tasks = tasksOf(stage.plan, 'map');
      await stage.run(tasks.slice(1));

      const before = await stage.closeMap();
      await stage.run(tasks);
      const after = await stage.closeMap();

      expect(before.missing).toEqual([0]);
      expect(after.missing).toEqual([]);
      expect(after.summaries.map(({ recordsWritten }) => recordsWritten)).toEqual([1, 1, 1, 1]);
      expect(Object.keys(after.summaries[0]!.counters).length).toBe(80);
      const parts = Object.keys(await objectsBelow(stage.store, merge ? 'work/merge/' : 'out/'));
      expect(parts.length).toBe(4);
    });
  }

  it('uses the summary of the attempt that committed, not that of a late one', async () => {
    const stage = await Stage.planned(copy);
    const tasks = tasksOf(stage.plan, 'map');
    await stage.run(tasks);
    await stage.run(tasks);

    const { summaries } = await stage.closeMap();

    expect(summaries.map(({ attemptId }) => attemptId)).toEqual(
      tasks.map((task, i) => attemptId(task.taskId, i)),
    );
    for (const [i, task] of tasks.entries()) {
      expect(await stage.store.head(attemptSummaryKey(LAYOUT, attemptId(task.taskId, i + 4)))).toBeDefined();
    }
  });

  it('refuses a part that no job of ours wrote', async () => {
    const stage = await Stage.planned(copy);
    await stage.run(tasksOf(stage.plan, 'map'));
    await stage.store.put(partKey(LAYOUT, mapTask(2), 'txt'), Buffer.from('mine'));

    await expect(stage.closeMap()).rejects.toMatchObject({
      name: 'OutputExistsError',
      details: { objectKey: 'out/part-m-00002.txt' },
    });
  });
});

describe('the reduce barrier', () => {
  for (const merge of [false, true]) {
    it(`names the tasks without a result, and closes after they have run${merge ? ' (to be merged)' : ''}`, async () => {
      const stage = await Stage.planned(words, { merge });
      await stage.run(tasksOf(stage.plan, 'map'));
      const { partitionRecords } = await stage.closeMap();
      const tasks = tasksOf(stage.plan, 'reduce');

      const none = await stage.closeReduce(partitionRecords);
      await stage.run([tasks[1]!]);
      const one = await stage.closeReduce(partitionRecords);
      await stage.run([tasks[0]!]);
      const both = await stage.closeReduce(partitionRecords);

      expect(none.missing).toEqual([0, 1]);
      expect(one).toEqual({ missing: [0], summaries: [], partitionRecords: [] });
      expect(both.missing).toEqual([]);
      expect(both.summaries.map(({ recordsRead }) => recordsRead)).toEqual(partitionRecords);
      expect(await stage.closeReduce(partitionRecords)).toEqual(both);
    });

    it(`fails if a reducer read a different number of records than the map tasks wrote${merge ? ' (to be merged)' : ''}`, async () => {
      const stage = await Stage.planned(words, { merge });
      await stage.run(tasksOf(stage.plan, 'map'));
      const { partitionRecords } = await stage.closeMap();
      await stage.run(tasksOf(stage.plan, 'reduce'));

      const [first, second] = partitionRecords as [number, number];
      const closing = stage.closeReduce([first, second + 1]);

      await expect(closing).rejects.toMatchObject({
        name: 'BooksDoNotBalanceError',
        message: expect.stringContaining(
          `the map tasks wrote ${second + 1} records into partition 1, but r-00001 read ${second}`,
        ),
      });
    });
  }

  it('removes a damaged run of a merged job, and names its task', async () => {
    const stage = await Stage.planned(words, { merge: true });
    await stage.run(tasksOf(stage.plan, 'map'));
    const { partitionRecords } = await stage.closeMap();
    const tasks = tasksOf(stage.plan, 'reduce');
    await stage.run(tasks);
    const key = mergeRunKey(LAYOUT, tasks[1]!.taskId);
    const whole = await stage.store.get(key);
    await stage.store.put(key, whole.subarray(0, whole.length - 3));

    const damaged = await stage.closeReduce(partitionRecords);
    await stage.run([tasks[1]!]);
    const repaired = await stage.closeReduce(partitionRecords);

    expect(damaged.missing).toEqual([1]);
    expect(repaired.missing).toEqual([]);
    const again = await stage.store.get(key);
    expect(again.length).toBe(whole.length);
  });

  it('refuses a part that no job of ours wrote', async () => {
    const stage = await Stage.planned(words);
    await stage.run(tasksOf(stage.plan, 'map'));
    const { partitionRecords } = await stage.closeMap();
    await stage.store.put('out/part-r-00000.tsv', Buffer.from('mine'));
    await stage.run(tasksOf(stage.plan, 'reduce'));

    await expect(stage.closeReduce(partitionRecords)).rejects.toMatchObject({ name: 'OutputExistsError' });
    expect((await stage.store.get('out/part-r-00000.tsv')).toString()).toBe('mine');
  });
});

describe('a reducer that finds a damaged shuffle index', () => {
  it.each([
    ['its header flipped', flipped(() => 1)],
    ['a row flipped', flipped((length) => length - 1)],
    ['its names flipped', flipped(() => 30)],
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['empty', () => Buffer.alloc(0)],
    ['gone', undefined],
  ])('requests the repair of the index, which the map barrier writes again (%s)', async (_what, damage) => {
    const stage = await Stage.planned(words);
    await stage.run(tasksOf(stage.plan, 'map'));
    const { partitionRecords } = await stage.closeMap();
    const key = shuffleIndexKey(LAYOUT);
    const whole = await stage.store.get(key);
    if (damage === undefined) await stage.store.delete([key]);
    else await stage.store.put(key, damage(whole));
    const lastReducer = tasksOf(stage.plan, 'reduce').at(-1)!;

    const failure = await stage.run([lastReducer]).catch((error: unknown) => error);
    await stage.closeMap();
    await stage.run(tasksOf(stage.plan, 'reduce'));

    expect(failure).toMatchObject({
      name: 'CorruptShuffleError',
      details: { toRepair: 'shuffle-index', taskId: 'r-00001' },
    });
    expect(await stage.store.get(key)).toEqual(whole);
    expect((await stage.closeReduce(partitionRecords)).missing).toEqual([]);
  });
});

describe('a reducer that finds a damaged shuffle object', () => {
  it.each([
    ['flipped', flipped(() => 40)],
    ['gone', undefined],
    ['replaced', (bytes: Buffer) => bytes],
  ])('names the map task that must run again (%s)', async (_what, damage) => {
    const stage = await Stage.planned(words);
    const tasks = tasksOf(stage.plan, 'map');
    await stage.run(tasks);
    const { partitionRecords } = await stage.closeMap();
    const key = shuffleKey(LAYOUT, mapTask(2));
    const bytes = await stage.store.get(key);
    if (damage === undefined) await stage.store.delete([key]);
    else await stage.store.put(key, damage(bytes));

    const failures: unknown[] = [];
    for (const spec of tasksOf(stage.plan, 'reduce'))
      await stage.run([spec]).catch((error: unknown) => failures.push(error));

    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) {
      expect(failure).toMatchObject({
        name: 'CorruptShuffleError',
        details: { toRepair: 'm-00002', jobName: 'words', taskId: expect.stringMatching(/^r-0000[01]$/) },
      });
    }
    await stage.store.delete([key]);
    await stage.run([tasks[2]!]);
    expect((await stage.closeMap()).partitionRecords).toEqual(partitionRecords);
    await stage.run(tasksOf(stage.plan, 'reduce'));
    expect((await stage.closeReduce(partitionRecords)).missing).toEqual([]);
  });
});

function flipped(at: (length: number) => number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const damaged = Buffer.from(bytes);
    damaged[at(bytes.length)]! ^= 0x10;
    return damaged;
  };
}
