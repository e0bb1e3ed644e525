import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { RunCursor } from '../../src/shuffle/run-cursor.ts';
import { RunReader, type RunSegment } from '../../src/shuffle/run-reader.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';
import { ForwardingStore } from '../../src/storage/forwarding-store.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { StreamOptions } from '../../src/storage/object-store.ts';
import {
  anyCompression,
  anyRecords,
  append,
  type KeyValue,
  printed,
  readMerged,
  sliceOf,
  sortedRecords,
  storeRun,
} from './records.ts';

describe('a run', () => {
  it('returns the records of each partition, whatever the sizes of blocks and chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecords.map(sortedRecords), { minLength: 1, maxLength: 4 }),
        anyCompression,
        fc.record({
          blockBytes: fc.integer({ min: 1, max: 400 }),
          chunkBytes: fc.integer({ min: 1, max: 700 }),
          before: fc.nat(30),
        }),
        async (partitions, compression, { blockBytes, chunkBytes, before }) => {
          const store = new MemoryStore();

          const segments = await storeRun(store, 'run', partitions, { compression, blockBytes, before });

          expect(segments.map(({ records }) => records)).toEqual(partitions.map(({ length }) => length));
          for (const [partition, segment] of segments.entries()) {
            expect(printed(await readMerged([segment], chunkBytes))).toEqual(printed(partitions[partition]!));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('can be read from a store that reuses the memory of each chunk for the next one', async () => {
    const records = Array.from({ length: 50 }, (_, i) => record(String(1_000 + i), 'x'.repeat(i * 7)));
    const segment = (await storeRun(new MemoryStore(), 'run', [records], { blockBytes: 100 }))[0]!;

    for (const chunkBytes of [1, 19, 20, 21, 99, 100, 101, 120, 121, 1_000, 100_000]) {
      expect(printed(await readMerged([segment], chunkBytes))).toEqual(printed(records));
    }
  });

  it('stores a key once for all of its records in a block', async () => {
    const store = new MemoryStore();
    const key = 'k'.repeat(100);

    const same = (
      await storeRun(store, 'same', [[record(key, 'a'), record(key, 'b'), record(key, '')]], {
        blockBytes: 1_000,
      })
    )[0]!;
    const [cursor] = [new RunCursor(new RunReader(same, 64), 0, 'same')];
    await cursor.nextBlock();

    expect(same.endBytes).toBe(20 + (2 + 100 + 1) + (2 + 1) + 2);
    expect([cursor.step(), cursor.step(), cursor.step()]).toEqual([2, 2, 0]);
  });

  it('holds records that are larger than a block and than a chunk', async () => {
    const records = [
      record('', ''),
      record('a', 'x'.repeat(100_000)),
      record('a', 'y'),
      record(`b${'c'.repeat(70_000)}`, 'z'.repeat(200)),
      record('d', ''),
    ];

    const segment = (await storeRun(new MemoryStore(), 'run', [records], { blockBytes: 128 }))[0]!;

    for (const chunkBytes of [512, 4_096, 1_000_000]) {
      expect(printed(await readMerged([segment], chunkBytes))).toEqual(printed(records));
    }
  });

  it('rejects a record that no block can hold', () => {
    const writer = new RunWriter({ compression: { codec: 'none' }, blockBytes: 64, emitBlock: () => {} });
    const bytes = Buffer.from('key');

    // Only the lengths matter. No memory of that size is used.
    const record = { ...sliceOf({ key: bytes, value: bytes }), valueEnd: 2 * LIMITS.recordBytesMax };
    const append = (): void => writer.append(record);

    expect(append).toThrow(expect.objectContaining({ name: 'RecordTooLargeError' }));
  });

  it('reports how many bytes it has written, and where each partition is', () => {
    const blocks: Buffer[] = [];
    const writer = new RunWriter({
      compression: { codec: 'none' },
      blockBytes: 10,
      emitBlock: (block) => blocks.push(block),
    });

    writer.endPartition();
    append(writer, record('key', 'value and more'));
    append(writer, record('k', 'v'));
    writer.endPartition();
    writer.endPartition();

    expect(writer.bytesWritten).toBe(blocks[0]!.length + blocks[1]!.length);
    expect(writer.extents).toEqual([
      { startBytes: 0, lengthBytes: 0, records: 0 },
      { startBytes: 0, lengthBytes: writer.bytesWritten, records: 2 },
      { startBytes: writer.bytesWritten, lengthBytes: 0, records: 0 },
    ]);
  });
});

describe('a run whose store fails', () => {
  const records = Array.from({ length: 60 }, (_, i) => record(String(1_000 + i), 'x'.repeat(20)));
  const stored = async () => {
    const store = new FailingStore();
    const segment = (await storeRun(store.inner, 'run', [records], { blockBytes: 100 }))[0]!;
    return { store, segment: { ...segment, store } };
  };

  it('continues where the stream broke off, and reads nothing twice', async () => {
    const { store, segment } = await stored();
    const sizeBytes = segment.endBytes - segment.startBytes;
    for (let chunk = 2; chunk < sizeBytes / 50; chunk += 3) {
      store.failures = [chunk, 0, 0];
      store.bytesRead = 0;

      const read = await readMerged([segment], 50);

      expect(printed(read)).toEqual(printed(records));
      expect(store.failures).toEqual([]);
      expect(store.bytesRead).toBe(sizeBytes);
    }
  });

  it('fails if it fails again and again', async () => {
    const { store, segment } = await stored();
    store.failures = [3, 0, 0, 0, 0];

    await expect(readMerged([segment], 50)).rejects.toThrow('the network is down');

    expect(store.failures).toEqual([0]);
  });

  it('fails at once if another try cannot succeed', async () => {
    const { store, segment } = await stored();
    store.failures = [3, 0];
    store.errorName = 'ObjectNotFoundError';

    await expect(readMerged([segment], 50)).rejects.toThrow('the network is down');

    expect(store.failures).toEqual([0]);
  });

  it('reads a damaged block once more', async () => {
    const { store, segment } = await stored();
    store.damagedChunks = [4];

    const read = await readMerged([segment], 50);

    expect(printed(read)).toEqual(printed(records));
    expect(store.damagedChunks).toEqual([]);
  });

  it('opens as many runs at once as the store allows', async () => {
    const { store, segment } = await stored();
    store.opensAtOnce = 3;

    const read = await readMerged(Array(20).fill(segment), 50);

    expect(read).toHaveLength(20 * records.length);
    expect(store.openingMax).toBe(3);
  });
});

/** Streams fail after as many chunks as `failures` lists, one after the other. */
class FailingStore extends ForwardingStore {
  readonly inner: MemoryStore;
  failures: number[] = [];
  damagedChunks: number[] = [];
  errorName: 'StorageError' | 'ObjectNotFoundError' = 'StorageError';
  bytesRead = 0;
  opensAtOnce: number | undefined;
  openingMax = 0;
  #opening = 0;

  constructor(inner = new MemoryStore()) {
    super(inner);
    this.inner = inner;
  }

  override get readsAtOnce(): number | undefined {
    return this.opensAtOnce;
  }

  override async *stream(key: string, options?: StreamOptions): AsyncIterableIterator<Buffer> {
    const failsAt = this.failures.shift();
    const damagedAt = this.damagedChunks.shift();
    let chunks = 0;
    this.#opening += 1;
    this.openingMax = Math.max(this.openingMax, this.#opening);
    await new Promise(setImmediate);
    for await (const chunk of super.stream(key, options)) {
      if (chunks === 0) this.#opening -= 1;
      if (chunks === failsAt) throw new MapReduceError(this.errorName, 'the network is down');
      if (chunks === damagedAt) chunk[0]! ^= 1;
      chunks += 1;
      this.bytesRead += chunk.length;
      yield chunk;
    }
  }
}

describe('a damaged run', () => {
  const records = Array.from({ length: 12 }, (_, i) => record(`key ${i >> 1}`, `value ${i}`));

  it('is detected for each flipped bit', async () => {
    for (const compression of [{ codec: 'none' }, { codec: 'zstd', level: 1 }] as const) {
      const store = new MemoryStore();
      const segment = (await storeRun(store, 'run', [records], { compression, blockBytes: 60 }))[0]!;
      const bytes = await store.get('run');
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const { etag } = await store.put('run', bytes);
        bytes[bit >> 3]! ^= 1 << (bit & 7);

        expect(await outcome({ ...segment, etag }), `bit ${bit}`).toBe('CorruptShuffleError');
      }
    }
  });

  it('is detected wherever it is truncated', async () => {
    const store = new MemoryStore();
    const segment = (await storeRun(store, 'run', [records], { blockBytes: 60 }))[0]!;
    const bytes = await store.get('run');
    for (let length = 0; length < bytes.length; length++) {
      const { etag } = await store.put('run', bytes.subarray(0, length));

      expect(await outcome({ ...segment, etag }), `${length} bytes`).toBe('CorruptShuffleError');
      expect(await outcome({ ...segment, etag, endBytes: length }), `range of ${length} bytes`).toBe(
        'CorruptShuffleError',
      );
    }
  });

  it('is detected if it holds more or fewer records than its index says', async () => {
    const segment = (await storeRun(new MemoryStore(), 'run', [records], { blockBytes: 60 }))[0]!;

    expect(await outcome({ ...segment, records: records.length - 1 })).toBe('CorruptShuffleError');
    expect(await outcome({ ...segment, records: records.length + 1 })).toBe('CorruptShuffleError');
  });

  it('is detected if blocks are missing from its middle', async () => {
    const store = new MemoryStore();
    const segment = (await storeRun(store, 'run', [records], { blockBytes: 1 }))[0]!;
    const bytes = await store.get('run');
    const first = 20 + bytes.readUInt32LE(4);
    const { etag } = await store.put('run', bytes.subarray(first));

    expect(await outcome({ ...segment, etag, endBytes: bytes.length - first })).toBe('CorruptShuffleError');
  });

  it('is not read if it was replaced after it was indexed', async () => {
    const store = new MemoryStore();
    const segment = (await storeRun(store, 'run', [records]))[0]!;
    await storeRun(store, 'run', [records]);

    expect(await outcome(segment)).toBe('PreconditionFailedError');
  });
});

function record(key: string, value: string): KeyValue {
  return { key: Buffer.from(key), value: Buffer.from(value) };
}

async function outcome(segment: RunSegment): Promise<string> {
  try {
    const found = await readMerged([segment], 50);
    return `read ${found.length} records`;
  } catch (error) {
    return isMapReduceError(error) ? error.name : `not ours: ${error}`;
  }
}
