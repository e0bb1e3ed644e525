import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MapReduceError } from '../../src/base/errors.ts';
import { attemptId, jobId, taskId } from '../../src/base/ids.ts';
import { KiB, MiB } from '../../src/base/limits.ts';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
import { shuffleIndexKey, shuffleKey } from '../../src/commit/layout.ts';
import { mergedFormatOf } from '../../src/formats/merged-format.ts';
import { defineJob, type Job, json, lines, textLines, tsv } from '../../src/index.ts';
import type { JobPlan } from '../../src/plan/task.ts';
import { runReduceTask } from '../../src/reduce/reduce-task.ts';
import type { TaskResult, TaskSummary } from '../../src/report/task-summary.ts';
import { readShuffleFooter, ShuffleObjectWriter } from '../../src/shuffle/shuffle-object.ts';
import type { StagingSpace } from '../../src/shuffle/staged-cells.ts';
import { mergeParts } from '../../src/stages/merge-parts.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import {
  environmentOf,
  LAYOUT,
  NO_CONTROL,
  scratchFolder,
  scratchOfFile,
  settingsOf,
} from '../commit/environment.ts';
import { keysOf } from '../helpers/keys-of.ts';
import { encodeShuffleIndex, type ObjectWithExtents } from '../shuffle/encode-shuffle-index.ts';
import { sliceOf } from '../shuffle/records.ts';

const scratch = scratchOfFile();

type Runs = readonly (readonly (readonly [key: unknown, value: unknown])[])[];

/** Writes one shuffle object of one partition per run. It sorts each run stably by the bytes of the keys. */
async function shuffleOf(job: Job, runs: Runs): Promise<MemoryStore> {
  const store = new MemoryStore();
  const { key, value } = job.shuffle!;
  const indexed: ObjectWithExtents[] = [];
  for (const [map, records] of runs.entries()) {
    const objectKey = shuffleKey(LAYOUT, taskId('map', map));
    const writer = new ShuffleObjectWriter({
      store,
      key: objectKey,
      compression: { codec: 'none' },
      blockBytes: 100,
    });
    const encoded = records.map(([k, v]) => ({ key: encode(key, k), value: encode(value, v) }));
    encoded.sort((a, b) => Buffer.compare(a.key, b.key));
    for (const record of encoded) writer.run.append(sliceOf(record));
    writer.run.endPartition();
    await writer.commit(() => ({}) as TaskSummary);
    const info = (await store.head(objectKey))!;
    indexed.push({
      key: objectKey,
      etag: info.etag,
      extents: (await readShuffleFooter(store, info)).extents,
    });
  }
  await store.put(shuffleIndexKey(LAYOUT), encodeShuffleIndex(indexed, 1));
  return store;
}

function encode(codec: NonNullable<Job['shuffle']>['key' | 'value'], value: unknown): Buffer {
  const sink = new GrowableSink();
  codec.encode(value, sink);
  return Buffer.from(sink.bytes.subarray(0, sink.end));
}

interface Reduced {
  readonly text: string;
  readonly result: TaskResult;
}

async function reduce(
  job: Job,
  runs: Runs,
  {
    memoryBytes = 64 * MiB,
    merge = false,
    staging,
  }: { memoryBytes?: number; merge?: boolean; staging?: StagingSpace | undefined } = {},
): Promise<Reduced> {
  const store = await shuffleOf(job, runs);
  const environment = environmentOf(job, {
    store,
    scratch: scratch.path,
    memoryBytes,
    settings: { merge },
    ...(staging === undefined ? {} : { staging }),
  });
  const task = taskId('reduce', 0);
  const result = await runReduceTask(
    { stage: 'reduce', index: 0, taskId: task },
    attemptId(task, 0),
    environment,
  );
  expect(result.committed).toBe(true);
  expect(result.recordsRead).toBe(runs.flat().length);
  expect(environment.progress.recordsRead).toBe(result.recordsRead);
  const { extension } = job.output;
  if (!merge) {
    const part = await store.get(`out/part-r-00000.${extension}`);
    expect(part.length).toBe(result.bytesWritten);
    return { text: part.toString(), result };
  }
  const plan: JobPlan = { settings: settingsOf(job, { merge }), splits: [], inputBytes: 0, inputFiles: 0 };
  const report = await mergeParts({
    plan,
    store,
    layout: LAYOUT,
    format: mergedFormatOf(job.output.sinks[0]!.sink),
    memoryBytes,
    scratchFolder: scratch.path,
    control: NO_CONTROL,
  });
  expect(report.records).toBe(result.recordsWritten);
  return { text: (await store.get(`out/merged.${extension}`)).toString(), result };
}

const COMMON = { description: '', input: textLines(), map: () => {} } as const;
const numeric = (name: 'sum' | 'min' | 'max' | 'count' | 'each') =>
  defineJob({ ...COMMON, name, key: 'string', value: 'number', reduce: name, output: tsv() });
const combined = defineJob({
  ...COMMON,
  name: 'combined',
  key: 'string',
  value: 'string',
  combine: (a, b) => `${a}+${b}`,
  reduce: 'combined',
  output: tsv(),
});
const byFunction = defineJob({
  ...COMMON,
  name: 'function',
  key: 'string',
  value: 'string',
  reduce: (key, values, { emit }) => emit(key, [...values].join('+')),
  output: tsv(),
});
const tuples = defineJob({
  ...COMMON,
  name: 'tuples',
  key: ['number', 'string'],
  value: ['number', 'number'],
  reduce: 'sum',
  output: tsv(),
});

const key = fc.constantFrom('', 'a', 'b', 'ab', 'ä', 'a b', 'x'.repeat(140));
const numberRuns = fc.array(fc.array(fc.tuple(key, fc.integer({ min: -99, max: 99 })), { maxLength: 8 }), {
  maxLength: 6,
});
const stringRuns = fc.array(
  fc.array(
    fc.tuple(
      key,
      fc.oneof(
        fc.string({ unit: fc.constantFrom('x', 'é', ' '), maxLength: 4 }),
        fc.constant('v'.repeat(300)),
      ),
    ),
    { maxLength: 8 },
  ),
  { maxLength: 6 },
);
/** Enough memory for everything, or so little that runs are merged in passes and groups are spilled. */
const memory = fc.oneof(
  { weight: 4, arbitrary: fc.constant(64 * MiB) },
  { weight: 1, arbitrary: fc.constantFrom(100, 2_000) },
);

/** Cells stay in the store, or those of more than 200 bytes are copied, as many as fit. */
const staging = fc.constantFrom<StagingSpace | undefined>(
  undefined,
  { scratchBytes: 1 * MiB, streamedBytesMax: () => 200 },
  { scratchBytes: 1_000, streamedBytesMax: () => 0 },
);

/** Groups the records of all runs. Groups are in the order of the keys' bytes, and values in the order of the runs. */
function groupsOf<V>(runs: readonly (readonly (readonly [string, V])[])[]): [string, V[]][] {
  const groups = new Map<string, V[]>();
  for (const [key, value] of runs.flat()) groups.set(key, [...(groups.get(key) ?? []), value]);
  return [...groups].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

const rows = (records: readonly (readonly [string, unknown])[]): string =>
  records.map(([key, value]) => `${key}\t${value}\n`).join('');

describe('emit', () => {
  it('fails outside of its group', async () => {
    let late: ((key: never, value: never) => void) | undefined;
    const job = defineJob({
      name: 'late',
      description: '',
      input: textLines(),
      key: 'string',
      value: 'number',
      map: () => {},
      reduce(word, ones, { emit }) {
        late = emit as typeof late;
        emit(word, [...ones].length);
      },
      output: tsv(),
    });

    const { text } = await reduce(job, [[['a', 1]]]);

    expect(text).toBe('a\t1\n');
    expect(() => late!('a' as never, 2 as never)).toThrow('emit() was called after reduce() had returned');
  });
});

describe('a reduce task', () => {
  it.each([
    ['sum', (values: number[]) => [values.reduce((a, b) => a + b)]],
    ['min', (values: number[]) => [Math.min(...values)]],
    ['max', (values: number[]) => [Math.max(...values)]],
    ['count', (values: number[]) => [values.length]],
    ['each', (values: number[]) => values],
  ] as const)('by name gives what the oracle gives: %s', async (name, oracle) => {
    const job = numeric(name);
    await fc.assert(
      fc.asyncProperty(numberRuns, memory, fc.boolean(), async (runs, memoryBytes, merge) => {
        const { text, result } = await reduce(job, runs, { memoryBytes, merge });

        const expected = groupsOf(runs).flatMap(([key, values]) =>
          oracle(values).map((value) => [key, value] as const),
        );
        expect(text).toBe(rows(expected));
        expect(result.recordsWritten).toBe(expected.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["'combined'", combined],
    ['a function', byFunction],
  ])('by %s sees the values of a key in the order of the runs', async (_what, job) => {
    let spills = 0;
    await fc.assert(
      fc.asyncProperty(
        stringRuns,
        memory,
        staging,
        fc.boolean(),
        async (runs, memoryBytes, staging, merge) => {
          const { text, result } = await reduce(job, runs, { memoryBytes, staging, merge });

          expect(text).toBe(rows(groupsOf(runs).map(([key, values]) => [key, values.join('+')])));
          spills += result.spills;
        },
      ),
      { numRuns: 1_000 },
    );
    expect(spills).toBeGreaterThan(50);
  });

  it('sums tuples element by element, and orders tuple keys', async () => {
    const runs = [
      [
        [
          [2, 'a'],
          [1, 10],
        ],
        [
          [-1, 'é'],
          [1, 10],
        ],
      ],
      [
        [
          [10, ''],
          [0, 0.5],
        ],
        [
          [2, 'a'],
          [5, -3],
        ],
      ],
    ] as const;

    const { text } = await reduce(tuples, runs);

    expect(text).toBe('-1\té\t1\t10\n2\ta\t6\t7\n10\t\t0\t0.5\n');
  });

  it('without records writes an empty part', async () => {
    for (const job of [numeric('sum'), numeric('each'), combined, byFunction]) {
      for (const runs of [[], [[], []]]) expect((await reduce(job, runs)).text).toBe('');
    }
  });
});

describe('a reduce function', () => {
  const runs: Runs = [
    Array.from({ length: 60 }, (_, i) => [`key ${i % 3}`, `${i} ${'x'.repeat(i)}`]),
    [['key 1', 'last']],
  ];
  const make = (
    reduce: (key: string, values: Iterable<string>, emit: (key: string, value: string) => void) => void,
  ): Job =>
    defineJob({
      ...COMMON,
      name: 'made',
      key: 'string',
      value: 'string',
      reduce: (key, values, { emit }) => reduce(key, values, emit),
      output: tsv(),
    });

  for (const memoryBytes of [500, 64 * MiB]) {
    it(`may leave its values unread, or read some of them (memory of ${memoryBytes} bytes)`, async () => {
      const none = await reduce(
        make((key, _values, emit) => emit(key, '-')),
        runs,
        { memoryBytes },
      );
      const some = await reduce(
        make((key, values, emit) => {
          let left = 2;
          for (const value of values) {
            emit(key, value.slice(0, 2).trim());
            if (--left === 0) break;
          }
        }),
        runs,
        { memoryBytes },
      );

      expect(none.text).toBe('key 0\t-\nkey 1\t-\nkey 2\t-\n');
      expect(some.text).toBe('key 0\t0\nkey 0\t3\nkey 1\t1\nkey 1\t4\nkey 2\t2\nkey 2\t5\n');
      expect(none.result.spills > 0).toBe(memoryBytes === 500);
    });

    it(`that reads its values twice gets them twice, from the start (memory of ${memoryBytes} bytes)`, async () => {
      const { text } = await reduce(
        make((key, values, emit) => {
          const first = [...values].join();
          const second = [...values].join();
          let pairs = 0;
          for (const a of values) for (const b of values) if (a <= b) pairs++;
          emit(key, `${first === second} ${pairs}`);
        }),
        runs,
        { memoryBytes },
      );

      expect(text).toBe('key 0\ttrue 210\nkey 1\ttrue 231\nkey 2\ttrue 210\n');
    });
  }

  it('can keep values for later only if it copies them', async () => {
    let kept: Iterator<string> | undefined;
    const job = make((key, values, emit) => {
      if (kept !== undefined) emit(key, kept.next().value);
      kept = values[Symbol.iterator]();
    });

    await expect(reduce(job, runs)).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('read after its reduce() had returned'),
      details: {
        phase: 'reduce',
        groupKey: '"key 1"',
        taskId: 'r-00000',
        attemptId: 'r-00000.0',
        jobName: 'made',
      },
    });
  });

  it('cannot read the values of an earlier group while a later one is reduced', async () => {
    let earlier: Iterable<string> | undefined;
    const job = defineJob({
      ...COMMON,
      name: 'earlier',
      key: 'string',
      value: 'string',
      reduce: (_key, values, { emit }) => {
        for (const value of earlier ?? []) emit(undefined, value);
        earlier = values;
      },
      output: lines(),
    });

    const failed = reduce(job, [
      [
        ['a', 'of a'],
        ['b', 'of b'],
      ],
    ]);

    await expect(failed).rejects.toThrow('read after its reduce() had returned');
  });

  it("that throws fails with an error that names the key and the task, with the user's stack", async () => {
    const job = make((key) => {
      if (key === 'key 1') throw new TypeError('oh no');
    });

    await expect(reduce(job, runs)).rejects.toMatchObject({
      name: 'UserCodeError',
      message: 'reduce() threw TypeError: oh no',
      details: {
        phase: 'reduce',
        groupKey: '"key 1"',
        taskId: 'r-00000',
        userStack: expect.stringContaining('reduce-task.test.ts'),
      },
    });
  });

  it('must not be asynchronous', async () => {
    const job = make(async () => {});

    await expect(reduce(job, runs)).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining('reduce() returned a promise; it must be synchronous'),
    });
  });

  it.each<[string, () => unknown, string]>([
    [
      'the pair, as in other frameworks',
      () => ['key', 6],
      '["key",6] (array of 2); it must call emit(key, value) and return nothing. Call emit()',
    ],
    ['a generator', function* () {}, 'a generator or another iterator; it must call emit'],
    [
      'a sum',
      () => 6,
      '6 (number); it must call emit(key, value) and return nothing. Put the body in braces',
    ],
  ])('must not return %s', async (_what, returning, message) => {
    const job = make(returning as () => undefined);

    await expect(reduce(job, runs)).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringContaining(`reduce() returned ${message}`),
      details: { phase: 'reduce', groupKey: '"key 0"' },
    });
  });

  it('that swallows a failed emit still fails', async () => {
    for (const merge of [false, true]) {
      const job = make((key, _values, emit) => {
        emit(key, 'fine');
        try {
          emit(key, Symbol('no text') as never);
        } catch {}
        emit(key, 'fine');
      });

      await expect(reduce(job, runs, { merge })).rejects.toMatchObject({
        name: 'UnencodableValueError',
        details: { groupKey: '"key 0"' },
      });
    }
  });

  it('leaves no part and no files behind when it fails', async () => {
    using own = scratchFolder();
    const job = make((key, values, emit) => {
      for (const value of values) emit(key, value.padEnd(300 * KiB));
      if (key === 'key 2') throw new Error('late');
    });
    for (const merge of [false, true]) {
      const store = await shuffleOf(job, runs);
      const before = (await keysOf(store)).length;
      const task = taskId('reduce', 0);

      const running = runReduceTask(
        { stage: 'reduce', index: 0, taskId: task },
        attemptId(task, 0),
        environmentOf(job, { store, scratch: own.path, settings: { merge, jobId: jobId('j') } }),
      );

      await expect(running).rejects.toMatchObject({ name: 'UserCodeError' });
      expect((await keysOf(store)).length).toBe(before);
      expect(readdirSync(own.path)).toEqual([]);
    }
  });

  it('stops between blocks when the attempt is cancelled', async () => {
    let checks = 0;
    const store = await shuffleOf(byFunction, runs);
    const task = taskId('reduce', 0);

    const running = runReduceTask(
      { stage: 'reduce', index: 0, taskId: task },
      attemptId(task, 0),
      environmentOf(byFunction, {
        store,
        scratch: scratch.path,
        control: {
          check: () => {
            if (++checks === 3) throw new MapReduceError('CancelledError', 'stop');
          },
        },
      }),
    );

    await expect(running).rejects.toMatchObject({ name: 'CancelledError', details: { taskId: 'r-00000' } });
    expect(checks).toBe(3);
  });
});

describe('output that is larger than memory', () => {
  const record = 'y'.repeat(100 * KiB);
  /** One call writes 30 MiB. */
  const giant = (output: ReturnType<typeof lines>): Job =>
    defineJob({
      ...COMMON,
      name: 'giant',
      key: 'string',
      value: 'number',
      reduce: (key, values, { emit }) => {
        for (const value of values) for (let i = 0; i < 300; i++) emit(key, `${value} ${i} ${record}`);
      },
      output,
    });
  const oracle = (print: (key: string, text: string) => string): string =>
    ['a', 'b']
      .flatMap((key, value) => Array.from({ length: 300 }, (_, i) => print(key, `${value} ${i} ${record}`)))
      .join('');

  for (const merge of [false, true]) {
    it(`goes through a local file${merge ? ', even if it is to be merged' : ''}`, async () => {
      using own = scratchFolder();
      const job = giant(lines());
      const runs: Runs = [[['a', 0]], [['b', 1]]];
      const store = await shuffleOf(job, runs);
      const task = taskId('reduce', 0);
      const fileSizes: string[] = [];
      const environment = environmentOf(job, { store, scratch: own.path, settings: { merge } });
      const watchedStore = Object.assign(new MemoryStore(), {
        get: (...args: Parameters<MemoryStore['get']>) => store.get(...args),
        head: (...args: Parameters<MemoryStore['head']>) => store.head(...args),
        put: (...args: Parameters<MemoryStore['put']>) => store.put(...args),
        stream: (...args: Parameters<MemoryStore['stream']>) => store.stream(...args),
        upload: (...args: Parameters<MemoryStore['upload']>) => {
          fileSizes.push(...readdirSync(own.path));
          return store.upload(...args);
        },
      });

      const result = await runReduceTask({ stage: 'reduce', index: 0, taskId: task }, attemptId(task, 0), {
        ...environment,
        store: watchedStore,
      });

      expect(fileSizes).toEqual(['overflow']);
      expect(readdirSync(own.path)).toEqual([]);
      expect(result.recordsWritten).toBe(600);
      if (merge) {
        const { summary, extents } = await readShuffleFooter(
          store,
          (await store.head('work/merge/r-00000'))!,
        );
        expect([summary.recordsWritten, extents[0]!.records]).toEqual([600, 600]);
        const plan: JobPlan = {
          settings: settingsOf(job, { merge }),
          splits: [],
          inputBytes: 0,
          inputFiles: 0,
        };
        await mergeParts({
          plan,
          store,
          layout: LAYOUT,
          format: mergedFormatOf(job.output.sinks[0]!.sink),
          memoryBytes: 64 * MiB,
          scratchFolder: own.path,
          control: NO_CONTROL,
        });
      }
      const text = (await store.get(merge ? 'out/merged.txt' : 'out/part-r-00000.txt')).toString();
      expect(text === oracle((_key, text) => `${text}\n`)).toBe(true);
    });
  }

  it('is sent between groups, even if each record fills a block', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'wide',
      key: 'string',
      value: 'string',
      reduce: 'each',
      output: lines(),
    });
    const runs: Runs = [Array.from({ length: 60 }, (_, i) => [`${100 + i}`, 'z'.repeat(200 * KiB)])];
    const store = await shuffleOf(job, runs);
    const task = taskId('reduce', 0);

    // Without a folder, creating an overflow file would fail.
    const result = await runReduceTask(
      { stage: 'reduce', index: 0, taskId: task },
      attemptId(task, 0),
      environmentOf(job, { store }),
    );

    expect(result.bytesWritten).toBe(60 * (200 * KiB + 1));
  });
});

describe('mergeParts()', () => {
  it('orders records by the key of the group, whatever key the reducer emits', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'renamed',
      key: 'number',
      value: json<unknown>(),
      reduce: (key, values, { emit }) => {
        for (const value of values) emit(undefined, `${-key} ${JSON.stringify(value)}`);
      },
      output: lines(),
    });
    const runs = [
      [
        [3, null],
        [-1, 'a'],
      ],
      [
        [3, { b: 1 }],
        [0.5, []],
      ],
    ] as const;

    const { text } = await reduce(job, runs, { merge: true });

    expect(text).toBe('1 "a"\n-0.5 []\n-3 null\n-3 {"b":1}\n');
  });
});
