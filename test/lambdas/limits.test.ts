/** What a job of 10,000 map and 1,000 reduce tasks is to the services' limits. */
import { describe, expect, it } from 'vitest';
import { writeMapItems, writeReduceItems } from '../../lambdas/steps/items.ts';
import { ITEM_BYTES_MAX, type JobState, type MapItem } from '../../src/aws/job-state.ts';
import { jobId } from '../../src/ids.ts';
import { GiB, KiB, MiB } from '../../src/limits.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import type { JobPlan, Split } from '../../src/task.ts';
import { GOLDEN } from '../infra/rendered.ts';

const STATE_BYTES_MAX = 256 * KiB;
const HISTORY_EVENTS_MAX = 25_000;
const MAP_TASKS = 10_000;
const REDUCE_TASKS = 1_000;

const id = jobId('a-job-with-a-rather-long-name-0123456789abcdef');
const split = (index: number): Split => ({
  pieces: [
    {
      file: {
        key: `data/logs/2026/01/31/server-${String(index).padStart(5, '0')}.log`,
        sizeBytes: 5 * GiB,
        etag: '"d41d8cd98f00b204e9800998ecf8427e-640"',
        compression: 'none',
      },
      startBytes: index * 64 * MiB,
      endBytes: (index + 1) * 64 * MiB,
    },
  ],
});
const plan: JobPlan = {
  settings: {
    formatVersion: 1,
    jobId: id,
    jobName: 'access-log',
    params: {},
    reducers: REDUCE_TASKS,
    partition: { kind: 'hash' },
    compression: { codec: 'zstd', level: 1 },
    merge: false,
  },
  splits: Array.from({ length: MAP_TASKS }, (_, index) => split(index)),
  inputBytes: MAP_TASKS * 64 * MiB,
  inputFiles: MAP_TASKS,
};

describe('a job of 10,000 map and 1,000 reduce tasks', () => {
  it('has states of a thousandth of what a state may hold', () => {
    const state: JobState = {
      jobId: id,
      next: 'reduce-watched',
      items: `jobs/${id}/plan/reduce-again-3.json`,
      mapRound: 3,
      reduceRound: 3,
      resumed: false,
    };

    expect(Buffer.byteLength(JSON.stringify(state))).toBeLessThan(STATE_BYTES_MAX / 1_000);
  });

  it('has children whose answers, all together, fit the state that collects them', () => {
    const answers = JSON.stringify(Array.from({ length: MAP_TASKS }, () => ({})));

    expect(Buffer.byteLength(answers)).toBeLessThan(STATE_BYTES_MAX);
  });

  it('has a history that does not grow with its tasks', () => {
    const { States } = GOLDEN[0].render() as { States: Record<string, { Type: string }> };
    const eventsOf = { Task: 5, Choice: 2, Map: 6, Succeed: 2, Fail: 1, Pass: 2 } as const;
    const events = Object.values(States).reduce(
      (sum, { Type }) => sum + eventsOf[Type as keyof typeof eventsOf],
      0,
    );
    // Every state in each of the bounded rounds of both stages, each retried as often as it can be.
    const rounds = 4 + 4;
    const retriesMax = 10 + 3 + 3;

    expect(events * rounds * (1 + retriesMax)).toBeLessThan(HISTORY_EVENTS_MAX);
  });

  it('has plans of some megabytes, and items of some hundred bytes', async () => {
    const store = new MemoryStore();

    const mapItems = await store.get(await writeMapItems(store, plan, { round: 0 }));
    const reduceItems = await store.get(await writeReduceItems(store, plan, { round: 0 }));

    expect(mapItems.length).toBeLessThan(4 * MiB);
    expect(reduceItems.length).toBeLessThan(64 * KiB);
    const items = JSON.parse(mapItems.toString()) as MapItem[];
    expect(items).toHaveLength(MAP_TASKS);
    expect(Math.max(...items.map((item) => JSON.stringify(item).length))).toBeLessThan(512);
  });

  it('has a split of 10,000 small files beside its plan, not in its item', async () => {
    const store = new MemoryStore();
    const packed = { pieces: plan.splits.flatMap(({ pieces }) => pieces) };

    const items = await store.get(await writeMapItems(store, { ...plan, splits: [packed] }, { round: 0 }));

    expect(items.length).toBeLessThan(ITEM_BYTES_MAX);
    expect((await store.get(`jobs/${id}/plan/splits/m-00000.json`)).length).toBeGreaterThan(1 * MiB);
  });
});
