/** Generates small inputs and settings for whole jobs, and computes the expected results naively. */
import fc from 'fast-check';
import { hashKey, partitionOfHash } from '../../src/map/key-hash.ts';
import { wideTextKind } from '../../src/read/wide-text.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { objectsBelow, runSmallJob, type SmallJobOptions } from './small-job.ts';

/** Contains no backslash, tab, newline or carriage return: other tests cover the escapes of TSV. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'the', 'ä', '', 'x'.repeat(130)) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom('a', 'z', '\0', 'é', '\u{10000}'), maxLength: 6 }),
  },
);
const line = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
export const files = fc.array(
  fc
    .record({ lines: fc.array(line, { maxLength: 5 }), ends: fc.boolean() })
    .map(({ lines, ends }) => lines.join('\n') + (ends && lines.length > 0 ? '\n' : ''))
    // A few NULs between letters look like UTF-16, which the job rejects.
    .filter((text) => wideTextKind(Buffer.from(text)) === undefined),
  { minLength: 1, maxLength: 3 },
);
export const settings = fc.record({
  splitSizeBytes: fc.oneof(fc.integer({ min: 10, max: 60 }), fc.constant(100_000)),
  reducers: fc.integer({ min: 1, max: 4 }),
  memoryBytes: fc.oneof(
    { weight: 30, arbitrary: fc.constant(2 ** 26) },
    { weight: 1, arbitrary: fc.constantFrom(4_000, 8_000) },
  ),
  merge: fc.boolean(),
  compression: fc.constantFrom({ codec: 'none' as const }, { codec: 'zstd' as const, level: 1 }),
});

export async function storeOf(files: readonly string[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [i, text] of files.entries()) await store.put(`in/${i}.txt`, Buffer.from(text));
  return store;
}

export function linesOf(files: readonly string[]): string[] {
  return files.flatMap((text) => {
    if (text === '') return [];
    return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  });
}

export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function partitionOf(key: string, partitions: number): number {
  const bytes = Buffer.from(key);
  return partitionOfHash(hashKey(bytes, 0, bytes.length), partitions);
}

/** The expected content of each part as text; one text if the job merges its parts. */
export function expectedParts(
  records: readonly (readonly [key: string, line: string])[],
  { reducers, merge }: { reducers: number; merge: boolean },
): string[] {
  const sorted = records.map((record, i) => ({ record, i }));
  sorted.sort((a, b) => compareText(a.record[0], b.record[0]) || a.i - b.i);
  const parts = Array.from({ length: merge ? 1 : reducers }, () => '');
  for (const { record } of sorted) parts[merge ? 0 : partitionOf(record[0], reducers)] += record[1];
  return parts;
}

export async function run(options: Omit<SmallJobOptions, 'store'>, files: readonly string[]) {
  const store = await storeOf(files);
  const end = await runSmallJob({ store, ...options });
  const objects = await objectsBelow(store, 'out/');
  const parts = end.report.parts.map(({ name }) => Buffer.from(objects[`out/${name}`]!, 'latin1').toString());
  return { ...end, store, objects, parts };
}
