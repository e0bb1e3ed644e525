import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptId, taskId } from '../../src/base/ids.ts';
import { KiB, MiB } from '../../src/base/limits.ts';
import { shuffleKey } from '../../src/commit/layout.ts';
import { MovableSlice } from '../../src/formats/text/bytes-slice.ts';
import { bytesLines, defineJob, type Job, textLines, tsv, wordsOf } from '../../src/index.ts';
import { runMapTask } from '../../src/map/map-task.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { environmentOf, LAYOUT, scratchOfFile } from '../commit/environment.ts';
import { readPartitions } from '../shuffle/records.ts';

const scratch = scratchOfFile();
const TASK = taskId('map', 0);
const COMMON = { description: '', key: 'string', value: 'number', reduce: 'sum', output: tsv() } as const;
const OF_BYTES = { ...COMMON, input: bytesLines() } as const;

/** The oracle: strings, a regular expression and emit(). */
const wordByWord = (keepsCase: boolean): Job =>
  defineJob({
    ...COMMON,
    name: 'word-by-word',
    input: textLines(),
    map(line, { emit }) {
      for (const word of line.match(/\p{L}+/gu) ?? []) emit(keepsCase ? word : word.toLowerCase(), 1);
    },
  });
const atOnce = defineJob({
  ...OF_BYTES,
  name: 'at-once',
  map: (line, { emitAll }) => emitAll(line.words(), 1),
});
const ofText = defineJob({
  ...COMMON,
  name: 'of-text',
  input: textLines(),
  map: (line, { emitAll }) => emitAll(wordsOf(line), 1),
});
const keepingCaseOfText = defineJob({
  ...COMMON,
  name: 'keeping-case-of-text',
  input: textLines(),
  map: (line, { emitAll }) => emitAll(wordsOf(line, 'keep'), 1),
});
const keepingCase = defineJob({
  ...OF_BYTES,
  name: 'keeping-case',
  map: (line, { emitAll }) => emitAll(line.words('keep'), 1),
});
/** What works without the kernel's help: other keys, a combiner or a partitioner of the user's, staged emits, no combiner. */
const OTHER_WAYS: readonly Job[] = [
  defineJob({
    ...OF_BYTES,
    name: 'listed',
    map: (line, { emitAll }) => emitAll([...line.words()], 1),
  }),
  defineJob({
    ...OF_BYTES,
    name: 'own-combiner',
    combine: (a, b) => a + b,
    reduce: 'combined',
    map: (line, { emitAll }) => emitAll(line.words(), 1),
  }),
  defineJob({
    ...OF_BYTES,
    name: 'staged',
    onBadRecord: { skip: 0, thrown: true },
    map: (line, { emitAll }) => emitAll(line.words(), 1),
  }),
];

/** What a map task over this text writes for each partition: key and encoded value. */
async function mapped(
  job: Job,
  text: string | Buffer,
  memoryBytes = 64 * MiB,
): Promise<{ records: [string, string][][]; spills: number }> {
  const inputs = new MemoryStore({ name: 'inputs' });
  const { etag, sizeBytes } = await inputs.put('in.txt', Buffer.from(text));
  const file = { key: 'in.txt', sizeBytes, etag, compression: 'none' } as const;
  const store = new MemoryStore();
  const environment = environmentOf(job, {
    store,
    scratch: scratch.path,
    memoryBytes,
    settings: { reducers: 3 },
  });
  const split = { pieces: [{ file, startBytes: 0, endBytes: sizeBytes }] };
  const result = await runMapTask({ stage: 'map', index: 0, taskId: TASK, split }, attemptId(TASK, 0), {
    ...environment,
    inputs,
  });
  const partitions = await readPartitions(store, shuffleKey(LAYOUT, TASK));
  const records = partitions.map((partition) =>
    partition.map(({ key, value }): [string, string] => [key.toString(), value.toString('hex')]),
  );
  return { records, spills: result.spills };
}

const word = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: fc.constantFrom(...'abYZ'), minLength: 1, maxLength: 5 }) },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(...'kQ'), minLength: 11, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom('é', 'Straße', 'ΑΣ', 'İstanbul', '日本', 'x\u{10400}y', '\ud800') },
);
const gap = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(' ', '  ', ', ', '\n', '\r\n', '\t', "'", '@', '[', '`', '{', '\0'),
  },
  { weight: 1, arbitrary: fc.integer({ min: 25, max: 70 }).map((length) => '-'.repeat(length)) },
);
const text = fc
  .array(fc.tuple(word, gap), { maxLength: 120, size: 'max' })
  .map((parts) => parts.flat().join(''));

describe('emitAll', () => {
  it('emits the words that a regular expression finds, wherever lines end and whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (input) => {
        const expected = await mapped(wordByWord(false), input);

        expect((await mapped(atOnce, input)).records).toEqual(expected.records);
        expect((await mapped(ofText, input)).records).toEqual(expected.records);
        const kept = await mapped(wordByWord(true), input);
        expect((await mapped(keepingCase, input)).records).toEqual(kept.records);
        expect((await mapped(keepingCaseOfText, input)).records).toEqual(kept.records);
      }),
      { numRuns: 150 },
    );
  });

  it.each(OTHER_WAYS)('does the same in the job $name', async (job) => {
    await fc.assert(
      fc.asyncProperty(text, async (input) => {
        expect((await mapped(job, input)).records).toEqual((await mapped(wordByWord(false), input)).records);
      }),
      { numRuns: 40 },
    );
  });

  it('folds while the table grows, and when its memory is full', async () => {
    const input = lettersOnly(
      Array.from({ length: 120_000 }, (_, i) => `w${(i * 7919) % 40_000}${i % 9 === 0 ? '\n' : ' '}`),
    );
    const expected = await mapped(wordByWord(false), input);

    expect((await mapped(atOnce, input)).records).toEqual(expected.records);
    const small = await mapped(atOnce, input, 2 * MiB);
    expect(small.spills).toBeGreaterThan(0);
    expect(small.records).toEqual(expected.records);
  });

  it('takes lines that are longer than the memory of the kernel', async () => {
    const input = `${'many words In one line '.repeat(8_000)}\nand another`;
    const expected = await mapped(wordByWord(false), input);

    expect((await mapped(atOnce, input)).records).toEqual(expected.records);
    expect((await mapped(ofText, input)).records).toEqual(expected.records);
  });

  it.each([64 * MiB, 200 * KiB])(
    'fills a sort buffer of %d bytes if there is no combiner',
    async (memoryBytes) => {
      const COLLECTING = { ...COMMON, input: textLines(), reduce: () => {} } as const;
      const all = defineJob({
        ...COLLECTING,
        name: 'all',
        map: (line, { emitAll }) => emitAll(wordsOf(line), line.length / 2),
      });
      const each = defineJob({
        ...COLLECTING,
        name: 'each',
        map(line, { emit }) {
          for (const found of wordsOf(line)) emit(found, line.length / 2);
        },
      });
      const large = lettersOnly(
        Array.from({ length: 20_000 }, (_, i) => `w${i % 3_000}${i % 7 === 0 ? '\n' : ' '}`),
      );

      await fc.assert(
        fc.asyncProperty(text, async (input) => {
          expect((await mapped(all, input, memoryBytes)).records).toEqual(
            (await mapped(each, input, memoryBytes)).records,
          );
        }),
        { numRuns: 60 },
      );
      const found = await mapped(all, large, memoryBytes);
      expect(found.spills > 0).toBe(memoryBytes < MiB);
      expect(found.records).toEqual((await mapped(each, large, memoryBytes)).records);
    },
  );

  it('goes on in the sort buffer if words rarely repeat', async () => {
    const input = lettersOnly(
      Array.from({ length: 160_000 }, (_, i) => `${i % 50 === 0 ? 7 : i}${i % 9 === 0 ? '\n' : ' '}`),
    );
    const expected = await mapped(wordByWord(false), input);

    expect((await mapped(ofText, input)).records).toEqual(expected.records);
    expect((await mapped(atOnce, input, 4 * MiB)).records).toEqual(expected.records);
  });

  it('refuses a value of another type, and names it', async () => {
    const job = defineJob({
      ...OF_BYTES,
      name: 'wrong-value',
      // @ts-expect-error: the job's values are numbers.
      map: (line, { emitAll }) => emitAll(line.words(), 'one'),
    });

    await expect(mapped(job, 'a b')).rejects.toMatchObject({
      name: 'UnencodableValueError',
      message: expect.stringMatching(/'?one'?/),
    });
  });

  it.each([
    [
      'a text',
      'some text',
      /received "some text" \(string\)\. Write emit\(key, value\) for one key, or emitAll\(wordsOf/,
    ],
    ['null', null, /received null \(null\)\. match\(\) returns null if nothing matches: write .* \?\? \[\]/],
    ['a number', 7, /received 7 \(number\)\. Write emit/],
    ['a promise', Promise.resolve([]), /received \{\} \(Promise\)/],
    ['an object', { a: 1 }, /received \{"a":1\} \(object\)/],
  ])('refuses %s instead of a list, and names it', async (_name, keys, message) => {
    const job = defineJob({
      ...COMMON,
      name: 'no-list',
      input: textLines(),
      // The cast: types refuse it too, except for a text.
      map: (_line, { emitAll }) => emitAll(keys as unknown as string[], 1),
    });

    await expect(mapped(job, 'a b')).rejects.toMatchObject({
      name: 'JobDefinitionError',
      message: expect.stringMatching(message),
    });
  });

  it('is refused in a job that groups nothing', async () => {
    const job = defineJob({
      description: '',
      name: 'map-only',
      input: textLines(),
      output: { a: tsv(), b: tsv() },
      // @ts-expect-error: the context has no emitAll.
      map: (line, { emitAll }) => emitAll(wordsOf(line), 1),
    });

    await expect(mapped(job, 'a b')).rejects.toThrow(
      'emitAll() is for jobs with `reduce`; this job has none',
    );
  });

  it('has words of a text, in lower case or not, and of nothing else', () => {
    // The casts: types refuse them too.
    expect(() => wordsOf(undefined as never)).toThrow(
      'wordsOf() takes a text; received undefined (undefined)',
    );
    expect(() => wordsOf(Buffer.from('x') as never)).toThrow('write line.words()');
    expect(() => wordsOf('x', 'upper' as never)).toThrow("must be 'lower' or 'keep'; received \"upper\"");
    const slice = new MovableSlice(Buffer.from('x'), 0, 1);
    expect(() => slice.words('upper' as never)).toThrow("must be 'lower' or 'keep'");
    expect(() => slice.words(() => {}, 'upper' as never)).toThrow("must be 'lower' or 'keep'");
  });

  it('is refused after map has returned', async () => {
    let late: (() => void) | undefined;
    const job = defineJob({
      ...OF_BYTES,
      name: 'late',
      map(line, { emitAll }) {
        const words = line.words();
        late = () => emitAll(words, 1);
      },
    });
    await mapped(job, 'a b\n');

    expect(late).toThrow('emit() was called after map() had returned');
  });
});

/** Text with a letter for each digit. */
function lettersOnly(parts: readonly string[]): string {
  return parts.join('').replaceAll(/\d/g, (digit) => 'abcdefghij'[Number(digit)]!);
}
