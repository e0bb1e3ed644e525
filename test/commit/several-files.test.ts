/** Whole jobs whose tasks write several files: named outputs, folders, files of a target size. */
import { readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../src/base/limits.ts';
import {
  csv,
  defineJob,
  gzip,
  inFiles,
  inFolders,
  type Job,
  jsonLines,
  lines,
  type Outputs,
  type Sink,
  textLines,
  tsv,
} from '../../src/index.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { scratchOfFile } from './environment.ts';
import { objectsBelow, runSmallJob, type SmallJobOptions } from './small-job.ts';

const scratch = scratchOfFile();

const COMMON = { description: '', input: textLines() } as const;

async function resultOf(job: Job, text: string, options: Partial<SmallJobOptions> = {}) {
  const store = new MemoryStore();
  await store.put('in/a.txt', Buffer.from(text));
  const { report, summaries } = await runSmallJob({ job, store, scratch: scratch.path, ...options });
  const objects = await objectsBelow(store, 'out/');
  const files: Record<string, string> = {};
  for (const [key, latin1] of Object.entries(objects)) {
    files[key.slice('out/'.length)] = Buffer.from(latin1, 'latin1').toString();
  }
  const parts = report.parts.map(({ name }) => name);
  const names = Object.keys(files).filter((name) => name !== '_bad.jsonl');
  expect(names.sort()).toEqual(['_SUCCESS', 'manifest.json', ...parts].sort());
  expect(Object.keys(await objectsBelow(store, 'work/'))).toEqual([]);
  return { files, parts, report, summaries };
}

/** The parts without the attempt in their names. */
function unnumbered(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files)
      .filter(([name]) => name.includes('part-'))
      .map(([name, text]) => [name.replace(/(part-[mr]-\d+)\.\d+/, '$1'), text]),
  );
}

describe('a job with named outputs', () => {
  const words = defineJob({
    ...COMMON,
    name: 'words',
    key: 'string',
    value: 'number',
    map(line, { emit }) {
      for (const word of line.split(' ')) emit(word, 1);
    },
    reduce(word, ones, { emit }) {
      const count = [...ones].length;
      if (count > 1) emit.often({ any: 'key' }, { word, count });
      else emit.once(word, null);
    },
    output: { often: csv(['word', 'count']), once: gzip(tsv()), never: jsonLines<{ word: string }>() },
  });

  it('writes each to its own folder, and names the attempt in each file', async () => {
    const { files, report } = await resultOf(words, 'a b a\nc b a\n', { reducers: 1 });

    expect(Object.keys(files)).toEqual([
      '_SUCCESS',
      'manifest.json',
      'never/part-r-00000.1.jsonl',
      'often/part-r-00000.1.csv',
      'once/part-r-00000.1.tsv.gz',
    ]);
    expect(files['often/part-r-00000.1.csv']).toBe('word,count\na,3\nb,2\n');
    expect(report.parts.map(({ name, records }) => [name, records])).toEqual([
      ['never/part-r-00000.1.jsonl', 0],
      ['often/part-r-00000.1.csv', 2],
      ['once/part-r-00000.1.tsv.gz', 1],
    ]);
  });

  it('writes no files without records, except one for each output, with its header', async () => {
    const { files } = await resultOf(words, 'a a\n', { reducers: 4 });

    const parts = Object.keys(unnumbered(files));
    expect(parts.filter((name) => name.startsWith('often/')).length).toBeLessThanOrEqual(2);
    expect(unnumbered(files)).toMatchObject({
      'never/part-r-00000.jsonl': '',
      'once/part-r-00000.tsv.gz': expect.stringMatching(/./),
    });
    expect(Object.values(unnumbered(files))).toContain('word,count\na,2\n');
  });

  it('may be map-only', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'split',
      map(line, { emit }) {
        if (line.startsWith('#')) emit.comments(null, line);
        else emit.data(null, [line, line.length]);
      },
      output: { comments: lines(), data: csv(['line', 'length'], { header: false }) },
    });

    const { files, summaries } = await resultOf(job, 'x\n# y\nzz\n');

    expect(unnumbered(files)).toEqual({
      'comments/part-m-00000.txt': '# y\n',
      'data/part-m-00000.csv': 'x,1\nzz,2\n',
    });
    expect(summaries).toMatchObject([{ recordsWritten: 3, bytesWritten: 4 + 9 }]);
  });

  it('may skip records on which map throws, which then contribute to no output', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'skipping',
      onBadRecord: { skip: 1, thrown: true },
      map(line, { emit }) {
        emit.lines(null, line);
        if (line === 'bad') throw new Error('a bad line');
        emit.lengths(line, line.length);
      },
      output: { lines: lines(), lengths: tsv() },
    });

    const { report, files } = await resultOf(job, 'a\nbad\nbb\n');

    expect(unnumbered(files)).toEqual({
      'lengths/part-m-00000.tsv': 'a\t1\nbb\t2\n',
      'lines/part-m-00000.txt': 'a\nbb\n',
    });
    expect(report.parts.length).toBe(2);
  });

  it('cannot be merged', async () => {
    await expect(resultOf(words, 'a\n', { merge: true })).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(
        "job 'words': its output cannot be merged, because it has several files",
      ),
    });
  });

  it.each<[string, unknown, unknown, string]>([
    ['no outputs', {}, () => {}, 'output must be an output format, for example tsv()'],
    ['a name with a path', { '../x': tsv() }, () => {}, 'output.../x must have a name of letters'],
    ['something else than a format', { x: 'tsv' }, () => {}, 'output.x must be an output format'],
    [
      'a named reducer',
      { x: tsv() },
      'each',
      'reduce must be a function, since it says which of several outputs',
    ],
  ])('is refused with %s', (_what, output, reduce, message) => {
    const define = defineJob as (definition: unknown) => Job;
    expect(() =>
      define({ ...COMMON, name: 'x', key: 'string', value: 'string', map: () => {}, reduce, output }),
    ).toThrow(message);
  });
});

/** Emits each line as `key value`, in a map-only job or through a reduce. */
function keyedJob<U extends Outputs>(output: U, kind: 'map-only' | 'reduce'): Job {
  type Emit = (key: string, value: string) => void;
  const split = (line: string): [string, string] => [
    line.slice(0, line.indexOf(' ')),
    line.slice(line.indexOf(' ') + 1),
  ];
  return kind === 'map-only'
    ? defineJob({
        ...COMMON,
        name: 'keyed',
        map: (line, { emit }) => (emit as unknown as Emit)(...split(line)),
        output,
      })
    : defineJob({
        ...COMMON,
        name: 'keyed',
        key: 'number',
        value: 'string',
        // All in one group, so that one call emits all records.
        map: (line, { emit }) => emit(0, line),
        reduce(_key, values, { emit }) {
          for (const line of values) (emit as unknown as Emit)(...split(line));
        },
        output,
      });
}

/** Counts its records at its end, so that they cannot be moved as bytes. */
function counted(): Sink<unknown, string> {
  return {
    name: 'counted',
    extension: 'counted',
    recordWise: false,
    createWriter() {
      const records: string[] = [];
      return {
        write: (_key, value) => records.push(value),
        end(out) {
          const bytes = Buffer.from(`${records.join('\n')}\n${records.length} records\n`);
          out.reserve(bytes.length);
          bytes.copy(out.bytes, out.end);
          out.end += bytes.length;
        },
      };
    },
  };
}

function groupedBy(entries: readonly (readonly [string, string])[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [key, value] of entries) {
    groups[key] ??= [];
    groups[key].push(value);
  }
  return groups;
}

describe.each(['map-only', 'reduce'] as const)('folders of a %s job', (kind) => {
  const letter = kind === 'map-only' ? 'm' : 'r';
  const one = kind === 'map-only' ? {} : { reducers: 1 };

  it('come from a function of key and value, and are named as Hive names them', async () => {
    const job = keyedJob(
      inFolders(
        (key: string, value: string) => ({ dt: key === '-' ? null : key, long: value.length > 1 }),
        lines(),
      ),
      kind,
    );

    const { files } = await resultOf(job, '2024-01-01 a\n2024-01-01 bb\na/b:c c\n- d\n2024-01-01 e\n', one);

    expect(unnumbered(files)).toEqual({
      [`dt=2024-01-01/long=false/part-${letter}-00000.txt`]: 'a\ne\n',
      [`dt=2024-01-01/long=true/part-${letter}-00000.txt`]: 'bb\n',
      [`dt=a%2Fb%3Ac/long=false/part-${letter}-00000.txt`]: 'c\n',
      [`dt=__HIVE_DEFAULT_PARTITION__/long=false/part-${letter}-00000.txt`]: 'd\n',
    });
  });

  it.each<[string, string]>([
    ['..', "the name '..' starts with '.'"],
    ['a/../b', "the name '..' starts with '.'"],
    ['/a', 'a name is empty'],
    ['a//b', 'a name is empty'],
    ['a/', 'a name is empty'],
    ['_a', "the name '_a' starts with '_'"],
    ['a:b', "the name 'a:b' holds a character that is not allowed"],
    ['a\\b', 'holds a character that is not allowed'],
    ['a%b', "holds '%', but not as part of an encoded character"],
    ['part-r-00000.tsv', "'part-r-00000.tsv' is the name of a result file"],
    ['manifest.json', 'is the name of a result file'],
    ['x'.repeat(256), 'a name has more than 255 bytes'],
  ])('may not be called %j', async (folder, problem) => {
    const job = keyedJob(
      inFolders(() => folder, lines()),
      kind,
    );

    await expect(resultOf(job, 'a b\n', one)).rejects.toMatchObject({
      name: 'UnencodableValueError',
      message: expect.stringContaining(problem),
    });
  });

  it.each([
    ['an empty text', ''],
    ['nothing', undefined],
    ['an empty object', {}],
    ['a list', ['a']],
    ['a date', { dt: new Date(0) }],
  ])('may not be %s', async (_what, folder) => {
    const job = keyedJob(
      inFolders(() => folder as never, lines()),
      kind,
    );

    await expect(resultOf(job, 'a b\n', one)).rejects.toMatchObject({ name: 'UnencodableValueError' });
  });

  for (const [name, sink] of [
    ['lines', lines()],
    ['compressed lines', gzip(lines(), { level: 1 })],
    ['lines in files of a target size', inFiles({ targetBytes: 40 }, lines())],
    ['a sink whose records depend on each other', counted()],
  ] as const) {
    it(`may be any number, and give the same files whatever the memory is: ${name}`, async () => {
      const folders = 300;
      const text = Array.from({ length: 3_000 }, (_, i) => `${(i * 7) % folders} line ${i}\n`).join('');
      const job = keyedJob(
        inFolders((key: string) => `k=${key}`, sink as Sink<unknown, string>),
        kind,
      );

      const much = await resultOf(job, text, { ...one, memoryBytes: 4_096 * MiB });
      const little = await resultOf(job, text, { ...one, memoryBytes: 32_000 });

      const expected = groupedBy(
        text
          .trimEnd()
          .split('\n')
          .map((line) => [`k=${line.split(' ')[0]}`, line.replace(/^\S+ /, '')]),
      );
      const written = Object.entries(much.files).filter(([file]) => file.startsWith('k='));
      if (sink.recordWise && sink.compression === undefined) {
        const found = written.flatMap(([file, content]) =>
          content
            .trimEnd()
            .split('\n')
            .map((line): [string, string] => [file.split('/')[0]!, line]),
        );
        expect(groupedBy(found)).toEqual(expected);
      }
      expect(written.length > folders).toBe(sink.targetFileBytes !== undefined);
      expect(new Set(written.map(([file]) => file.split('/')[0]))).toEqual(new Set(Object.keys(expected)));
      expect(little.summaries.at(-1)!.spills).toBeGreaterThan(much.summaries.at(-1)!.spills);
      expect(unnumbered(little.files)).toEqual(unnumbered(much.files));
    });
  }
});

describe('files of a target size', () => {
  it('end after the record with which they reach it, and are numbered in order', async () => {
    const job = keyedJob(inFiles({ targetBytes: 10 }, lines()), 'map-only');

    const { files, parts } = await resultOf(job, 'k aaaa\nk bbbb\nk cccc\nk dddddddddddd\nk e\n');

    expect(parts).toEqual(['00000', '00001', '00002'].map((n) => `part-m-00000.0.${n}.txt`));
    expect(Object.values(unnumbered(files))).toEqual(['aaaa\nbbbb\n', 'cccc\ndddddddddddd\n', 'e\n']);
  });

  it('each have a header', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'rows',
      map: (line, { emit }) => emit(null, [line]),
      output: inFiles({ targetBytes: 8 }, csv(['n'])),
    });

    const { files } = await resultOf(job, '111111\n222222\n3\n');

    expect(Object.values(unnumbered(files))).toEqual(['n\n111111\n', 'n\n222222\n', 'n\n3\n']);
  });

  it('may be many in one call', async () => {
    const text = Array.from({ length: 2_000 }, (_, i) => `k ${i}\n`).join('');

    const { files, parts } = await resultOf(keyedJob(inFiles({ targetBytes: 20 }, lines()), 'reduce'), text, {
      reducers: 1,
      memoryBytes: 32_000,
    });

    const sizes = Object.entries(files).filter(([name]) => name.startsWith('part-'));
    expect(sizes.slice(0, -1).every(([, content]) => content.length >= 20 && content.length <= 25)).toBe(
      true,
    );
    expect(parts.map((name) => files[name]).join('')).toBe(text.replaceAll('k ', ''));
  });

  it('need a size', () => {
    expect(() => inFiles({ targetBytes: 0 }, lines())).toThrow(
      'targetBytes must be a whole number of at least 1',
    );
    expect(() => inFiles({ targetBytes: 1 }, {} as never)).toThrow('inFiles() needs an output format');
    expect(() =>
      inFolders(
        () => 'a',
        inFolders(() => 'b', lines()),
      ),
    ).toThrow('are in folders already');
    expect(() => inFolders('a' as never, lines())).toThrow('inFolders() needs a function');
  });

  it('may be compressed, in folders, in any order of the wrappers', async () => {
    const folder = (key: string) => ({ key });
    const sinks = [
      inFolders(folder, inFiles({ targetBytes: 10 }, gzip(lines()))),
      gzip(inFiles({ targetBytes: 10 }, inFolders(folder, lines()))),
      inFiles({ targetBytes: 10 }, inFolders(folder, gzip(lines()))),
    ];
    const all = [];
    for (const sink of sinks) {
      const store = new MemoryStore();
      await store.put('in/a.txt', Buffer.from('a 123456789\nb x\na 2\n'));
      await runSmallJob({ job: keyedJob(sink, 'map-only'), store, scratch: scratch.path });
      const objects = Object.entries(await objectsBelow(store, 'out/key'));
      all.push(objects.map(([key, bytes]) => [key, gunzipSync(Buffer.from(bytes, 'latin1')).toString()]));
    }

    expect(all[0]).toEqual([
      ['out/key=a/part-m-00000.0.00000.txt.gz', '123456789\n'],
      ['out/key=a/part-m-00000.0.00001.txt.gz', '2\n'],
      ['out/key=b/part-m-00000.0.00000.txt.gz', 'x\n'],
    ]);
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);
  });
});

it('leaves no overflow files behind', () => {
  expect(readdirSync(scratch.path).filter((name) => name.startsWith('overflow'))).toEqual([]);
});
