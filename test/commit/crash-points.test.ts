/**
 * Injects one fault at each storage operation of a small job: the operation fails, takes effect but reports a failure,
 * or the process dies right before or right after it. The coordinator retries the step that failed. The result must be
 * the same as without the fault.
 */
import { describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../src/base/limits.ts';
import {
  byRange,
  csv,
  defineJob,
  gzip,
  inFiles,
  inFolders,
  type Job,
  lines,
  type MapContext,
  textLines,
  tsv,
} from '../../src/index.ts';
import type { JobReport } from '../../src/report/report.ts';
import { FileStore } from '../../src/storage/file/file-store.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { FAULT_KINDS, type FaultKind, FaultyStore } from '../helpers/faulty-store.ts';
import { scratchFolder, scratchOfFile } from './environment.ts';
import { objectsBelow, runSmallJob, type SmallJobOptions } from './small-job.ts';

const scratch = scratchOfFile();

const TEXT: Readonly<Record<string, string>> = {
  'in/a.txt': 'the quick brown fox\njumps over the lazy dog\nthe end\n',
  'in/b.txt': 'a fox is a fox\nand the dog is über\n',
};

const COMMON = { description: '', input: textLines() } as const;
const wordCount = defineJob({
  ...COMMON,
  name: 'word-count',
  key: 'string',
  value: 'number',
  map(line, { emit, count }) {
    count('lines');
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce(word, ones, { emit, count }) {
    count('wörter');
    emit(
      word,
      [...ones].reduce((sum, one) => sum + one, 0),
    );
  },
  combine: 'sum',
  output: tsv(),
});
const sorted = defineJob({
  ...COMMON,
  name: 'sorted',
  key: 'string',
  value: 'string',
  map(line, { emit, count }) {
    for (const word of line.split(' ')) emit(word, line);
    count('lines');
  },
  partition: byRange(),
  reduce: 'each',
  output: tsv(),
});
const mapOnly = defineJob({
  ...COMMON,
  name: 'map-only',
  map(line, { emit, count }) {
    count('lines');
    if (line.includes('fox')) emit(undefined, line);
  },
  output: lines(),
});
/** Rows with a header, which a merged file has once. */
const ROWS = {
  ...COMMON,
  key: 'string',
  value: ['string', 'number'],
  map(line: string, { emit, count }: MapContext<string, readonly [string, number], object, undefined>) {
    count('lines');
    for (const word of line.split(' ')) emit(word, [word, word.length]);
  },
  reduce: 'each',
  output: gzip(csv(['word', 'length'])),
} as const;
const compressedRows = defineJob({ ...ROWS, name: 'compressed-rows' });
const sortedRows = defineJob({ ...ROWS, name: 'sorted-rows', partition: byRange() });
/** Counts under so many names that the counters do not fit a part's metadata. */
const counting = defineJob({
  ...COMMON,
  name: 'counting',
  map(line, { emit, count }) {
    for (let i = 0; i < 100; i++) count(`ein Zähler namens ${i}`, i);
    emit(undefined, line);
  },
  output: lines(),
});
/** Writes objects and parts of more than a megabyte, so that they become uploads. */
const large = defineJob({
  ...COMMON,
  name: 'large',
  key: 'string',
  value: 'string',
  map(line, { emit, count }) {
    count('lines');
    for (const word of line.split(' ')) emit(word.slice(0, 1), word.padEnd(150 * KiB, '.'));
  },
  reduce: 'each',
  output: lines(),
});

/** Several files per task: two outputs, one in folders, more than may be open in so little memory. */
const severalFiles = defineJob({
  ...COMMON,
  name: 'several-files',
  key: 'string',
  value: 'string',
  map(line, { emit, count }) {
    count('lines');
    for (const word of line.split(' ')) emit(word, line);
  },
  reduce(word, lines_, { emit }) {
    for (const line of lines_) emit.words({ first: word.slice(0, 1) }, [word, line.length]);
    emit.all(null, word);
  },
  output: {
    words: inFolders(({ first }: { first: string }) => ({ first }), gzip(csv(['word', 'length']))),
    all: inFiles({ targetBytes: 10 }, lines()),
  },
});
const mapOnlyInFolders = defineJob({
  ...COMMON,
  name: 'map-only-in-folders',
  map(line, { emit, count }) {
    count('lines');
    for (const word of line.split(' ')) emit(word.length, word);
  },
  output: inFolders((length: number) => ({ length }), lines()),
});

interface Variant {
  readonly job: Job;
  readonly options: Partial<SmallJobOptions>;
  readonly maps: number;
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  'word count in 3 maps and 2 reduces': {
    job: wordCount,
    options: { reducers: 2, splitSizeBytes: 40 },
    maps: 3,
  },
  'a sort by ranges, compressed, in so little memory that it spills': {
    job: sorted,
    options: {
      reducers: 2,
      splitSizeBytes: 40,
      memoryBytes: 1_000,
      compression: { codec: 'zstd', level: 1 },
    },
    maps: 3,
  },
  'named outputs, folders and files of a target size': {
    job: severalFiles,
    options: { reducers: 2, splitSizeBytes: 40, memoryBytes: 10_000 },
    maps: 3,
  },
  'a map-only job in folders': { job: mapOnlyInFolders, options: { splitSizeBytes: 40 }, maps: 3 },
  'a map-only job': { job: mapOnly, options: { splitSizeBytes: 40 }, maps: 3 },
  'a map-only job with more counters than metadata holds': {
    job: counting,
    options: { splitSizeBytes: 50 },
    maps: 2,
  },
  'a merged word count': {
    job: wordCount,
    options: { reducers: 2, splitSizeBytes: 40, merge: true },
    maps: 3,
  },
  'a merged word count with a header, compressed': {
    job: compressedRows,
    options: { reducers: 2, splitSizeBytes: 40, merge: true },
    maps: 3,
  },
  'a merged sort with a header, compressed': {
    job: sortedRows,
    options: { reducers: 2, splitSizeBytes: 40, merge: true },
    maps: 3,
  },
  'a merged map-only job': { job: mapOnly, options: { splitSizeBytes: 40, merge: true }, maps: 3 },
};

async function prepared(store: ObjectStore): Promise<void> {
  for (const [key, text] of Object.entries(TEXT)) await store.put(key, Buffer.from(text));
}

async function run({ job, options }: Variant, store: ObjectStore, faulty?: FaultyStore) {
  let retries = 0;
  const { report, plan } = await runSmallJob({
    job,
    store: faulty ?? store,
    scratch: scratch.path,
    ...options,
    retry: (error) => {
      if (faulty === undefined || !faulty.fired || !/injected fault|attempt is dead/.test(String(error)))
        return false;
      // Another process takes over.
      if (faulty.dead) faulty.revive();
      retries++;
      return true;
    },
  });
  const { parts, counters, partitionRecords } = report;
  return {
    retries,
    splits: plan.splits.length,
    end: withoutAttempts({ objects: await objectsBelow(store, ''), parts, counters, partitionRecords }),
  };
}

/** Another attempt may write the same file under a name of its own. */
function withoutAttempts<T>(end: T): T {
  return JSON.parse(JSON.stringify(end).replace(/(part-[mr]-\d{5})\.\d+/g, '$1'));
}

/** How often tasks or the commit may be repeated: a merge of runs itself reads a run again. */
function retriesAllowed(fault: FaultKind, operation: string): readonly number[] {
  if (!fault.startsWith('fail')) return [1];
  if (/^stream(\.read)? .*shuffle\/m-/.test(operation)) return [0];
  // Hashed parts are merged as runs, and others are appended.
  return /^stream(\.read)? .*merge\/r-/.test(operation) ? [0, 1] : [1];
}

/** Injects each fault that `picks` selects at each operation; returns the number of faults tried. */
async function crashEverywhere(
  variant: Variant,
  makeStore: () => Promise<ObjectStore>,
  picks: (operation: number, name: string, fault: FaultKind) => boolean = () => true,
): Promise<number> {
  const inner = await makeStore();
  const dry = new FaultyStore(inner);
  const undisturbed = await run(variant, inner, dry);
  expect(undisturbed.retries).toBe(0);
  expect(undisturbed.splits).toBe(variant.maps);
  expectResultsOnly(variant, undisturbed.end.objects);

  let tried = 0;
  for (let operation = 1; operation <= dry.operations; operation++) {
    for (const fault of FAULT_KINDS) {
      const name = dry.log[operation - 1]!;
      if (!picks(operation, name, fault)) continue;
      const store = await makeStore();
      await using faulty = new FaultyStore(store, { operation, fault });

      const { end, retries } = await run(variant, store, faulty);

      expect(faulty.fired).toBe(true);
      expect(retriesAllowed(fault, name), `${fault} at operation ${operation}: ${name}`).toContain(retries);
      expect(end, `${fault} at operation ${operation}: ${name}`).toEqual(undisturbed.end);
      tried++;
    }
  }
  return tried;
}

function expectResultsOnly({ job, options }: Variant, objects: Readonly<Record<string, string>>): void {
  if (job.output.severalFiles) {
    const manifest = Buffer.from(objects['out/manifest.json']!, 'latin1').toString();
    const { parts } = JSON.parse(manifest) as JobReport;
    const listed = parts.map(({ name }) => `out/${name}`);
    expect(Object.keys(objects).sort()).toEqual(
      [...Object.keys(TEXT), 'out/_SUCCESS', 'out/manifest.json', ...listed].sort(),
    );
    expect(parts.length).toBeGreaterThan(5);
    return;
  }
  const parts =
    job.shuffle === undefined ? [0, 1, 2].map((i) => `part-m-0000${i}`) : ['part-r-00000', 'part-r-00001'];
  const results = options.merge
    ? [`merged.${job.output.extension}`]
    : parts.map((part) => `${part}.${job.output.extension}`);
  for (const key of Object.keys(objects)) {
    expect([
      ...Object.keys(TEXT),
      'out/_SUCCESS',
      'out/manifest.json',
      ...results.map((name) => `out/${name}`),
    ]).toContain(key);
  }
  expect(objects['out/_SUCCESS']).toBe('');
}

async function memoryStore(): Promise<ObjectStore> {
  const store = new MemoryStore();
  await prepared(store);
  return store;
}

describe('a fault at each storage operation', () => {
  for (const [name, variant] of Object.entries(VARIANTS)) {
    it(`of ${name} does not change the result`, async () => {
      const tried = await crashEverywhere(variant, memoryStore);

      expect(tried).toBeGreaterThan(75);
    });
  }

  it('of uploads of more than a megabyte does not change the result', async () => {
    for (const merge of [false, true]) {
      const variant: Variant = {
        job: large,
        options: { reducers: 2, splitSizeBytes: 50, merge, memoryBytes: 16 * MiB },
        maps: 2,
      };
      const names = new Set<string>();

      const tried = await crashEverywhere(variant, memoryStore, (operation, name, fault) => {
        names.add(name);
        // Upload operations get all faults; a third of the others get one fault each, in turn.
        return name.startsWith('upload') && !name.startsWith('upload.write')
          ? true
          : FAULT_KINDS[operation % FAULT_KINDS.length] === fault && operation % 3 === 0;
      });

      expect(tried).toBeGreaterThan(20);
      expect([...names]).toContainEqual(expect.stringMatching('^upload.complete work/shuffle/m-'));
      const results = merge ? '^upload.complete work/merge/r-' : '^upload.complete out/part-r-';
      expect([...names]).toContainEqual(expect.stringMatching(results));
    }
  });

  it('of a job on real files does not change the result', async () => {
    for (const [index, variant] of Object.values(VARIANTS).entries()) {
      let stores = 0;
      using folder = scratchFolder();

      const tried = await crashEverywhere(
        variant,
        async () => {
          const store = new FileStore({ root: `${folder.path}/${stores++}` });
          await prepared(store);
          return store;
        },
        // Each variant tests a different sixth of all operations, with one fault each.
        (operation, _name, fault) =>
          operation % 6 === index % 6 &&
          FAULT_KINDS[Math.floor(operation / 6) % FAULT_KINDS.length] === fault,
      );

      expect(tried).toBeGreaterThan(3);
    }
  });
});
