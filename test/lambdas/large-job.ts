/**
 * Runs a job with 10,000 map and 1,000 reduce tasks through the steps of the Lambda functions. limits.test.ts runs it in a
 * separate process with the heap of the plan, barrier and commit functions. The input and the shuffle objects are
 * synthetic, and the shuffle objects share their bytes. The first part is really reduced; the others are copies of it.
 * Everything that the steps write is real. Prints the results as JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as v from 'valibot';
import wordCount from '../../apps/word-count/job.ts';
import { barrierStep } from '../../lambdas/steps/barrier.ts';
import { commitStep } from '../../lambdas/steps/commit.ts';
import type { StepEnvironment } from '../../lambdas/steps/environment.ts';
import { planStep } from '../../lambdas/steps/plan.ts';
import { reduceStep } from '../../lambdas/steps/reduce.ts';
import { watchStep } from '../../lambdas/steps/watch.ts';
import type { Job } from '../../src/api/job.ts';
import { memoryBudgetBytes } from '../../src/aws/model/function-memory.ts';
import { type JobState, reduceEventSchema } from '../../src/aws/protocol/job-state.ts';
import { itemsKey, jobLayout, planKey, stageKey } from '../../src/aws/protocol/keys.ts';
import { type WatchState, watchEventSchema } from '../../src/aws/protocol/watch-state.ts';
import { systemClock } from '../../src/base/clock.ts';
import { attemptId, jobId, type TaskId, taskId } from '../../src/base/ids.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
import { partKey, shuffleIndexKey, shuffleKey, shufflePrefix } from '../../src/commit/layout.ts';
import type { AttemptFacts } from '../../src/report/attempt-meter.ts';
import { MANIFEST_NAME } from '../../src/report/result-names.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import { ShuffleObjectWriter } from '../../src/shuffle/shuffle-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectInfo, ReadOptions } from '../../src/storage/object-store.ts';
import { sliceOf } from '../shuffle/records.ts';
import { newInstance } from './new-instance.ts';

const FACTS: AttemptFacts = {
  startedAtMs: Date.parse('2026-01-01T00:00:00Z'),
  environment: '7dd0c4ff60164a4fb8ac1ca1ae2c3e1f',
  coldStartMs: 812,
  phasesMs: [1_234, 2_345, 6_789, 1_234, 0, 1_234],
  peakMemoryBytes: 1_234_567_890,
  requests: [123, 12],
};

export const MAP_TASKS = 10_000;
export const REDUCE_TASKS = 1_000;
/** The defaults of the construct. */
export const STEP_MEMORY_MB = 1_024;

export interface LargeJobFigures {
  /** The state that the state machine passes on after each step, and the state of a watch machine. */
  readonly states: readonly (JobState | WatchState)[];
  readonly objectBytes: Readonly<Record<LargeJobObject, number>>;
  readonly elapsedMs: Readonly<Record<string, number>>;
  /** The peak resident memory of the process after each step. */
  readonly peakMb: Readonly<Record<string, number>>;
  readonly largestItemBytes: number;
  readonly parts: number;
}

export type LargeJobObject =
  | 'plan.json'
  | 'map.json'
  | 'reduce.json'
  | 'shuffle-index'
  | 'map-stage.json'
  | 'reduce-stage.json'
  | 'manifest.json';

/** The shuffle object that all map tasks share. */
const WRITER = taskId('map', 1_234);
const FILES = 1_250;
const ETAG = '"d41d8cd98f00b204e9800998ecf8427e-640"';
const id = jobId('a-job-with-a-rather-long-name-0123456789abcdef');
const layout = jobLayout(id);

class LargeJobStore extends MemoryStore {
  readonly #shuffleObject: Buffer;

  constructor(shuffleObject: Buffer) {
    super();
    this.#shuffleObject = shuffleObject;
  }

  override async *list(prefix: string): AsyncIterableIterator<ObjectInfo> {
    if (prefix === 'data/logs/') {
      const sizeBytes = (MAP_TASKS / FILES) * LIMITS.splitSizeBytesDefault;
      for (let file = 0; file < FILES; file++) {
        const key = `data/logs/2026/01/31/server-${String(file).padStart(5, '0')}.log`;
        yield { key, sizeBytes, etag: ETAG, metadata: {} };
      }
    } else if (prefix === shufflePrefix(layout)) {
      const sizeBytes = this.#shuffleObject.length;
      for (let map = 0; map < MAP_TASKS; map++) {
        yield { key: shuffleKey(layout, taskId('map', map)), sizeBytes, etag: ETAG, metadata: {} };
      }
    } else yield* super.list(prefix);
  }

  override async get(key: string, options: ReadOptions = {}): Promise<Buffer> {
    // The plan reads the first bytes of its input.
    if (key.startsWith('data/logs/')) return Buffer.alloc(options.range?.end ?? 0, 'to be or not ');
    if (!key.startsWith(shufflePrefix(layout))) return super.get(key, options);
    const { start = 0, end = this.#shuffleObject.length } = options.range ?? {};
    return this.#objectOf(key.slice(shufflePrefix(layout).length)).subarray(start, end);
  }

  /** Returns the shared object as that of one map task: with its name in the footer, and the checksum of the footer. */
  #objectOf(task: string): Buffer {
    const object = Buffer.from(this.#shuffleObject);
    for (let at = object.indexOf(WRITER); at !== -1; at = object.indexOf(WRITER, at + 1))
      object.write(task, at);
    const trailer = object.length - 20;
    const footer = trailer - object.readUInt32LE(trailer + 4);
    object.writeUInt32LE(crc32(object.subarray(footer, trailer + 12)), trailer + 12);
    return object;
  }

  override async *stream(key: string, options: ReadOptions = {}): AsyncIterableIterator<Buffer> {
    if (key.startsWith(shufflePrefix(layout))) yield await this.get(key, options);
    else yield* super.stream(key, options);
  }
}

if (import.meta.main) {
  const scratchParent = mkdtempSync(join(tmpdir(), 'mapreduce-large-job-'));
  try {
    console.log(JSON.stringify(await runLargeJob(scratchParent)));
  } finally {
    rmSync(scratchParent, { recursive: true, force: true });
  }
}

async function runLargeJob(scratchParent: string): Promise<LargeJobFigures> {
  const store = new LargeJobStore(await shuffleObject(wordCount));
  const environment: StepEnvironment = {
    jobs: { find: async () => wordCount as Job },
    store,
    now: () => new Date(),
    clock: systemClock,
    codeHash: 'c0de00000001',
    maxConcurrency: 800,
    backupAttempts: true,
    maxTasksPerStage: LIMITS.awsTasksPerStageDefault,
    taskFunction: { memoryMb: 1_769, scratchMb: 10_240 },
    readablePrefixes: ['data/'],
    memoryBytes: memoryBudgetBytes(STEP_MEMORY_MB * MiB),
    scratchParent,
    kept: {},
    instance: newInstance(),
  };
  const execution = {
    id: 'arn:aws:states:us-east-1:123456789012:execution:Jobs:0a1b2c3d',
    startTime: new Date().toISOString(),
  };
  const invocation = { requestId: 'request', remainingMs: () => 900_000 };
  const elapsedMs: Record<string, number> = {};
  const peakMb: Record<string, number> = {};
  const measured = async <T>(name: string, step: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const result = await step();
    elapsedMs[name] = Math.round(performance.now() - startedMs);
    peakMb[name] = Math.round(process.resourceUsage().maxRSS / 1024);
    return result;
  };

  const input = { app: 'word-count', inputs: ['data/logs/'], reducers: REDUCE_TASKS };
  const request = { ...input, splitSizeBytes: LIMITS.splitSizeBytesDefault };
  const planned = await measured('plan', () =>
    planStep({ input: { jobId: id, request }, execution }, environment),
  );
  const watched = await measured('watch', () =>
    watchStep(
      v.parse(watchEventSchema, {
        jobId: id,
        stage: 'map',
        functions: { watch: 'watch:1', task: 'map:1' },
        startedAt: execution.startTime,
        ...{ waitSeconds: 5, looks: 0, committed: 0, lastProgressMs: 0, mostCommittedMs: 0 },
      }),
      environment,
    ),
  );
  const mapped = await measured('map barrier', () =>
    barrierStep('map', { ...planned, jobId: id, execution }, environment),
  );
  await measured('one reduce task', () =>
    reduceStep(v.parse(reduceEventSchema, { jobId: id, item: { index: 0 } }), environment, invocation),
  );
  await copyFirstPart(store);
  const reduced = await measured('reduce barrier', () =>
    barrierStep('reduce', { ...mapped, jobId: id, execution }, environment),
  );
  // The commit removes the data that only the running job needs.
  const sizeOf = async (key: string) => (await store.head(key))!.sizeBytes;
  const objectBytes = {
    'plan.json': await sizeOf(planKey(id)),
    'map.json': await sizeOf(itemsKey(id, 'map')),
    'reduce.json': await sizeOf(itemsKey(id, 'reduce')),
    'shuffle-index': await sizeOf(shuffleIndexKey(layout)),
    'map-stage.json': await sizeOf(stageKey(id, 'map')),
    'reduce-stage.json': await sizeOf(stageKey(id, 'reduce')),
  };
  const items = JSON.parse((await store.get(itemsKey(id, 'map'))).toString()) as unknown[];
  const committed = await measured('commit', () =>
    commitStep({ ...reduced, jobId: id, execution }, environment, invocation),
  );
  if ('next' in committed) throw new Error(`commit went back to ${committed.next}`);
  return {
    states: [planned, watched, mapped, reduced],
    objectBytes: { ...objectBytes, 'manifest.json': await sizeOf(`${layout.outputPrefix}${MANIFEST_NAME}`) },
    elapsedMs,
    peakMb,
    largestItemBytes: Math.max(...items.map((item) => JSON.stringify(item).length)),
    parts: committed.parts,
  };
}

/** One record in each partition. */
async function shuffleObject({ shuffle }: Job): Promise<Buffer> {
  const encode = (codec: NonNullable<Job['shuffle']>['key' | 'value'], value: unknown): Buffer => {
    const sink = new GrowableSink();
    codec.encode(value, sink);
    return Buffer.from(sink.bytes.subarray(0, sink.end));
  };
  const key = encode(shuffle!.key, 'word');
  const value = encode(shuffle!.value, 1);
  const store = new MemoryStore();
  const writer = new ShuffleObjectWriter({
    store,
    key: 'object',
    compression: { codec: 'zstd', level: 1 },
    blockBytes: LIMITS.blockBytes,
  });
  for (let partition = 0; partition < REDUCE_TASKS; partition++) {
    writer.run.append(sliceOf({ key, value }));
    writer.run.endPartition();
  }
  const splitBytes = LIMITS.splitSizeBytesDefault;
  await writer.commit(
    (bytesWritten): TaskSummary => ({
      ...{ taskId: WRITER, attemptId: attemptId(WRITER, '0123456789abcdef'), recordsRead: 1_000_000 },
      ...{ bytesRead: splitBytes, plainBytesRead: splitBytes, recordsWritten: REDUCE_TASKS, bytesWritten },
      ...{
        spills: 0,
        bytesSpilled: 0,
        elapsedMs: 12_345,
        crc32: '',
        counters: { words: 12_345_678, lines: 1_000_000 },
        facts: FACTS,
      },
    }),
  );
  return await store.get('object');
}

async function copyFirstPart(store: MemoryStore): Promise<void> {
  const keyOf = (task: TaskId) => partKey(layout, task, wordCount.output.extension);
  const first = taskId('reduce', 0);
  const bytes = await store.get(keyOf(first));
  const { metadata } = (await store.head(keyOf(first)))!;
  for (let index = 1; index < REDUCE_TASKS; index++) {
    const task = taskId('reduce', index);
    // The metadata names the task that wrote the part, and the barrier checks that.
    const own = Object.entries(metadata).map(([name, value]) => [name, value.replaceAll(first, task)]);
    await store.put(keyOf(task), bytes, { metadata: Object.fromEntries(own) });
  }
}
