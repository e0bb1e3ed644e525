/**
 * Work of many processes at an S3 with a bounded rate, in virtual time. Each process has a store of its own, like a Lambda
 * function. `npm run throttling` runs the scenarios at full size; s3-throttling.test.ts runs smaller ones.
 */

import type { Bucket } from '../../../simulation/s3/bucket.ts';
import { bytesOf, zeros } from '../../../simulation/s3/stored-bytes.ts';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { KiB, MiB } from '../../../src/base/limits.ts';
import { mapBounded } from '../../../src/base/map-bounded.ts';
import { openMerge } from '../../../src/shuffle/open-runs.ts';
import type { RunSegment } from '../../../src/shuffle/run-reader.ts';
import { RunWriter } from '../../../src/shuffle/run-writer.ts';
import type { S3Limits } from '../../../src/storage/s3/s3-limits.ts';
import { S3Store } from '../../../src/storage/s3/s3-store.ts';
import { append } from '../../shuffle/records.ts';
import { BUCKET, type Partition, s3WithRates } from './s3-rates.ts';

export interface Scenario {
  readonly name: string;
  readonly processes: number;
  readonly partitions: readonly Partition[];
  /** What each process does. Returns the number of its requests that must be served. */
  readonly work: (place: Place) => Promise<void>;
  readonly prepare?: (bucket: Bucket) => void;
  /** The shortest time in which the bounds allow all requests. */
  readonly idealMs: number;
  readonly remainingMs?: (nowMs: number) => number;
}

export interface Place {
  readonly store: S3Store;
  readonly clock: VirtualClock;
  readonly index: number;
}

export interface Outcome {
  readonly name: string;
  readonly failures: readonly string[];
  readonly elapsedMs: number;
  readonly idealMs: number;
  readonly served: number;
  readonly refused: number;
  /** When half of the processes, and the last one, had ended. */
  readonly medianEndMs: number;
  readonly lastEndMs: number;
}

export async function run(
  scenario: Scenario,
  seed: number,
  limits: Partial<S3Limits> = {},
): Promise<Outcome> {
  const { name, processes, partitions, idealMs, remainingMs } = scenario;
  const clock = new VirtualClock();
  const s3 = s3WithRates({ clock, partitions, seed });
  scenario.prepare?.(s3.bucket(BUCKET));
  const endsMs: number[] = [];
  const client = s3.client();
  const ends = await clock.run(
    Promise.allSettled(
      Array.from({ length: processes }, async (_, index) => {
        const random = seededRandom(seed + index);
        const whole = new S3Store({ client, bucket: BUCKET, clock, random, limits });
        const store =
          remainingMs === undefined ? whole : whole.within({ remainingMs: () => remainingMs(clock.nowMs()) });
        await scenario.work({ store, clock, index });
        endsMs.push(clock.nowMs());
      }),
    ),
  );
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as Error).message] : []));
  return {
    name,
    failures,
    elapsedMs: clock.nowMs(),
    idealMs,
    served: s3.log.total - s3.log.throttled,
    refused: s3.log.throttled,
    medianEndMs: endsMs[Math.floor(endsMs.length / 2)] ?? 0,
    lastEndMs: endsMs.at(-1) ?? 0,
  };
}

const RECORDS_PER_CELL = 16;

/** One cell for each of `cells` reducers, all with the same records; and where each lies. */
export function shuffleObject({ cells, cellBytes }: { cells: number; cellBytes: number }): {
  bytes: Buffer;
  extents: { startBytes: number; endBytes: number }[];
} {
  const blocks: Buffer[] = [];
  const writer = new RunWriter({
    compression: { codec: 'none' },
    blockBytes: cellBytes / 2,
    emitBlock: (block) => blocks.push(Buffer.from(block)),
  });
  const value = Buffer.alloc(Math.floor(cellBytes / RECORDS_PER_CELL) - 12);
  for (let cell = 0; cell < cells; cell++) {
    for (let record = 0; record < RECORDS_PER_CELL; record++) {
      append(writer, { key: Buffer.from(`key ${String(record).padStart(3)}`), value });
    }
    writer.endPartition();
  }
  const extents = writer.extents.map(({ startBytes, lengthBytes }) => ({
    startBytes,
    endBytes: startBytes + lengthBytes,
  }));
  return { bytes: Buffer.concat([Buffer.alloc(extents[0]!.startBytes), ...blocks]), extents };
}

async function recordsMerged(segments: readonly RunSegment[], chunkBytes: number): Promise<number> {
  let records = 0;
  const merge = openMerge(segments, chunkBytes);
  try {
    while (await merge.ready()) {
      do records++;
      while (merge.next());
    }
  } finally {
    await merge.close();
  }
  return records;
}

export const READS_PER_SECOND = 5_500;
export const WRITES_PER_SECOND = 3_500;

export interface ShuffleSize {
  readonly maps: number;
  readonly reducers: number;
  readonly cellBytes: number;
}

/** The reducers of a job, all at once. `keyOf` decides the partition of each shuffle object. */
export function shuffle(
  { maps, reducers, cellBytes }: ShuffleSize,
  {
    name,
    partitions,
    idealMs,
    keyOf = (map) => `shuffle/m-${String(map).padStart(5, '0')}`,
  }: { name: string; partitions: readonly Partition[]; idealMs: number; keyOf?: (map: number) => string },
): Scenario {
  const { bytes, extents } = shuffleObject({ cells: reducers, cellBytes });
  const object = bytesOf(bytes);
  const keys = Array.from({ length: maps }, (_, map) => keyOf(map));
  const etags = new Map<string, string>();
  return {
    name,
    processes: reducers,
    partitions,
    idealMs,
    prepare: (bucket) => {
      for (const key of keys) etags.set(key, bucket.put(key, object).etag);
    },
    work: async ({ store, index }) => {
      const segments = keys.map((key) => ({
        store,
        key,
        etag: etags.get(key)!,
        ...extents[index]!,
        records: RECORDS_PER_CELL,
      }));
      // As in a reducer with at most 512 runs at once, except that the merged runs are not written.
      let records = 0;
      for (let at = 0; at < segments.length; at += 512) {
        records += await recordsMerged(segments.slice(at, at + 512), Math.min(16 * KiB, cellBytes / 2));
      }
      if (records !== maps * RECORDS_PER_CELL) throw new Error(`merged ${records} records`);
    },
  };
}

/** Map tasks that start at once: each reads its split in ranges and writes its shuffle object in parts. */
export function maps(
  { tasks, reads, parts, puts = 0 }: { tasks: number; reads: number; parts: number; puts?: number },
  { name, partitions, idealMs }: { name: string; partitions: readonly Partition[]; idealMs: number },
): Scenario {
  const body = Buffer.alloc(64);
  const part = Buffer.alloc(8 * MiB);
  return {
    name,
    processes: tasks,
    partitions,
    idealMs,
    prepare: (bucket) => bucket.put('input/a', zeros(64 * KiB)),
    work: async ({ store, index }) => {
      await mapBounded(Array.from({ length: reads }), 3, (_, read) =>
        store.get('input/a', { range: { start: read, end: read + 100 } }),
      );
      for (let put = 0; put < puts; put++) {
        await store.put(`out/${index}-${put}`, body, { ifNoneMatch: '*' });
      }
      if (parts === 0) return;
      const upload = await store.upload(`shuffle/${index}`);
      for (let number = 0; number < parts; number++) await upload.write(part);
      await upload.complete({ ifNoneMatch: '*' });
    },
  };
}

/** Processes that read, write and list at the same time. */
export function mixed(
  { tasks, reads, puts, lists }: { tasks: number; reads: number; puts: number; lists: number },
  { name, partitions, idealMs }: { name: string; partitions: readonly Partition[]; idealMs: number },
): Scenario {
  const body = Buffer.alloc(64);
  const times = (count: number) => Array.from({ length: count }, (_, index) => index);
  return {
    name,
    processes: tasks,
    partitions,
    idealMs,
    prepare: (bucket) => {
      bucket.put('input/a', zeros(64 * KiB));
      for (let key = 0; key < 10; key++) bucket.put(`listed/${key}`, zeros(64));
    },
    work: async ({ store, index }) => {
      await Promise.all([
        mapBounded(times(reads), 16, (read) =>
          store.get('input/a', { range: { start: read, end: read + 100 } }),
        ),
        mapBounded(times(puts), 4, (put) => store.put(`out/${index}-${put}`, body, { ifNoneMatch: '*' })),
        mapBounded(times(lists), 2, async () => {
          let keys = 0;
          for await (const _ of store.list('listed/')) keys += 1;
          if (keys !== 10) throw new Error(`listed ${keys} keys`);
        }),
      ]);
    },
  };
}
