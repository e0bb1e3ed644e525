import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { untimed } from '../../src/base/phase-clock.ts';
import { bytesCodec } from '../../src/codec/bytes-codec.ts';
import type { ByteSink } from '../../src/codec/codec.ts';
import type { RecordSlice } from '../../src/codec/record-slice.ts';
import type { ValueFold } from '../../src/fold/fold.ts';
import { consumeMerge, RecordCopier } from '../../src/shuffle/consume-merge.ts';
import { GroupFolder } from '../../src/shuffle/group-folder.ts';
import type { BulkSink, RecordSink } from '../../src/shuffle/record-sink.ts';
import type { RunSegment } from '../../src/shuffle/run-reader.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { anyCompression, anyRecords, type KeyValue, NO_CONTROL, sortedRecords, storeRun } from './records.ts';

const timing = { phases: untimed(), fetch: 'other', consume: 'other' } as const;
const SUFFIX = 0x0a;

/** A sink of values, each with a byte after it. */
class Values implements RecordSink {
  readonly chunks: Buffer[] = [];
  readonly wantsFlush = false;
  readonly bulk: BulkSink | undefined;
  blocks = 0;
  records = 0;

  constructor({ isBulk, roomBytes }: { isBulk: boolean; roomBytes: number }) {
    const appendBlock = (block: Buffer, records: number) => {
      this.chunks.push(Buffer.from(block));
      this.blocks++;
      this.records += records;
    };
    this.bulk = isBulk ? { suffix: SUFFIX, blockBytes: 60, roomBytes, appendBlock } : undefined;
  }

  append({ valueBytes, valueStart, valueEnd }: Parameters<RecordSink['append']>[0]): void {
    this.chunks.push(Buffer.from(valueBytes.subarray(valueStart, valueEnd)), Buffer.of(SUFFIX));
    this.records++;
  }

  async flush(): Promise<void> {}
}

/** A sink that is a run; blocks that it takes as a whole are optional. */
class Run implements RecordSink {
  readonly chunks: Buffer[] = [];
  readonly wantsFlush = false;
  readonly writer = new RunWriter({
    compression: { codec: 'none' },
    blockBytes: 50,
    emitBlock: (block) => this.chunks.push(Buffer.from(block)),
  });
  readonly bulk: BulkSink | undefined;

  constructor(isBulk: boolean) {
    this.bulk = isBulk ? this.writer : undefined;
  }

  append(record: Parameters<RecordSink['append']>[0]): void {
    this.writer.append(record);
  }

  async flush(): Promise<void> {}
}

async function storedRuns(
  runs: readonly (readonly KeyValue[])[],
  options: Parameters<typeof storeRun>[3],
): Promise<RunSegment[]> {
  const store = new MemoryStore();
  const segments: RunSegment[] = [];
  for (const [run, records] of runs.entries()) {
    segments.push(...(await storeRun(store, `run${run}`, [sortedRecords(records)], options)));
  }
  return segments.filter(({ records }) => records > 0);
}

async function copied(segments: readonly RunSegment[], sink: RecordSink): Promise<number> {
  const consumer = new RecordCopier(sink);
  await consumeMerge(segments, { consumer, sink, chunkBytes: 64, control: NO_CONTROL, timing });
  return consumer.recordsRead;
}

const anyRuns = fc.array(anyRecords, { maxLength: 7 });

/** Joins the values of a group, so that the result shows their order. */
class Joining implements ValueFold {
  readonly keepsSingle: boolean;
  value = Buffer.alloc(0);
  started = 0;

  constructor(keepsSingle: boolean) {
    this.keepsSingle = keepsSingle;
  }

  start(bytes: Buffer, from: number, to: number): void {
    this.value = Buffer.from(bytes.subarray(from, to));
    this.started++;
  }

  add(bytes: Buffer, from: number, to: number): void {
    if (bytes.subarray(from, to).equals(REFUSED)) throw new Error('no such value');
    this.value = Buffer.concat([this.value, bytes.subarray(from, to)]);
  }

  writeTo(sink: ByteSink): void {
    sink.reserve(this.value.length);
    sink.end += this.value.copy(sink.bytes, sink.end);
  }
}

const REFUSED = Buffer.from('refused');

class Records implements RecordSink {
  readonly wantsFlush = false;
  readonly records: string[] = [];

  append({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }: RecordSlice): void {
    const [key, value] = [keyBytes.subarray(keyStart, keyEnd), valueBytes.subarray(valueStart, valueEnd)];
    this.records.push(`${key.toString('hex')} ${value.toString('hex')}`);
  }

  async flush(): Promise<void> {}
}

async function folded(
  segments: readonly RunSegment[],
  { fold, blockBytes = 60 }: { fold: ValueFold; blockBytes?: number },
) {
  const sink = new Records();
  const consumer = new GroupFolder({ fold, key: bytesCodec }, sink, blockBytes);
  await consumeMerge(segments, { consumer, sink, chunkBytes: 64, control: NO_CONTROL, timing });
  return { records: sink.records, counts: [consumer.recordsRead, consumer.recordsWritten] };
}

function foldedNaively(runs: readonly (readonly KeyValue[])[]): string[] {
  const groups = new Map<string, Buffer>();
  for (const { key, value } of sortedRecords(runs.flat())) {
    const name = key.toString('hex');
    groups.set(name, Buffer.concat([groups.get(name) ?? Buffer.alloc(0), value]));
  }
  return [...groups].map(([key, value]) => `${key} ${value.toString('hex')}`);
}

describe('runs that are folded', () => {
  it.each([true, false])(
    'give one record for each key, in order (single values are kept: %s)',
    async (keepsSingle) => {
      await fc.assert(
        fc.asyncProperty(anyRuns, fc.integer({ min: 1, max: 300 }), async (runs, blockBytes) => {
          const segments = await storedRuns(runs, {});
          const expected = foldedNaively(runs);

          const found = await folded(segments, { fold: new Joining(keepsSingle), blockBytes });

          expect(found.records).toEqual(expected);
          expect(found.counts).toEqual([runs.flat().length, expected.length]);
        }),
        { numRuns: 500 },
      );
    },
  );

  it('may have records that are larger than a block, inside and between groups', async () => {
    const lengths = [
      [9_000, 1, 6_000],
      [0, 7_000, 2],
      [5_000, 5_000, 5_000],
      [1, 1, 1],
    ];
    const runs = Array.from({ length: 3 }, (_, run) =>
      lengths.map((of, index) => ({ key: Buffer.from([index]), value: Buffer.alloc(of[run]!, run + 1) })),
    );
    const segments = await storedRuns(runs, {});

    expect((await folded(segments, { fold: new Joining(true) })).records).toEqual(foldedNaively(runs));
  });

  it('do not fold a value that is alone, if the fold would not change it', async () => {
    const fold = new Joining(true);
    const values = ['a', 'b', 'c'].map((key) => ({ key: Buffer.from(key), value: Buffer.from(key) }));

    await folded(await storedRuns([values], {}), { fold, blockBytes: 1_000 });

    // The last group is open when its block ends.
    expect(fold.started).toBe(1);
  });

  it('name the key of a value that the combiner refuses', async () => {
    const [one, other] = ['v', 'refused'].map((value) => ({
      key: Buffer.from('k'),
      value: Buffer.from(value),
    }));
    const segments = await storedRuns([[one!], [other!]], {});

    await expect(folded(segments, { fold: new Joining(true) })).rejects.toMatchObject({
      name: 'UserCodeError',
      message: 'combine() threw Error: no such value',
      details: { phase: 'combine', groupKey: '{"0":107}' },
    });
  });
});

describe('runs merged in bulk', () => {
  it('give the blocks that a merge record by record writes', async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, anyCompression, async (runs, compression) => {
        const segments = await storedRuns(runs, { compression });
        const [inBulk, oneByOne] = [new Run(true), new Run(false)];

        const counts = [await copied(segments, inBulk), await copied(segments, oneByOne)];

        for (const { writer } of [inBulk, oneByOne]) writer.endPartition();
        expect(counts).toEqual([runs.flat().length, runs.flat().length]);
        expect(inBulk.writer.extents).toEqual(oneByOne.writer.extents);
        expect(Buffer.concat(inBulk.chunks).toString('hex')).toBe(
          Buffer.concat(oneByOne.chunks).toString('hex'),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('give the values in order, also those that are larger than a block', async () => {
    let large = 0;
    await fc.assert(
      fc.asyncProperty(anyRuns, fc.integer({ min: 60, max: 400 }), async (runs, roomBytes) => {
        const segments = await storedRuns(runs, {});
        const sink = new Values({ isBulk: true, roomBytes });

        const count = await copied(segments, sink);

        if (sink.chunks.length > sink.blocks) large++;
        const expected = sortedRecords(runs.flat()).flatMap(({ value }) => [value, Buffer.of(SUFFIX)]);
        expect(Buffer.concat(sink.chunks).toString('hex')).toBe(Buffer.concat(expected).toString('hex'));
        expect([count, sink.records]).toEqual([runs.flat().length, runs.flat().length]);
      }),
      { numRuns: 500 },
    );
    expect(large).toBeGreaterThan(20);
  });

  it('take a record that is larger than the memory for a block', async () => {
    const values = [300_000, 1, 200_000, 0].map((length, index) => ({
      key: Buffer.from([index]),
      value: Buffer.alloc(length, index),
    }));
    const segments = await storedRuns([values, values, [values[1]!]], {});
    const sink = new Values({ isBulk: true, roomBytes: 1_000_000 });

    await copied(segments, sink);

    const expected = sortedRecords([...values, ...values, values[1]!]);
    const bytes = Buffer.concat(expected.flatMap(({ value }) => [value, Buffer.of(SUFFIX)]));
    expect(Buffer.concat(sink.chunks).equals(bytes)).toBe(true);
  });

  it('stop when the attempt is cancelled', async () => {
    const segments = await storedRuns([[{ key: Buffer.from('k'), value: Buffer.from('v') }]], {});
    const sink = new Run(true);
    const check = (): void => {
      throw new Error('cancelled');
    };

    const merging = consumeMerge(segments, {
      consumer: new RecordCopier(sink),
      sink,
      chunkBytes: 64,
      control: { check },
      timing,
    });

    await expect(merging).rejects.toThrow('cancelled');
  });
});
