/** Helpers for tests of the shuffle: they generate records, write runs, and read them back. */
import fc from 'fast-check';
import type { AttemptControl } from '../../src/base/progress.ts';
import type { RecordSlice } from '../../src/codec/record-slice.ts';
import type { BlockCompression } from '../../src/shuffle/block.ts';
import { openMerge } from '../../src/shuffle/open-runs.ts';
import type { RunSegment } from '../../src/shuffle/run-reader.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';
import { readShuffleFooter } from '../../src/shuffle/shuffle-object.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
}

export const NO_CONTROL: AttemptControl = { check: () => {} };

/** Keys that are small and often equal, contain zeros or share long prefixes; some lengths take two bytes. */
export const anyKey: fc.Arbitrary<Buffer> = fc
  .oneof(
    { weight: 4, arbitrary: fc.uint8Array({ maxLength: 2 }) },
    { weight: 4, arbitrary: fc.array(fc.constantFrom(0, 1, 0x61, 0xff), { maxLength: 8 }) },
    { weight: 2, arbitrary: fc.array(fc.constantFrom(0x61, 0x62), { minLength: 5, maxLength: 9 }) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 120, max: 135 }).map((length) => new Uint8Array(length).fill(0x61)),
    },
  )
  .map((bytes) => Buffer.from(bytes));

export const anyValue: fc.Arbitrary<Buffer> = fc
  .oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 6 }) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 120, max: 300 }).map((length) => new Uint8Array(length).fill(length)),
    },
  )
  .map((bytes) => Buffer.from(bytes));

export const anyCompression: fc.Arbitrary<BlockCompression> = fc.constantFrom<BlockCompression>(
  { codec: 'none' },
  { codec: 'zstd', level: 1 },
);

export const anyRecords: fc.Arbitrary<KeyValue[]> = fc.array(fc.record({ key: anyKey, value: anyValue }), {
  maxLength: 30,
  size: 'max',
});

/** Sorts by key; the sort is stable. */
export function sortedRecords(records: readonly KeyValue[]): KeyValue[] {
  return [...records].sort((a, b) => Buffer.compare(a.key, b.key));
}

/** Makes a record that spans its whole buffers. */
export function sliceOf({ key, value }: KeyValue): RecordSlice {
  return {
    keyBytes: key,
    keyStart: 0,
    keyEnd: key.length,
    valueBytes: value,
    valueStart: 0,
    valueEnd: value.length,
  };
}

/** Appends a record that has other bytes around it. */
export function append(writer: RunWriter, { key, value }: KeyValue): void {
  const bytes = Buffer.concat([Buffer.from([9, 9]), key, Buffer.from([8]), value, Buffer.from([7])]);
  const valueStart = 2 + key.length + 1;
  writer.append({
    keyBytes: bytes,
    keyStart: 2,
    keyEnd: 2 + key.length,
    valueBytes: bytes,
    valueStart,
    valueEnd: valueStart + value.length,
  });
  bytes.fill(0x55);
}

/** Stores one run of sorted partitions after `before` other bytes. Returns its segments. */
export async function storeRun(
  store: ObjectStore,
  key: string,
  partitions: readonly (readonly KeyValue[])[],
  {
    compression = { codec: 'none' },
    blockBytes = 64,
    before = 0,
  }: { compression?: BlockCompression; blockBytes?: number; before?: number } = {},
): Promise<RunSegment[]> {
  const blocks: Buffer[] = [Buffer.alloc(before, 0xbb)];
  const writer = new RunWriter({ compression, blockBytes, emitBlock: (block) => blocks.push(block) });
  for (const records of partitions) {
    for (const record of records) append(writer, record);
    writer.endPartition();
  }
  const { etag } = await store.put(key, Buffer.concat(blocks));
  return writer.extents.map(({ startBytes, lengthBytes, records }) => ({
    store,
    key,
    etag,
    startBytes: before + startBytes,
    endBytes: before + startBytes + lengthBytes,
    records,
  }));
}

/** Merges the segments and returns all records. */
export async function readMerged(segments: readonly RunSegment[], chunkBytes = 64): Promise<KeyValue[]> {
  const found: KeyValue[] = [];
  if (segments.length === 0) return found;
  const merge = openMerge(segments, chunkBytes);
  try {
    while (await merge.ready()) {
      do {
        const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = merge.current;
        found.push({
          key: Buffer.from(keyBytes.subarray(keyStart, keyEnd)),
          value: Buffer.from(valueBytes.subarray(valueStart, valueEnd)),
        });
      } while (merge.next());
    }
  } finally {
    await merge.close();
  }
  return found;
}

/** Formats records for comparisons. Strings are shorter to print than buffers, and compare much faster. */
export function printed(records: readonly KeyValue[]): string[] {
  return records.map(({ key, value }) => `${key.toString('hex')}=${value.toString('hex')}`);
}

/** Reads each partition of a shuffle object. */
export async function readPartitions(store: ObjectStore, key: string): Promise<KeyValue[][]> {
  const info = (await store.head(key))!;
  const { extents } = await readShuffleFooter(store, info);
  const partitions: KeyValue[][] = [];
  for (const { startBytes, lengthBytes, records } of extents) {
    const endBytes = startBytes + lengthBytes;
    const segment = { store, key, etag: info.etag, startBytes, endBytes, records };
    partitions.push(lengthBytes === 0 ? [] : await readMerged([segment], 1_000));
  }
  return partitions;
}
