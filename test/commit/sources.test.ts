/** What a source decides, through whole jobs: pieces, counts, borders, several inputs, bad records. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import {
  type BadRecordPolicy,
  byteRanges,
  bytesLines,
  defineJob,
  generate,
  type Job,
  lines,
  type OpenPiece,
  type RecordReader,
  type Source,
  textLines,
  tsv,
  wholeFiles,
} from '../../src/index.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { folderOfTest } from '../helpers/temporary-folder.ts';
import { runSmallJob, type SmallJobOptions } from './small-job.ts';

async function run(
  job: Job,
  files: Readonly<Record<string, string | Buffer>>,
  more: Partial<SmallJobOptions> = {},
) {
  const store = new MemoryStore();
  for (const [name, bytes] of Object.entries(files))
    await store.put(`in/${name}`, Buffer.from(bytes as string));
  const scratch = folderOfTest('sources-test');
  const end = await runSmallJob({ job, store, scratch, reducers: 2, ...more });
  const texts = await Promise.all(
    end.report.parts.map(async ({ name }) => (await store.get(`out/${name}`)).toString()),
  );
  const records = texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .sort();
  return { ...end, store, records };
}

/** Numbers, one per line. Anything else is a bad record. */
const numbers: Source<number> = {
  ...textLines(),
  name: 'numbers',
  read(piece) {
    const reader = textLines().read(piece);
    return {
      get unitsRead() {
        return reader.unitsRead;
      },
      offset: () => reader.offset(),
      async *[Symbol.asyncIterator]() {
        for await (const batch of reader) {
          yield {
            forEach: (deliver: (record: number) => void) =>
              batch.forEach((line) => {
                if (/^\d+$/.test(line)) deliver(Number(line));
                else piece.bad({ message: `'${line}' is not a number. Remove it`, offset: reader.offset() });
              }),
          };
        }
      },
    } satisfies RecordReader<number>;
  },
};

const sums = (onBadRecord?: BadRecordPolicy) =>
  defineJob({
    name: 'sums',
    description: '',
    input: numbers,
    ...(onBadRecord === undefined ? {} : { onBadRecord }),
    key: 'string',
    value: 'number',
    map(number, { emit, count }) {
      emit(number % 2 === 0 ? 'even' : 'odd', number);
      count('mapped');
      if (number === 13) throw new TypeError('unlucky');
    },
    reduce: 'sum',
    output: tsv(),
  });

describe('bad records', () => {
  const FILES = { a: '1\nx\n2\n', b: '3\ny\nz\n4\n' };
  const SMALL = { splitSizeBytes: 4 };

  it('fail the job by default, with file, place and remedy', async () => {
    await expect(run(sums(), FILES)).rejects.toMatchObject({
      name: 'BadRecordError',
      message: expect.stringMatching(
        /in\/a, byte 2: 'x' is not a number\. Remove it\. To skip malformed records, set onBadRecord: \{ skip: <how many> \} in the job/,
      ),
      details: { file: expect.stringContaining('in/a'), offsetBytes: 2 },
    });
  });

  it('are skipped up to the limit of the whole job, counted and listed beside the result', async () => {
    const { records, report, store } = await run(sums({ skip: 3 }), FILES, SMALL);

    expect(records).toEqual(['even\t6', 'odd\t4']);
    expect(report.badRecords).toBe(3);
    expect(report.notices).toEqual([
      expect.stringMatching(
        /^3 bad records were skipped; _bad\.jsonl lists them\. The first: .*in\/a, byte 2: 'x' is not/,
      ),
    ]);
    const list = (await store.get('out/_bad.jsonl')).toString().trimEnd().split('\n');
    expect(list.map((line) => JSON.parse(line))).toEqual([
      { file: expect.stringMatching(/in\/a$/), offset: 2, message: "'x' is not a number. Remove it" },
      { file: expect.stringMatching(/in\/b$/), offset: 2, message: "'y' is not a number. Remove it" },
      { file: expect.stringMatching(/in\/b$/), offset: 4, message: "'z' is not a number. Remove it" },
    ]);
  });

  it('fail the job with the first of them if there is one more, though no task has so many', async () => {
    const running = run(sums({ skip: 2 }), FILES, SMALL);

    await expect(running).rejects.toMatchObject({
      name: 'BadRecordError',
      message: expect.stringMatching(
        /^3 records are bad; the job skips 2 \(onBadRecord\)\. The first: .*in\/a, byte 2/,
      ),
    });
  });

  it('are listed up to a bound, and all counted', async () => {
    const lines = LIMITS.badRecordsListedMax + 500;

    const { report, store } = await run(
      sums({ skip: lines }),
      { a: 'x\n'.repeat(lines), b: '1\n' },
      { splitSizeBytes: 500 },
    );

    expect(report.badRecords).toBe(lines);
    const list = (await store.get('out/_bad.jsonl')).toString().trimEnd().split('\n');
    expect(list.map((line) => JSON.parse(line).offset)).toEqual(
      Array.from({ length: LIMITS.badRecordsListedMax }, (_, index) => 2 * index),
    );
  });

  it('leave no list beside a result without any', async () => {
    const { report, store } = await run(sums({ skip: 3 }), { a: '1\n' });

    expect(report).not.toHaveProperty('badRecords');
    expect(await store.head('out/_bad.jsonl')).toBeUndefined();
  });

  it('are not those on which map throws, unless the job says so', async () => {
    await expect(run(sums({ skip: 3 }), { a: '13\n' })).rejects.toMatchObject({
      name: 'UserCodeError',
      message: 'map() threw TypeError: unlucky',
    });
  });

  it('contribute nothing if map throws: neither emits nor counts', async () => {
    const { records, report } = await run(sums({ skip: 2, thrown: true }), { a: '1\n13\n2\nx\n' });

    expect(records).toEqual(['even\t2', 'odd\t1']);
    expect(report.counters).toEqual({ mapped: 2 });
    expect(report.badRecords).toBe(2);
    expect(report.notices![0]).toContain('byte 2: map() threw TypeError: unlucky');
  });

  it('contribute nothing to a job without a reduce either, and others keep what map emitted', async () => {
    const row = { text: '' };
    const job = defineJob({
      name: 'rows',
      description: '',
      input: textLines(),
      onBadRecord: { skip: 1, thrown: true },
      map(line, { emit }) {
        // The engine copies what is emitted, so that map may use it again.
        row.text = `${line}!`;
        emit(row, 1);
        row.text = 'changed';
        if (line === 'bad') throw new Error('no');
        emit('second', line);
      },
      output: tsv(),
    });

    const { records } = await run(job, { a: 'one\nbad\ntwo\n' }, { reducers: 0 });

    expect(records).toEqual(['second\tone', 'second\ttwo', '{"text":"one!"}\t1', '{"text":"two!"}\t1']);
  });

  it('keep what was emitted as ranges of a line, which the next line overwrites', async () => {
    const job = defineJob({
      name: 'ranges',
      description: '',
      input: bytesLines(),
      onBadRecord: { skip: 1, thrown: true },
      map(line, { emit }) {
        emit(null, line);
        emit(null, line.range(1));
        if (line.text() === 'bad') throw new Error('no');
      },
      output: lines(),
    });

    const { records } = await run(job, { a: 'one\nbad\ntwo\n' }, { reducers: 0 });

    expect(records).toEqual(['ne', 'one', 'two', 'wo']);
  });

  it('are not values that no codec can encode: these are a fault of the job', async () => {
    const job = defineJob({
      ...{ name: 'wrong', description: '', input: textLines(), onBadRecord: { skip: 9, thrown: true } },
      key: 'string',
      value: 'number',
      map: (_line, { emit }) => emit('key', 'text' as unknown as number),
      reduce: 'sum',
      output: tsv(),
    });

    await expect(run(job, { a: 'x\n' })).rejects.toMatchObject({ name: 'UnencodableValueError' });
  });
});

describe('named inputs', () => {
  const joined = defineJob({
    name: 'joined',
    description: '',
    input: { users: textLines(), events: numbers },
    key: 'string',
    value: 'string',
    map: {
      users: (line, { emit, file }) => emit(line.slice(0, 1), `${line.slice(2)} of ${file}`),
      events: (user, { emit, position }) => emit(String(user), `event at ${position().offsetBytes}`),
    },
    reduce: 'each',
    output: tsv(),
  });
  const FILES = { 'users/u': '1 Ann\n2 Bob\n', 'events/a': '1\n2\n', 'events/b': '1\n' };

  it('go each through its own map, in the order of the definition', async () => {
    for (const splitSizeBytes of [1, 3, 1000]) {
      const { records, report } = await run(joined, FILES, { splitSizeBytes });

      expect(records).toEqual([
        '1\tAnn of in/users/u',
        '1\tevent at 0',
        '1\tevent at 0',
        '2\tBob of in/users/u',
        '2\tevent at 2',
      ]);
      expect(report.input).toMatchObject({
        files: 3,
        inputs: [
          { name: 'users', files: 1, bytes: 12 },
          { name: 'events', files: 2, bytes: 6 },
        ],
      });
    }
  });

  it('never share a split, and every piece names its input', async () => {
    const { plan } = await run(joined, FILES);

    expect(plan.splits.map(({ pieces }) => pieces.map(({ file, input }) => [file.key, input]))).toEqual([
      [['in/users/u', undefined]],
      [
        ['in/events/a', 1],
        ['in/events/b', 1],
      ],
    ]);
    expect(plan.inputs!.map(({ splits }) => splits)).toEqual([1, 1]);
  });

  it('name the file of a bad record', async () => {
    await expect(run(joined, { ...FILES, 'events/b': 'x\n' })).rejects.toMatchObject({
      name: 'BadRecordError',
      message: expect.stringContaining('in/events/b, byte 0'),
    });
  });
});

describe('the counts of a source', () => {
  const through = (source: Source<unknown>) =>
    defineJob({
      name: 'through',
      description: '',
      input: source,
      map: (record, { emit }) => emit(null, String(record)),
      output: lines(),
    });

  it('are records for generated input, in pieces without files', async () => {
    const { records, plan, summaries } = await run(
      through(generate(25, { recordsPerTask: 10 })),
      {},
      { reducers: 0 },
    );

    expect(records.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 25 }, (_, index) => index),
    );
    expect(plan.splits).toHaveLength(3);
    expect(summaries.map(({ plannedRecordsRead }) => plannedRecordsRead)).toEqual([10, 10, 5]);
  });

  it('must agree with the plan, for records', async () => {
    const honest = generate(10);
    const short: Source<number> = {
      ...honest,
      read: (piece) => {
        const reader = honest.read(piece);
        return {
          unitsRead: 9,
          offset: () => reader.offset(),
          [Symbol.asyncIterator]: () => reader[Symbol.asyncIterator](),
        };
      },
    };

    await expect(run(through(short), {}, { reducers: 0 })).rejects.toMatchObject({
      name: 'BooksDoNotBalanceError',
      message: expect.stringMatching(/the map tasks read \d+ records, but the planned input has 10/),
    });
  });

  it('include empty files for a source of whole files', async () => {
    const { records } = await run(
      through(wholeFiles({ as: 'text' }) as Source<unknown>),
      { a: '', b: 'b', c: '' },
      { reducers: 0 },
    );

    expect(records).toEqual(['b']);
  });

  /** Delivers its piece's bytes as one record, and says that it covers others. */
  const guessing = (
    cover: (piece: OpenPiece) => { startBytes: number; endBytes: number },
  ): Source<string> => ({
    name: 'guessing',
    counts: 'bytes',
    cuts: 'anywhere',
    read(piece) {
      const { startBytes, endBytes } = cover(piece);
      return {
        unitsRead: endBytes - startBytes,
        offset: () => startBytes,
        covered: () => ({ startBytes, endBytes }),
        async *[Symbol.asyncIterator]() {
          yield [`${startBytes}`];
        },
      };
    },
  });

  it('include the borders of pieces whose first record was guessed', async () => {
    const job = (moved: number) =>
      through(
        guessing(({ startBytes, endBytes }) => ({
          startBytes: startBytes === 0 ? 0 : startBytes + (startBytes === 10 ? moved : 0),
          // The sum of the bytes stays right, so only the borders show it.
          endBytes: Math.min(endBytes, 30) + (startBytes === 10 ? moved : 0),
        })),
      );
    const options = { reducers: 0, splitSizeBytes: 10 };

    expect((await run(job(0), { a: 'x'.repeat(30) }, options)).records).toEqual(['0', '10', '20']);
    await expect(run(job(2), { a: 'x'.repeat(30) }, options)).rejects.toMatchObject({
      name: 'CorruptInputError',
      message: expect.stringMatching(/^in\/a was cut near byte 10, inside of a record.*split: false/),
    });
  });

  it('are bytes of a parser that reads its own header first', async () => {
    const source = byteRanges<string>({
      name: 'headed',
      splittable: true,
      async createParser(piece) {
        const header = (await piece.range(0, 2)).toString();
        let owned = 0;
        return {
          push(chunk, deliver) {
            const from = piece.startBytes === 0 ? 0 : 1;
            const own = chunk.subarray(
              from,
              from + Math.min(piece.endBytes - piece.startBytes, chunk.length),
            );
            owned += own.length;
            deliver(`${header}${own.length}`);
            return true;
          },
          finish() {},
          get ownedBytes() {
            return owned;
          },
          recordOffsetBytes: () => piece.startBytes,
        };
      },
    });

    const { records } = await run(
      through(source),
      { a: 'h:'.repeat(10) },
      { reducers: 0, splitSizeBytes: 10 },
    );

    expect(records).toEqual(['h:10', 'h:10']);
  });

  it('are read with what look() saw, also in a compressed file, where only the task can look', async () => {
    const plain = textLines();
    const marked: Source<string> = {
      ...plain,
      look: (head) => head.subarray(0, 2).toString(),
      read(piece) {
        const mark = String(piece.look);
        const reader = plain.read({ ...piece, look: undefined });
        return {
          get unitsRead() {
            return reader.unitsRead;
          },
          offset: () => reader.offset(),
          async *[Symbol.asyncIterator]() {
            for await (const batch of reader) {
              yield { forEach: (deliver) => batch.forEach((line) => void deliver(`${mark}:${line}`)) };
            }
          },
        } satisfies RecordReader<string>;
      },
    };

    const { records } = await run(through(marked), { a: 'ab\n', 'b.gz': gzipSync('cd\n') }, { reducers: 0 });

    expect(records).toEqual(['ab:ab', 'cd:cd']);
  });

  it('of a source that cuts files itself come from the pieces that it made', async () => {
    /** A footer of two digits says how many records of one byte there are. */
    const footed: Source<string> = {
      name: 'footed',
      counts: 'records',
      cuts: {
        async *files({ sizeBytes, range }) {
          const records = Number((await range(sizeBytes - 2, sizeBytes)).toString());
          for (let at = 0; at < records; at += 3) {
            const endBytes = Math.min(at + 3, records);
            yield { startBytes: at, endBytes, records: endBytes - at, hint: { first: at } };
          }
        },
      },
      read(piece) {
        let read = 0;
        return {
          get unitsRead() {
            return read;
          },
          offset: () => (piece.hint as { first: number }).first + read,
          async *[Symbol.asyncIterator]() {
            // Taken out of the piece, as users do.
            const { range, startBytes, endBytes } = piece;
            const bytes = await range(startBytes, endBytes);
            read = bytes.length;
            yield [...bytes.toString()];
          },
        };
      },
    };

    const { records, plan } = await run(
      through(footed),
      { a: 'abcdefg07', b: 'xy02' },
      { reducers: 0, splitSizeBytes: 3 },
    );

    expect(records).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'x', 'y']);
    expect(plan.splits.map(({ pieces }) => pieces.map(({ records }) => records))).toEqual([[3], [3], [1, 2]]);
  });
});
