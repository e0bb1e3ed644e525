import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NamedCombiner, PairwiseCombiner } from '../../src/api/job.ts';
import { isMapReduceError } from '../../src/base/errors.ts';
import { bytesCodec } from '../../src/codec/bytes-codec.ts';
import type { Codec, KeyCodec } from '../../src/codec/codec.ts';
import { decodeNumberValue, numberValueCodec } from '../../src/codec/number-value.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';
import { tupleValueCodec } from '../../src/codec/tuple-value.ts';
import { FOLDED_PARTS_MAX, FoldMemory } from '../../src/map/fold-memory.ts';
import { FoldTable } from '../../src/map/fold-table.ts';
import { hashKey, partitionOfHash } from '../../src/map/key-hash.ts';
import type { Partitioner } from '../../src/map/partitioner.ts';
import { newTableMemory } from '../../src/map/thread-memory.ts';
import { RunWriter } from '../../src/shuffle/run-writer.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { readMerged } from '../shuffle/records.ts';
import { longCollidingKeys, shortCollidingKeys } from './crafted-keys.ts';

const byHash = (partitions: number): Partitioner => ({
  partitionOf: (_key, bytes, start, end) => partitionOfHash(hashKey(bytes, start, end), partitions),
});

/** Drains the table into a run, `pieceBytes` at a time. Returns each partition's records as [key in hex, number]. */
function drained(
  table: FoldTable,
  pieceBytes: number,
  blockBytes = 30,
): Promise<(readonly [string, number])[][]> {
  return drainedAs((value) => decodeNumberValue(value, 0, value.length), { table, pieceBytes, blockBytes });
}

async function drainedAs<V>(
  decode: (value: Buffer) => V,
  { table, pieceBytes, blockBytes = 30 }: { table: FoldTable; pieceBytes: number; blockBytes?: number },
): Promise<(readonly [string, V])[][]> {
  const blocks: Buffer[] = [];
  const writer = new RunWriter({
    compression: { codec: 'none' },
    blockBytes,
    emitBlock: (block) => blocks.push(block),
  });
  while (!table.drain(writer, pieceBytes)) {}
  const store = new MemoryStore();
  const { etag } = await store.put('run', Buffer.concat(blocks));
  return Promise.all(
    writer.extents.map(async ({ startBytes, lengthBytes, records }) => {
      const segment = { store, key: 'run', etag, startBytes, endBytes: startBytes + lengthBytes, records };
      return (await readMerged([segment])).map(
        ({ key, value }) => [key.toString('hex'), decode(value)] as const,
      );
    }),
  );
}

interface TableOptions {
  readonly codec?: KeyCodec<unknown>;
  readonly valueCodec?: Codec<unknown>;
  readonly parts?: number;
  readonly combine?: NamedCombiner | PairwiseCombiner<unknown>;
  readonly partitioner?: Partitioner;
  readonly partitions?: number;
  readonly memoryBytes?: number;
  readonly full?: () => void;
}

/** Whether tables of makeTable() use the kernel, or JavaScript alone. */
let usesKernel = true;

function makeTable({
  codec = stringCodec as KeyCodec<unknown>,
  valueCodec = numberValueCodec as Codec<unknown>,
  parts = 1,
  combine = 'sum',
  partitions = 1,
  partitioner = byHash(partitions),
  memoryBytes = 64 * 1024 * 1024,
  full = () => expect.unreachable('the table is full'),
}: TableOptions = {}): FoldTable {
  return new FoldTable({
    codec,
    valueCodec,
    parts,
    combine,
    partitioner,
    partitions,
    memoryBytes,
    full,
    memory: newTableMemory(new FoldMemory(usesKernel)),
  });
}

/** The oracle: folds into a Map in the order of the emits, then sorts by the keys' bytes. */
function foldedNaively(
  emits: readonly (readonly [Buffer, number])[],
  fold: (a: number, b: number) => number,
): [string, number][] {
  const groups = new Map<string, number>();
  for (const [key, value] of emits) {
    const name = key.toString('hex');
    const before = groups.get(name);
    groups.set(name, before === undefined ? value : fold(before, value));
  }
  return [...groups].sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'hex'), Buffer.from(b, 'hex')));
}

const text = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('', 'a', 'b', 'ab', 'the', '\0', '\0\0', 'a\0', 'é', '😀'),
  },
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\x7f'), maxLength: 14 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 10, max: 140 }).map((length) => 'x'.repeat(length)) },
  { weight: 1, arbitrary: fc.integer({ min: 120, max: 130 }).map((length) => `${'y'.repeat(length)}é`) },
);
const anyValue = fc.oneof(
  fc.integer({ min: -3, max: 300 }),
  fc.constantFrom(0, -0, 0.5, -1e300, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY),
);

const OPERATIONS = {
  sum: (a: number, b: number) => a + b,
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
  // It is neither commutative nor associative, so the result shows the order of the fold.
  custom: (a: number, b: number) => a * 3 - b,
};

function addParts(
  groups: Map<string, number[]>,
  key: string,
  value: readonly number[],
  fold: (a: number, b: number) => number,
): void {
  const before = groups.get(key);
  groups.set(key, before === undefined ? [...value] : before.map((part, i) => fold(part, value[i]!)));
}

describe.each([
  ['the kernel', true],
  ['JavaScript', false],
])('FoldTable with %s', (_name, withKernel) => {
  beforeAll(() => {
    usesKernel = withKernel;
  });

  it('folds the values of each key in the order in which they were emitted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, anyValue), { maxLength: 60, size: 'max' }),
        fc.constantFrom('sum' as const, 'min' as const, 'max' as const, 'custom' as const),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 200 }),
        async (emits, operation, partitions, pieceBytes) => {
          const combine = operation === 'custom' ? OPERATIONS.custom : operation;
          const table = makeTable({ combine: combine as NamedCombiner, partitions });

          for (const [key, value] of emits) table.emitText(key, value);
          const found = await drained(table, pieceBytes);

          const encoded = emits.map(([key, value]) => [Buffer.from(key), value] as const);
          const expected = foldedNaively(encoded, OPERATIONS[operation]);
          expect(found).toEqual(
            Array.from({ length: partitions }, (_, partition) =>
              expected.filter(([key]) => {
                const bytes = Buffer.from(key, 'hex');
                return partitionOfHash(hashKey(bytes, 0, bytes.length), partitions) === partition;
              }),
            ),
          );
          expect(table.count).toBe(0);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('folds tuples part by part, however often it must be emptied', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: FOLDED_PARTS_MAX }).chain((parts) =>
          fc.record({
            parts: fc.constant(parts),
            emits: fc.array(fc.tuple(text, fc.array(anyValue, { minLength: parts, maxLength: parts })), {
              maxLength: 40,
              size: 'max',
            }),
          }),
        ),
        fc.constantFrom('sum' as const, 'min' as const, 'max' as const),
        fc.oneof(fc.constant(1 << 26), fc.integer({ min: 0, max: 2_000 })),
        async ({ parts, emits }, combine, more) => {
          const valueCodec = tupleValueCodec(Array.from({ length: parts }, () => numberValueCodec));
          const decode = (value: Buffer) => valueCodec.decode(value, 0, value.length) as number[];
          const spilled: Promise<(readonly [string, number[]])[][]>[] = [];
          const drain = () => {
            spilled.push(drainedAs(decode, { table, pieceBytes: 100 }));
          };
          const table: FoldTable = makeTable({
            valueCodec,
            parts,
            combine,
            memoryBytes: 8_192 * (32 + 8 * (parts - 1)) + more,
            full: drain,
          });

          for (const [key, value] of emits) table.emitTuple(key, value);
          drain();

          const found = new Map<string, number[]>();
          for (const [records] of await Promise.all(spilled)) {
            for (const [key, value] of records ?? []) addParts(found, key, value, OPERATIONS[combine]);
          }
          const expected = new Map<string, number[]>();
          for (const [key, value] of emits) {
            addParts(expected, Buffer.from(key).toString('hex'), value, OPERATIONS[combine]);
          }
          // The sums of huge numbers depend on where the table was emptied.
          if (more > 2_000 || combine !== 'sum') expect(found).toEqual(expected);
          else expect(new Set(found.keys())).toEqual(new Set(expected.keys()));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('keeps tuples when it grows', async () => {
    const valueCodec = tupleValueCodec([numberValueCodec, numberValueCodec, numberValueCodec]);
    const table = makeTable({ valueCodec, parts: 3 });
    const count = 20_000;

    for (let round = 1; round <= 2; round++) {
      for (let i = 0; i < count; i++) table.emitTuple(`key ${i}`, [1, i, -round]);
    }

    const decode = (value: Buffer) => valueCodec.decode(value, 0, value.length);
    const [found] = await drainedAs(decode, { table, pieceBytes: 1_000_000, blockBytes: 10_000 });
    const expected = Array.from({ length: count }, (_, i): [string, number[]] => [
      Buffer.from(`key ${i}`).toString('hex'),
      [2, 2 * i, -3],
    ]);
    expect(new Map(found)).toEqual(new Map(expected));
  });

  it('treats a key the same whether it is emitted as text or through the codec', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, fc.boolean()), { maxLength: 40, size: 'max' }),
        async (emits) => {
          const table = makeTable();

          for (const [key, byText] of emits) {
            if (byText) table.emitText(key, 1);
            else table.emit(key, 1);
          }

          const [found] = await drained(table, Number.POSITIVE_INFINITY);
          expect(found).toEqual(
            foldedNaively(
              emits.map(([key]) => [Buffer.from(key), 1]),
              OPERATIONS.sum,
            ),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('treats a key the same whether it is emitted as text or as a range of bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, fc.nat({ max: 3 }), fc.nat({ max: 14 })), { maxLength: 40, size: 'max' }),
        async (emits) => {
          const table = makeTable();

          for (const [key, before, after] of emits) {
            const bytes = Buffer.from(`${'<'.repeat(before)}${key}${'>'.repeat(after)}`);
            table.emitFast({ bytes, start: before, end: bytes.length - after }, 1);
            table.emitFast(key, 2);
            bytes.fill(0);
          }

          const [found] = await drained(table, Number.POSITIVE_INFINITY);
          expect(found).toEqual(
            foldedNaively(
              emits.map(([key]) => [Buffer.from(key), 3]),
              OPERATIONS.sum,
            ),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('takes ranges as keys of bytes, and refuses text there', async () => {
    const table = makeTable({ codec: bytesCodec as KeyCodec<unknown> });

    table.emitFast({ bytes: Buffer.from([1, 0xff, 0xfe, 2]), start: 1, end: 3 }, 1);
    table.emitFast(Uint8Array.of(0xff, 0xfe), 1);
    expect(() => table.emitFast('ab', 1)).toThrow('bytes cannot hold "ab"');

    expect(await drained(table, 10)).toEqual([[['fffe', 2]]]);
  });

  it('distinguishes all keys of bytes', async () => {
    const bytes = fc.array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 60, size: 'max' }), async (keys) => {
        const table = makeTable({ codec: bytesCodec as KeyCodec<unknown> });

        for (const key of keys) table.emit(Uint8Array.from(key), 1);

        const [found] = await drained(table, 50);
        expect(found).toEqual(
          foldedNaively(
            keys.map((key) => [Buffer.from(key), 1]),
            OPERATIONS.sum,
          ),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the same records however often it must be emptied', async () => {
    let spillsInAll = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, fc.integer({ min: -9, max: 9 })), {
          minLength: 1,
          maxLength: 30,
          size: 'max',
        }),
        // Memory slightly above the size of the empty table: room for one key or several at a time.
        fc.integer({ min: 0, max: 2_000 }),
        async (emits, more) => {
          const spilled: Promise<(readonly [string, number])[][]>[] = [];
          let spills = 0;
          const table = makeTable({
            memoryBytes: 8_192 * 32 + more,
            full: () => {
              spills++;
              spilled.push(drained(table, Number.POSITIVE_INFINITY));
            },
          });

          for (const [key, value] of emits) table.emitText(key, value);
          spilled.push(drained(table, 20));

          const records = (await Promise.all(spilled)).flatMap(([partition]) => partition!);
          expect(
            foldedNaively(
              records.map(([key, value]) => [Buffer.from(key, 'hex'), value]),
              OPERATIONS.sum,
            ),
          ).toEqual(
            foldedNaively(
              emits.map(([key, value]) => [Buffer.from(key), value]),
              OPERATIONS.sum,
            ),
          );
          spillsInAll += spills;
        },
      ),
      { numRuns: 1_000 },
    );
    expect(spillsInAll).toBeGreaterThan(1_000);
  });

  it('grows to hold many keys, and works the same after it was emptied', async () => {
    const table = makeTable({ partitions: 3 });

    for (const round of [1, 2]) {
      for (let repeat = 0; repeat < 2; repeat++) {
        for (let i = 0; i < 20_000; i++)
          table.emitText(i % 3 === 0 ? `a key of many bytes ${i}` : `${i}`, round);
      }
      expect(table.count).toBe(20_000);
      const found = (await drained(table, 1_000, 10_000)).flat();

      expect(found.length).toBe(20_000);
      expect(new Set(found.map(([key]) => key)).size).toBe(20_000);
      expect(found.every(([, value]) => value === 2 * round)).toBe(true);
    }
  });

  it('writes the same bytes when it is drained in small pieces as when it is drained at once', () => {
    const bytesOf = (pieceBytes: number): { bytes: Buffer; calls: number } => {
      const blocks: Buffer[] = [];
      const writer = new RunWriter({
        compression: { codec: 'none' },
        blockBytes: 64,
        emitBlock: (block) => blocks.push(block),
      });
      const table = makeTable({ partitions: 5 });
      for (let i = 0; i < 500; i++) table.emitText(`key ${i % 321}`, i);
      let calls = 1;
      while (!table.drain(writer, pieceBytes)) calls++;
      return { bytes: Buffer.concat(blocks), calls };
    };

    const atOnce = bytesOf(Number.POSITIVE_INFINITY);
    const inPieces = bytesOf(1);

    expect(atOnce.calls).toBe(1);
    expect(inPieces.calls).toBeGreaterThan(5);
    expect(inPieces.bytes.equals(atOnce.bytes)).toBe(true);
  });

  it('passes all entries to forEach()', () => {
    const keys = ['b', 'a', '', 'a long key that has no room in its entry', 'é'.repeat(70), 'zzzzzzzzzzzz'];
    const table = makeTable({ partitions: 4 });
    for (const repeat of [1, 2]) for (const key of keys) table.emitText(key, repeat);

    const found: unknown[] = [];
    table.forEach((bytes, start, end, value, partition) => {
      found.push([bytes.toString('utf8', start, end), value, partition]);
    });

    expect(found).toHaveLength(keys.length);
    expect(found).toEqual(
      expect.arrayContaining(
        keys.map((key) => {
          const bytes = Buffer.from(key);
          return [key, 3, partitionOfHash(hashKey(bytes, 0, bytes.length), 4)];
        }),
      ),
    );
  });

  it('sets hardlyFolds once most keys of 131,072 emits were new, and not before', () => {
    const repeating = makeTable();
    const unique = makeTable();

    for (let i = 0; i < 1 << 18; i++) repeating.emitText(`${i & 0xffff}`, 1);
    for (let i = 0; i < (1 << 17) - 1; i++) unique.emitText(`${i}`, 1);
    const before = unique.hardlyFolds;
    unique.emitText('one more', 1);

    expect(repeating.hardlyFolds).toBe(false);
    expect(before).toBe(false);
    expect(unique.hardlyFolds).toBe(true);
  });

  it('is unchanged after a key that cannot be encoded', async () => {
    const table = makeTable();
    table.emit('before', 1);

    expect(() => table.emit(7, 1)).toThrow(expect.objectContaining({ name: 'UnencodableValueError' }));
    table.emit('after', 1);

    const found = (await drained(table, 10))[0]!;
    expect(found.map(([key]) => Buffer.from(key, 'hex').toString())).toEqual(['after', 'before']);
  });

  it('rejects a combiner result that is not a number', () => {
    const table = makeTable({ combine: () => 'text' });
    table.emitText('a', 1);

    const emit = (): void => table.emitText('a', 2);

    expect(emit).toThrow(/combine\(\) returned "text" \(string\); the job's value is a number/);
  });

  it('reports that combine threw', () => {
    const table = makeTable({
      combine: () => {
        throw new TypeError('no');
      },
    });
    table.emitText('a', 1);

    let error: unknown;
    try {
      table.emitText('a', 2);
    } catch (thrown) {
      error = thrown;
    }

    expect(isMapReduceError(error, 'UserCodeError') && error.message).toBe('combine() threw TypeError: no');
  });

  it('works the same in the memory of an earlier table, however large', async () => {
    const run = async (keys: number, memoryBytes: number) => {
      const spilled: Promise<(readonly [string, number])[][]>[] = [];
      const table = makeTable({
        memoryBytes,
        full: () => {
          spilled.push(drained(table, Number.POSITIVE_INFINITY));
        },
      });
      for (let repeat = 0; repeat < 2; repeat++) for (let i = 0; i < keys; i++) table.emitText(`key ${i}`, i);
      spilled.push(drained(table, Number.POSITIVE_INFINITY));
      table.close();
      table.close();
      return Promise.all(spilled);
    };

    const small = await run(5_000, 400_000);
    const large = await run(50_000, 64 * 1024 * 1024);
    const smallAgain = await run(5_000, 400_000);

    expect(small.length).toBeGreaterThan(1);
    expect(large.length).toBe(1);
    expect(JSON.stringify(smallAgain)).toBe(JSON.stringify(small));
  });

  it('shrinks after growth to make room for a long key, and so does not spill for each key behind it', async () => {
    let spills = 0;
    const table = makeTable({
      memoryBytes: 1_900_000,
      full: () => {
        spills++;
        void drained(table, Number.POSITIVE_INFINITY);
      },
    });
    for (let i = 0; i < 16_000; i++) table.emitText(`${i}`, 1);
    table.settle();
    expect(spills).toBe(0);

    table.emitText('x'.repeat(900_000), 7);
    for (let i = 0; i < 1_000; i++) table.emitText(`${i}`, 1);
    table.settle();

    expect(spills).toBe(1);
    const found = (await drained(table, Number.POSITIVE_INFINITY, 100_000))[0]!;
    expect(found.length).toBe(1_001);
    expect(found.at(-1)![1]).toBe(7);
    table.close();
  });

  it('calls a combiner of the user while map emits, so that the record on which it throws is known', () => {
    const table = makeTable({
      combine: () => {
        throw new Error('no such fold');
      },
    });

    table.emitText('a', 1);
    expect(() => table.emitText('a', 2)).toThrow('no such fold');
    table.emitText('b', 3);

    expect(table.count).toBe(2);
    table.close();
  });

  it('calls a partitioner of the user while map emits, with the key', () => {
    const keys: unknown[] = [];
    const partitioner: Partitioner = {
      isUserCode: true,
      partitionOf: (key) => {
        keys.push(key);
        return 0;
      },
    };
    const table = makeTable({ partitioner });
    const long = 'a key that has no room in its slot';

    table.emitText('short', 1);
    expect(keys).toEqual(['short']);
    table.emitText(long, 1);
    table.emitText('short', 1);

    expect(keys).toEqual(['short', long]);
    table.close();
  });

  it('loses nothing if it must be emptied while it folds what it gathered', async () => {
    const spilled: Promise<(readonly [string, number])[][]>[] = [];
    const table = makeTable({
      memoryBytes: 8_192 * 32 + 100 * 38,
      full: () => spilled.push(drained(table, Number.POSITIVE_INFINITY)),
    });
    // 250 gathered emits, and only about 100 entries fit.
    for (let i = 0; i < 250; i++) table.emitText(i % 2 === 0 ? `${i}` : `a key of many bytes ${i}`, i);

    expect(spilled.length).toBe(0);
    table.settle();
    expect(spilled.length).toBeGreaterThan(1);
    spilled.push(drained(table, Number.POSITIVE_INFINITY));

    const found = (await Promise.all(spilled)).flatMap(([records]) => records!);
    expect(found.map(([, value]) => value).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 250 }, (_, i) => i),
    );
    table.close();
  });

  it('shares no memory with another table of the same thread', async () => {
    makeTable().close();
    const first = makeTable();
    const second = makeTable();

    first.emitText('first', 1);
    second.emitText('second', 2);

    expect(await drained(first, 10)).toEqual([[[Buffer.from('first').toString('hex'), 1]]]);
    expect(await drained(second, 10)).toEqual([[[Buffer.from('second').toString('hex'), 2]]]);
    first.close();
    second.close();
  });

  it.each([
    ['short keys', shortCollidingKeys],
    ['long keys', longCollidingKeys],
  ])('finds %s that were made to collide with few probes', async (_which, make) => {
    const keys = make(40_000);
    const table = makeTable();

    for (const key of keys) table.emitText(key, 1);
    for (const key of keys) table.emitText(key, 2);

    expect(table.longestProbe).toBeLessThan(200);
    expect(table.count).toBe(40_000);
    const found = (await drained(table, Number.POSITIVE_INFINITY, 100_000))[0]!;
    expect(found.every(([, value]) => value === 3)).toBe(true);
    expect(found.map(([key]) => Buffer.from(key, 'hex').toString())).toEqual(keys.toSorted());
    table.close();
  });

  it('keeps its entries when it switches to the keyed hash, through spills and growth', async () => {
    const spilled: Promise<(readonly [string, number])[][]>[] = [];
    const table = makeTable({
      memoryBytes: 400_000,
      partitions: 3,
      full: () => spilled.push(drained(table, Number.POSITIVE_INFINITY)),
    });
    const mixed = [shortCollidingKeys(5_000), longCollidingKeys(5_000)];
    const emits = Array.from(
      { length: 20_000 },
      (_, i) => [i % 4 === 0 ? `plain ${i % 3000}` : mixed[i % 2]![(i * 7919) % 5_000]!, i % 10] as const,
    );

    for (const [key, value] of emits) table.emitText(key, value);
    spilled.push(drained(table, Number.POSITIVE_INFINITY));

    const sums = new Map<string, number>();
    for (const run of await Promise.all(spilled)) {
      for (const [key, value] of run.flat()) sums.set(key, (sums.get(key) ?? 0) + value);
    }
    expect(spilled.length).toBeGreaterThan(1);
    expect([...sums].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(
      foldedNaively(
        emits.map(([key, value]) => [Buffer.from(key), value] as const),
        OPERATIONS.sum,
      ),
    );
    table.close();
  });
});
