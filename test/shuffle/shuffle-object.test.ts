import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMapReduceError } from '../../src/base/errors.ts';
import { attemptId, taskId } from '../../src/base/ids.ts';
import { KiB } from '../../src/base/limits.ts';
import type { TaskSummary } from '../../src/report/task-summary.ts';
import type { BlockCompression } from '../../src/shuffle/block.ts';
import type { RunSegment } from '../../src/shuffle/run-reader.ts';
import {
  readShuffleFooter,
  SHUFFLE_HEADER_BYTES,
  ShuffleObjectWriter,
} from '../../src/shuffle/shuffle-object.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import {
  anyCompression,
  anyRecords,
  append,
  type KeyValue,
  printed,
  readMerged,
  sortedRecords,
} from './records.ts';

function summaryOf(distinction: number, more: Partial<TaskSummary> = {}): TaskSummary {
  return {
    taskId: taskId('map', 0),
    attemptId: attemptId(taskId('map', 0), distinction),
    recordsRead: 1,
    bytesRead: 2,
    plainBytesRead: 2,
    recordsWritten: 3,
    bytesWritten: 4,
    spills: 0,
    bytesSpilled: 0,
    elapsedMs: 5,
    crc32: '',
    counters: { 'zeilen gelesen, größer als 0': 7 },
    ...more,
  };
}

async function write(
  store: ObjectStore,
  partitions: readonly (readonly KeyValue[])[],
  {
    distinction = 0,
    compression = { codec: 'none' },
    flushEach = false,
    counters,
  }: {
    distinction?: number;
    compression?: BlockCompression;
    flushEach?: boolean;
    counters?: TaskSummary['counters'];
  } = {},
): Promise<{ committed: boolean; summary: TaskSummary }> {
  const writer = new ShuffleObjectWriter({ store, key: 'object', compression, blockBytes: 50 });
  for (const records of partitions) {
    for (const record of records) {
      append(writer.run, record);
      if (flushEach) await writer.flush();
    }
    writer.run.endPartition();
  }
  return writer.commit((bytesWritten) =>
    summaryOf(distinction, { bytesWritten, ...(counters === undefined ? {} : { counters }) }),
  );
}

async function readAll(store: ObjectStore): Promise<{ partitions: string[][]; summary: TaskSummary }> {
  const info = await store.head('object');
  const { extents, summary } = await readShuffleFooter(store, info!);
  const partitions: string[][] = [];
  for (const { startBytes, lengthBytes, records } of extents) {
    const segment: RunSegment = {
      store,
      key: 'object',
      etag: info!.etag,
      startBytes,
      endBytes: startBytes + lengthBytes,
      records,
    };
    partitions.push(lengthBytes === 0 ? [] : printed(await readMerged([segment])));
  }
  return { partitions, summary };
}

/** Reads the object. Returns 'whole', the name of the error, or a description of any other outcome. */
async function outcome(bytes: Buffer, expected: Awaited<ReturnType<typeof readAll>>): Promise<string> {
  const store = new MemoryStore();
  await store.put('object', bytes);
  try {
    const found = await readAll(store);
    return JSON.stringify(found) === JSON.stringify(expected) ? 'whole' : 'WRONG DATA';
  } catch (error) {
    return isMapReduceError(error) ? error.name : `not ours: ${error}`;
  }
}

const SMALL: readonly KeyValue[][] = [
  ['a', 'a', 'b', 'a somewhat longer key', 'c'].map((key, i) => ({
    key: Buffer.from(key),
    value: Buffer.from(`${i}`),
  })),
  [],
  [{ key: Buffer.from('z'), value: Buffer.alloc(70, 'z') }],
].map((records) => sortedRecords(records));
const EMPTY: readonly KeyValue[][] = [[], [], []];

describe('a shuffle object', () => {
  it('returns the records of each partition and the summary, after one PUT or an upload', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecords.map(sortedRecords), { minLength: 1, maxLength: 5 }),
        anyCompression,
        fc.boolean(),
        async (partitions, compression, flushEach) => {
          const store = new MemoryStore();

          const { committed, summary } = await write(store, partitions, { compression, flushEach });

          const found = await readAll(store);
          expect(committed).toBe(true);
          expect(found.partitions).toEqual(partitions.map(printed));
          expect(found.summary).toEqual(summary);
          const footerBytes = (await store.get('object')).readUInt32LE(
            (await store.head('object'))!.sizeBytes - 16,
          );
          expect(summary.bytesWritten + footerBytes + 20).toBe((await store.head('object'))!.sizeBytes);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('is committed by one of two attempts, and the other learns that it lost', async () => {
    for (const flushEach of [false, true]) {
      const store = new MemoryStore();

      const answers = await Promise.all(
        [0, 1].map((distinction) => write(store, SMALL, { distinction, flushEach })),
      );

      const winners = answers.filter(({ committed }) => committed);
      expect(winners.length).toBe(1);
      expect((await readAll(store)).summary.attemptId).toBe(winners[0]!.summary.attemptId);
    }
  });

  it('does not exist before it is committed, nor after it was aborted', async () => {
    const store = new MemoryStore();
    const writer = new ShuffleObjectWriter({
      store,
      key: 'object',
      compression: { codec: 'none' },
      blockBytes: 50,
    });
    append(writer.run, SMALL[2]![0]!);

    await writer.flush();
    const before = await store.head('object');
    await writer.abort();

    expect(before).toBeUndefined();
    expect(await store.head('object')).toBeUndefined();
  });

  it('may have a footer of any size', async () => {
    const store = new MemoryStore();
    const counters = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [`${'ä'.repeat(90)} ${i}`, i]),
    );

    await write(store, SMALL, { counters });

    expect((await store.head('object'))!.sizeBytes).toBeGreaterThan(128 * KiB);
    const found = await readAll(store);
    expect(found.summary.counters).toEqual(counters);
    expect(found.partitions).toEqual(SMALL.map(printed));
  });

  it('has a version and a magic word at both ends, so that old readers can reject it', async () => {
    const store = new MemoryStore();
    await write(store, SMALL);

    const bytes = await store.get('object');

    expect(bytes.toString('latin1', 0, 4)).toBe('SMRS');
    expect(bytes.toString('latin1', bytes.length - 4)).toBe('SMRS');
    expect(bytes[4]).toBe(1);
    expect(bytes.readUInt32LE(bytes.length - 12)).toBe(1);
    expect(bytes.readUInt32LE(bytes.length - 20)).toBe(SMALL.length);
  });
});

describe('a damaged shuffle object', () => {
  for (const [what, partitions, compression] of [
    ['of some records', SMALL, { codec: 'none' }],
    ['of compressed records', SMALL, { codec: 'zstd', level: 1 }],
    ['without records', EMPTY, { codec: 'none' }],
  ] as const) {
    it(`${what} is detected for each flipped bit, except in the header, which is not read`, async () => {
      const store = new MemoryStore();
      await write(store, partitions, { compression });
      const expected = await readAll(store);
      const bytes = await store.get('object');

      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const found = await outcome(bytes, expected);
        bytes[bit >> 3]! ^= 1 << (bit & 7);

        expect(found, `bit ${bit & 7} of byte ${bit >> 3} of ${bytes.length}`).toBe(
          bit < 8 * SHUFFLE_HEADER_BYTES ? 'whole' : 'CorruptShuffleError',
        );
      }
    });

    it(`${what} is detected wherever it is truncated, and if bytes were appended`, async () => {
      const store = new MemoryStore();
      await write(store, partitions, { compression });
      const expected = await readAll(store);
      const bytes = await store.get('object');

      for (let length = 0; length < bytes.length; length++) {
        expect(await outcome(bytes.subarray(0, length), expected), `${length} bytes`).toBe(
          'CorruptShuffleError',
        );
      }
      for (const more of [1, 20, 100]) {
        const appended = Buffer.concat([bytes, bytes.subarray(0, more)]);
        expect(await outcome(appended, expected)).toBe('CorruptShuffleError');
      }
      for (const end of [bytes, bytes.subarray(-20)]) {
        expect(await outcome(Buffer.concat([bytes, end]), expected)).toBe('CorruptShuffleError');
      }
    });
  }

  it('that was replaced after it was listed is not read', async () => {
    const store = new MemoryStore();
    await write(store, SMALL);
    const listed = (await store.head('object'))!;
    await store.delete(['object']);
    await write(store, EMPTY);

    await expect(readShuffleFooter(store, listed)).rejects.toMatchObject({ name: 'PreconditionFailedError' });
  });
});
