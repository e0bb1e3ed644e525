import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { numberValueCodec } from '../../src/codec/number-value.ts';
import { stringCodec } from '../../src/codec/string-codec.ts';
import { tupleValueCodec } from '../../src/codec/tuple-value.ts';
import { FoldMemory } from '../../src/map/fold-memory.ts';
import { FoldTable } from '../../src/map/fold-table.ts';
import { newTableMemory } from '../../src/map/thread-memory.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

interface Emits {
  readonly keys: readonly string[];
  readonly parts: number;
  readonly combine: 'sum' | 'min' | 'max';
}

/** What a table holds in its slots after these emits, in the order of its slots. */
function entriesOf({ keys, parts, combine }: Emits, memory: FoldMemory): string[] {
  const table = new FoldTable({
    codec: stringCodec,
    valueCodec: parts === 1 ? numberValueCodec : tupleValueCodec(Array(parts).fill(numberValueCodec)),
    parts,
    combine,
    partitioner: { partitionOf: (_key, bytes, start, end) => (end - start + (bytes[start] ?? 0)) % 7 },
    partitions: 7,
    memoryBytes: 64 * 1024 * 1024,
    full: () => expect.unreachable('the table is full'),
    memory: newTableMemory(memory),
  });
  keys.forEach((key, i) => {
    const value = Array.from({ length: parts }, (_, part) => ((i * 7919 + part) % 1000) - 0.25 * part);
    if (parts === 1) table.emitText(key, value[0]!);
    else table.emitTuple(key, value);
  });
  const entries: string[] = [];
  table.forEach((bytes, start, end, value, partition) => {
    entries.push(`${bytes.toString('hex', start, end)} ${JSON.stringify(value)} ${partition}`);
  });
  return entries;
}

describe('FoldMemory', () => {
  it('has a kernel that leaves the same entries in the same slots as JavaScript', () => {
    const key = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 20_000 }).map((i) => `k${i}`) },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 13 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 50 }).map((i) => 'long'.repeat(4 + (i % 3)) + i) },
    );
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 400, size: 'max' }),
        fc.integer({ min: 1, max: 80 }),
        fc.constantFrom(1, 1, 2, 5),
        fc.constantFrom('sum' as const, 'min' as const, 'max' as const),
        (some, repeats, parts, combine) => {
          // Enough different keys that the slots double.
          const keys = Array.from({ length: repeats }, (_, i) => some.map((text) => text + (i % 40))).flat();
          const emits = { keys, parts, combine };

          expect(entriesOf(emits, new FoldMemory())).toEqual(entriesOf(emits, new FoldMemory(false)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['missing', undefined],
    [
      'without the instructions that the kernel needs',
      {
        Module: class {
          constructor() {
            throw new Error('CompileError: invalid opcode 0xfd');
          }
        },
      },
    ],
  ])('uses JavaScript where WebAssembly is %s', (_name, WebAssembly) => {
    vi.stubGlobal('WebAssembly', WebAssembly);

    const memory = new FoldMemory();

    expect(memory.kernel).toBeUndefined();
    expect(entriesOf({ keys: ['a', 'b', 'a'], parts: 1, combine: 'sum' }, memory)).toHaveLength(2);
  });
});
