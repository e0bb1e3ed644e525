import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineInBytes } from '../../src/codec/bytes-range.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';
import type { ValueFold } from '../../src/fold/fold.ts';
import { createFold } from '../../src/fold/value-fold.ts';
import { RecordBuffer } from '../../src/map/record-buffer.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { type KeyValue, printed, readMerged, sortedRecords } from '../shuffle/records.ts';

interface Emit extends KeyValue {
  readonly partition: number;
}

const emit = fc.record({
  key: fc
    .oneof(
      { weight: 5, arbitrary: fc.array(fc.constantFrom(0, 0x61, 0xff), { maxLength: 4 }) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 120, max: 135 }).map((length) => new Array<number>(length).fill(0x61)),
      },
    )
    .map((bytes) => Buffer.from(bytes)),
  value: fc
    .oneof(
      { weight: 5, arbitrary: fc.string({ unit: fc.constantFrom('x', 'é', '\0'), maxLength: 4 }) },
      { weight: 1, arbitrary: fc.integer({ min: 120, max: 400 }).map((length) => 'v'.repeat(length)) },
    )
    .map((text) => Buffer.from(text)),
  partition: fc.nat(2),
}) satisfies fc.Arbitrary<Emit>;
const emits = fc.array(emit, { maxLength: 50, size: 'max' });
const PARTITIONS = 3;
/** Room for the largest record above, and for little else. */
const SMALL_BYTES = 700;

/** Writes as codecs do: reserves a byte or a chunk at a time, and reads `bytes` and `end` again after that. */
function write(buffer: RecordBuffer, bytes: Buffer, stepBytes: number): void {
  for (let at = 0; at < bytes.length; at += stepBytes) {
    const step = bytes.subarray(at, at + stepBytes);
    buffer.reserve(step.length);
    step.copy(buffer.bytes, buffer.end);
    buffer.end += step.length;
  }
}

function put(buffer: RecordBuffer, { key, value, partition }: Emit, stepBytes = 1_000): void {
  buffer.startRecord();
  write(buffer, key, stepBytes);
  buffer.endKey();
  write(buffer, value, stepBytes);
  buffer.endRecord(partition);
}

/** All records that a buffer drained: [run][partition] -> records. */
class Runs {
  readonly #store = new MemoryStore();
  readonly #runs: RunWriter[] = [];
  readonly #blocks: Buffer[][] = [];

  get count(): number {
    return this.#runs.length;
  }

  bytesOf(run: number): Buffer {
    return Buffer.concat(this.#blocks[run]!);
  }

  drain(buffer: RecordBuffer, pieceBytes = Number.POSITIVE_INFINITY): number {
    const blocks: Buffer[] = [];
    const writer = new RunWriter({
      compression: { codec: 'none' },
      blockBytes: 50,
      emitBlock: (block) => blocks.push(block),
    });
    let calls = 1;
    while (!buffer.drain(writer, pieceBytes)) calls++;
    this.#runs.push(writer);
    this.#blocks.push(blocks);
    return calls;
  }

  async records(): Promise<KeyValue[][][]> {
    return Promise.all(
      this.#runs.map(async (writer, run) => {
        const key = `run${run}`;
        const { etag } = await this.#store.put(key, this.bytesOf(run));
        return Promise.all(
          writer.extents.map(({ startBytes, lengthBytes, records }) =>
            readMerged([
              { store: this.#store, key, etag, startBytes, endBytes: startBytes + lengthBytes, records },
            ]),
          ),
        );
      }),
    );
  }
}

function makeBuffer({
  memoryBytes = 64 * 1024,
  fold,
  runs = new Runs(),
}: {
  memoryBytes?: number;
  fold?: ValueFold | undefined;
  runs?: Runs;
} = {}): { buffer: RecordBuffer; runs: Runs } {
  const buffer: RecordBuffer = new RecordBuffer({
    memoryBytes,
    partitions: PARTITIONS,
    fold,
    spill: () => void runs.drain(buffer),
  });
  return { buffer, runs };
}

/** Joins strings. This is associative, and the result shows the order in which values were folded. */
function joining(): ValueFold {
  const shuffle = { key: stringCodec, value: stringCodec, combine: (a: string, b: string) => a + b };
  return createFold(shuffle as unknown as Parameters<typeof createFold>[0], { steps: 0 })!;
}

function joinedNaively(records: readonly KeyValue[]): string[] {
  const groups = new Map<string, string>();
  for (const { key, value } of sortedRecords(records)) {
    const name = key.toString('hex');
    groups.set(name, `${groups.get(name) ?? ''}${value}`);
  }
  return [...groups].map(([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`);
}

describe('RecordBuffer', () => {
  it('drains each partition in the order of the keys, and equal keys in the order of emission', async () => {
    await fc.assert(
      fc.asyncProperty(
        emits,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 500 }),
        async (emits, stepBytes, pieceBytes) => {
          const { buffer, runs } = makeBuffer();

          for (const emit of emits) put(buffer, emit, stepBytes);
          runs.drain(buffer, pieceBytes);
          buffer.close();

          const partitions = (await runs.records())[0]!;
          for (const [partition, records] of partitions.entries()) {
            const expected = emits.filter((emit) => emit.partition === partition);
            expect(printed(records)).toEqual(printed(sortedRecords(expected)));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('spills in the middle of a record without losing a byte', async () => {
    let spills = 0;
    await fc.assert(
      fc.asyncProperty(emits, fc.integer({ min: 1, max: 200 }), async (emits, stepBytes) => {
        const { buffer, runs } = makeBuffer({ memoryBytes: SMALL_BYTES });

        for (const emit of emits) put(buffer, emit, stepBytes);
        runs.drain(buffer);
        buffer.close();

        spills += runs.count - 1;
        const found = await runs.records();
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const records = found.flatMap((run) => run[partition]!);
          const expected = emits.filter((emit) => emit.partition === partition);
          // Runs hold consecutive stretches of the input, so a stable sort of all runs gives the order of one run.
          expect(printed(sortedRecords(records))).toEqual(printed(sortedRecords(expected)));
        }
      }),
      { numRuns: 1_000 },
    );
    expect(spills).toBeGreaterThan(1_000);
  });

  it('copies the texts of lines later, between values that are encoded and however it spills', async () => {
    let copied = 0;
    const block = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 120, max: 140 })), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(block, { maxLength: 8 }),
        fc.constantFrom(SMALL_BYTES, 64 * 1024),
        fc.integer({ min: 1, max: 140 }),
        async (blocks, memoryBytes, keyLength) => {
          const { buffer, runs } = makeBuffer({ memoryBytes });
          const emits: Emit[] = [];

          for (const lengths of blocks) {
            const lines = lengths.map((length, index) =>
              String.fromCharCode(97 + ((index * 7) % 26)).repeat(length),
            );
            lineInBytes.bytes = Buffer.from(lines.join(''));
            lineInBytes.end = 0;
            for (const [index, line] of lines.entries()) {
              lineInBytes.start = lineInBytes.end;
              lineInBytes.end += line.length;
              const key = Buffer.from(line.slice(0, keyLength));
              const emit = { key, value: Buffer.from(line), partition: index % PARTITIONS };
              emits.push(emit);
              buffer.startRecord();
              write(buffer, key, 1_000);
              buffer.endKey();
              if (index % 5 !== 4 && buffer.endRecordWithLine(emit.partition)) {
                copied++;
              } else {
                write(buffer, emit.value, 1_000);
                buffer.endRecord(emit.partition);
              }
            }
            lineInBytes.clear();
          }
          runs.drain(buffer);
          buffer.close();

          const found = await runs.records();
          for (let partition = 0; partition < PARTITIONS; partition++) {
            const records = found.flatMap((run) => run[partition]!);
            const expected = emits.filter((emit) => emit.partition === partition);
            expect(printed(sortedRecords(records))).toEqual(printed(sortedRecords(expected)));
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(copied).toBeGreaterThan(1_000);
  });

  it('folds equal keys in the order of emission, even if it drains in pieces, and within each spill', async () => {
    await fc.assert(
      fc.asyncProperty(
        emits,
        fc.constantFrom(SMALL_BYTES, 64 * 1024),
        fc.integer({ min: 1, max: 300 }),
        async (emits, memoryBytes, pieceBytes) => {
          const { buffer, runs } = makeBuffer({ memoryBytes, fold: joining() });

          for (const emit of emits) put(buffer, emit);
          runs.drain(buffer, pieceBytes);
          buffer.close();

          const found = await runs.records();
          for (let partition = 0; partition < PARTITIONS; partition++) {
            const expected = emits.filter((emit) => emit.partition === partition);
            expect(joinedNaively(found.flatMap((run) => run[partition]!))).toEqual(joinedNaively(expected));
            for (const run of found) {
              const keys = run[partition]!.map(({ key }) => key.toString('hex'));
              expect(new Set(keys).size).toBe(keys.length);
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('writes the same bytes when it is drained in small pieces as when it is drained at once, even if groups are long', () => {
    for (const fold of [undefined, joining()]) {
      const atOnce = makeBuffer({ memoryBytes: 1 << 20, fold });
      const inPieces = makeBuffer({ memoryBytes: 1 << 20, fold });
      for (let i = 0; i < 3_000; i++) {
        const emit = {
          key: Buffer.from(`k${(i * i) % 11}`),
          value: Buffer.from(`${i} `),
          partition: (i >> 3) % PARTITIONS,
        };
        put(atOnce.buffer, emit);
        put(inPieces.buffer, emit);
      }

      const calls = [atOnce.runs.drain(atOnce.buffer), inPieces.runs.drain(inPieces.buffer, 1)];

      expect(calls[0]).toBe(1);
      expect(calls[1]).toBeGreaterThan(10);
      expect(inPieces.runs.bytesOf(0).equals(atOnce.runs.bytesOf(0))).toBe(true);
      atOnce.buffer.close();
      inPieces.buffer.close();
    }
  });

  it('counts the memory needed for sorting, and spills before the budget is exceeded', () => {
    const { buffer, runs } = makeBuffer({ memoryBytes: 10_000 });
    const emits = 5_000;

    for (let i = 0; i < emits; i++)
      put(buffer, { key: Buffer.from('k'), value: Buffer.alloc(0), partition: 0 });
    buffer.close();

    // Each record takes 3 bytes, and 27 bytes of bookkeeping.
    expect(runs.count).toBe(Math.floor(emits / 334));
  });

  it('accepts a record that fills it to the last byte, but not one that is a byte longer', () => {
    const memoryBytes = 1_000;
    const valueBytes = memoryBytes - 2 - 3;
    const fits = makeBuffer({ memoryBytes });
    const tooLarge = makeBuffer({ memoryBytes });

    // The lengths take one byte more than the two reserved bytes.
    put(fits.buffer, { key: Buffer.from('kk'), value: Buffer.alloc(valueBytes), partition: 0 });
    const emit = (): void =>
      put(tooLarge.buffer, { key: Buffer.from('kk'), value: Buffer.alloc(valueBytes + 1), partition: 0 });

    expect(emit).toThrow(
      /^one emitted key and value do not fit into the sort buffer of 1000 bytes. Give the workers more memory/,
    );
    expect(emit).toThrow(expect.objectContaining({ name: 'RecordTooLargeError' }));
    fits.buffer.close();
    tooLarge.buffer.close();
  });

  it('discards a cancelled record, even if a spill has moved it', async () => {
    const { buffer, runs } = makeBuffer({ memoryBytes: 1_000 });
    const emits = [300, 400, 500].map((valueBytes) => ({
      key: Buffer.from(`key ${valueBytes}`),
      value: Buffer.alloc(valueBytes, 0x76),
      partition: 1,
    }));

    for (const emit of emits) {
      put(buffer, emit);
      buffer.startRecord();
      write(buffer, Buffer.alloc(600), 600);
      buffer.cancelRecord();
    }
    runs.drain(buffer);
    buffer.close();

    const found = await runs.records();
    expect(printed(sortedRecords(found.flatMap((run) => run[1]!)))).toEqual(printed(sortedRecords(emits)));
    expect(found.length).toBe(3);
  });

  it('grows beyond its initial number of entries', async () => {
    const { buffer, runs } = makeBuffer({ memoryBytes: 1 << 21 });
    const emits = Array.from({ length: 40_000 }, (_, i) => ({
      key: Buffer.from(String((i * 7_919) % 40_000)),
      value: Buffer.alloc(0),
      partition: i % PARTITIONS,
    }));

    for (const emit of emits) put(buffer, emit);
    runs.drain(buffer, 10_000);
    buffer.close();

    expect(runs.count).toBe(1);
    const found = (await runs.records())[0]!;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const expected = emits.filter((emit) => emit.partition === partition);
      expect(printed(found[partition]!)).toEqual(printed(sortedRecords(expected)));
    }
  });

  it('shares no memory with another buffer, however buffers are opened and closed', async () => {
    const first = makeBuffer();
    first.buffer.close();
    const second = makeBuffer();
    first.buffer.close();
    const third = makeBuffer();

    const emitOf = (name: string) => ({ key: Buffer.from(name), value: Buffer.from(name), partition: 0 });
    put(second.buffer, emitOf('second'));
    put(third.buffer, emitOf('third'));
    second.runs.drain(second.buffer);
    third.runs.drain(third.buffer);

    expect(printed((await second.runs.records())[0]![0]!)).toEqual(printed([emitOf('second')]));
    expect(printed((await third.runs.records())[0]![0]!)).toEqual(printed([emitOf('third')]));
    second.buffer.close();
    third.buffer.close();
  });
});
