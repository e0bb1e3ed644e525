/** Whole jobs with every kind of sink: plain and compressed, merged in both ways, with empty parts. */
import { crc32, gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import {
  byRange,
  csv,
  defineJob,
  gzip,
  type Job,
  jsonLines,
  lines,
  recordWise,
  type Sink,
  textLines,
  zstd,
} from '../../src/index.ts';
import { decompress } from '../../src/read/decompress.ts';
import { MemoryStore } from '../../src/storage/memory/memory-store.ts';
import { scratchOfFile } from './environment.ts';
import { objectsBelow, runSmallJob } from './small-job.ts';

const scratch = scratchOfFile();

/** A header and a footer, between which each line is a record. */
const framed = recordWise<unknown, string>({
  name: 'framed',
  extension: 'framed',
  begin: (out) => append('<<\n', out),
  write: (_key, value, out) => append(`${value}\n`, out),
  end: (out) => append('>>\n', out),
});

function append(text: string, out: Parameters<ReturnType<typeof framed.createWriter>['write']>[2]): void {
  const bytes = Buffer.from(text);
  out.reserve(bytes.length);
  bytes.copy(out.bytes, out.end);
  out.end += bytes.length;
}

/** Collects the records of a file, and writes how many there are at its end. */
function counted(): Sink<unknown, string> {
  return {
    name: 'counted',
    extension: 'counted',
    recordWise: false,
    createWriter() {
      const records: string[] = [];
      return {
        write: (_key, value) => records.push(value),
        end: (out) => append(`${records.join(' ')}\n${records.length}\n`, out),
      };
    },
  };
}

const COMMON = { description: '', input: textLines(), key: 'string', value: 'string' } as const;
type Kind = 'by-hash' | 'by-range' | 'map-only';

function jobOf(kind: Kind, output: Sink<unknown, string>): Job {
  if (kind === 'map-only') {
    const map = (line: string, { emit }: { emit: (key: unknown, value: string) => void }) => {
      if (line !== '') emit(null, line);
    };
    return defineJob({ name: kind, description: '', input: textLines(), map, output });
  }
  const partition = kind === 'by-range' ? { partition: byRange() } : {};
  return defineJob({
    ...COMMON,
    ...partition,
    name: kind,
    map(line, { emit }) {
      if (line !== '') emit(line, line);
    },
    reduce: 'each',
    output,
  });
}

async function filesOf(
  job: Job,
  text: string,
  options: { merge?: boolean; reducers?: number } = {},
): Promise<Map<string, Buffer>> {
  const store = new MemoryStore();
  await store.put('in/a.txt', Buffer.from(text));
  const { report } = await runSmallJob({
    job,
    store,
    scratch: scratch.path,
    splitSizeBytes: 400_000,
    ...options,
  });
  const files = new Map<string, Buffer>();
  for (const [key, latin1] of Object.entries(await objectsBelow(store, 'out/'))) {
    files.set(key.slice('out/'.length), Buffer.from(latin1, 'latin1'));
  }
  for (const { name, bytes, crc32: sum } of report.parts) {
    const file = files.get(name)!;
    expect([name, file.length, crc32(file)]).toEqual([name, bytes, Number.parseInt(sum, 16)]);
  }
  expect([...files.keys()].sort()).toEqual(
    ['_SUCCESS', 'manifest.json', ...report.parts.map(({ name }) => name)].sort(),
  );
  return files;
}

/** Decompresses as the engine reads its input. */
async function plain(file: Buffer, name: string): Promise<string> {
  const compression = name.endsWith('.gz') ? 'gzip' : name.endsWith('.zst') ? 'zstd' : undefined;
  if (compression === undefined) return file.toString();
  const chunks: Buffer[] = [];
  const source = (async function* () {
    yield file;
  })();
  for await (const chunk of decompress(source, { compression, fileName: name }))
    chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString();
  // Node's own decoders are the independent readers.
  if (compression === 'gzip') expect(gunzipSync(file).toString()).toBe(text);
  return text;
}

const KINDS = ['by-hash', 'by-range', 'map-only'] as const;
const COMPRESSIONS = {
  plain: (sink: Sink<unknown, string>) => sink,
  gzip: (sink: Sink<unknown, string>) => gzip(sink, { level: 1 }),
  zstd: (sink: Sink<unknown, string>) => zstd(sink),
} as const;
/** 40,000 lines of 34 bytes, more than a block. */
const LARGE = Array.from({ length: 40_000 }, (_, i) => `${(i * 7919) % 40_000}`.padStart(33, '0'));
const SMALL = ['d', 'b', 'a', 'c'];
const TEXTS = { large: LARGE, small: SMALL, empty: [] } as const;

describe.each(Object.entries(COMPRESSIONS))('%s files', (compression, compress) => {
  describe.each(Object.entries(TEXTS))('of %s results', (_size, records) => {
    const text = records.map((line) => `${line}\n`).join('');
    const sorted = [...records].sort();

    it.each(KINDS)('of a job %s begin and end once, merged or not', async (kind) => {
      const job = jobOf(kind, compress(framed));
      const expected = kind === 'map-only' ? records : sorted;

      const parts = await filesOf(job, text, kind === 'map-only' ? {} : { reducers: 3 });
      const merged = await filesOf(job, text, {
        merge: true,
        ...(kind === 'map-only' ? {} : { reducers: 3 }),
      });

      const bodies: string[] = [];
      for (const [name, file] of [...parts].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (!name.startsWith('part-')) continue;
        const whole = await plain(file, name);
        expect(whole.startsWith('<<\n') && whole.endsWith('>>\n')).toBe(true);
        bodies.push(...whole.slice(3, -3).split('\n').slice(0, -1));
      }
      expect(kind === 'by-hash' ? bodies.sort() : bodies).toEqual(expected);
      const [name, file] = [...merged].find(([one]) => one.startsWith('merged.'))!;
      expect(name).toBe(`merged.${job.output.extension}`);
      expect(await plain(file, name)).toBe(`<<\n${expected.map((line) => `${line}\n`).join('')}>>\n`);
    });
  });

  it('are valid even if nothing is in them', async () => {
    for (const kind of KINDS) {
      for (const merge of [false, true]) {
        const job = jobOf(kind, compress(lines()));
        const files = await filesOf(job, '\n', { merge, ...(kind === 'map-only' ? {} : { reducers: 2 }) });
        for (const [name, file] of files) {
          if (!/^(part|merged)/.test(name)) continue;
          expect(file.length > 0, name).toBe(compression !== 'plain');
          expect(await plain(file, name)).toBe('');
        }
      }
    }
  });
});

describe('compressed files', () => {
  const text = LARGE.map((line) => `${line}\n`).join('');

  it('are cut after a fixed number of plain bytes, whatever the memory and the splits are', async () => {
    const one = await filesOf(jobOf('by-hash', gzip(framed)), text, { reducers: 1 });
    const file = one.get('part-r-00000.framed.gz')!;
    const sorted = Buffer.from(
      `<<\n${[...LARGE]
        .sort()
        .map((line) => `${line}\n`)
        .join('')}>>\n`,
    );
    const blocks: Buffer[] = [];
    for (let at = 0; at < sorted.length; at += LIMITS.compressedBlockBytes) {
      const member = gzipSync(sorted.subarray(at, at + LIMITS.compressedBlockBytes), { level: 6 });
      member[9] = 0xff;
      blocks.push(member);
    }

    expect(blocks.length).toBeGreaterThan(1);
    expect(file.equals(Buffer.concat(blocks))).toBe(true);
  });

  it('hold a checksum, so that a changed byte is found', async () => {
    const files = await filesOf(jobOf('by-hash', zstd(lines())), 'a\nb\nc\n', { reducers: 1 });
    const file = files.get('part-r-00000.txt.zst')!;

    expect(zstdDecompressSync(file).toString()).toBe('a\nb\nc\n');
    for (let at = 0; at < file.length; at++) {
      const damaged = Buffer.from(file);
      damaged[at]! ^= 1;
      let read: string | undefined;
      try {
        read = zstdDecompressSync(damaged).toString();
      } catch {}
      expect(read === undefined || read === 'a\nb\nc\n', `byte ${at}: ${read}`).toBe(true);
    }
  });

  it('hold what one call wrote, even if it is larger than memory', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'giant',
      map: (line, { emit }) => emit('', line),
      reduce(_key, [first], { emit }) {
        for (let i = 0; i < 30_000; i++) emit(null, `${i} ${first}`.padEnd(1_000, '.'));
      },
      output: gzip(lines(), { level: 1 }),
    });
    const [file] = [...(await filesOf(job, 'a\n', { reducers: 1 })).values()].filter(
      ({ length }) => length > 10_000,
    );

    const read = gunzipSync(file!).toString().split('\n');
    expect(read.length).toBe(30_001);
    expect(read.slice(0, -1).every((line, i) => line === `${i} a`.padEnd(1_000, '.'))).toBe(true);
  });
});

describe('a sink with a footer that depends on its records', () => {
  it('writes whole files', async () => {
    const files = await filesOf(jobOf('by-hash', counted()), 'b\na\n\nc\n', { reducers: 1 });

    expect(files.get('part-r-00000.counted')!.toString()).toBe('a b c\n3\n');
  });

  it.each(['begin', 'end'] as const)('names its %s if that throws', async (method) => {
    const output = recordWise<unknown, string>({
      name: 'broken',
      extension: 'x',
      write: () => {},
      [method]: () => {
        throw new RangeError('no header');
      },
    });

    await expect(filesOf(jobOf('by-hash', output), 'a\n')).rejects.toMatchObject({
      name: 'UserCodeError',
      message: `output.${method}() threw RangeError: no header`,
      details: { phase: 'output', taskId: 'r-00000' },
    });
  });

  it('cannot be merged, which the plan says', async () => {
    await expect(filesOf(jobOf('by-hash', gzip(counted())), 'a\n', { merge: true })).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(
        "job 'by-hash': the parts of gzip(counted) cannot be merged, because its files are more than records",
      ),
    });
  });
});

describe('rows of JSON and CSV', () => {
  it('are written from tuples without a reducer of the job', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'rows',
      value: ['string', 'number'],
      map: (line, { emit }) => emit(line, [line, line.length]),
      reduce: 'each',
      output: csv(['text', 'length']),
    });

    const files = await filesOf(job, 'a "b"\nc\n', { reducers: 2, merge: true });

    expect(files.get('merged.csv')!.toString()).toBe('text,length\n"a ""b""",5\nc,1\n');
  });

  it('are plain rows in JSON Lines', async () => {
    const job = defineJob({
      ...COMMON,
      name: 'rows',
      map: (line, { emit }) => emit(line, line),
      reduce(text, values, { emit }) {
        emit(null, { text, times: [...values].length });
      },
      output: jsonLines<{ text: string; times: number }>(),
    });

    const files = await filesOf(job, 'a\na\nb\n', { reducers: 1 });

    expect(files.get('part-r-00000.jsonl')!.toString()).toBe(
      '{"text":"a","times":2}\n{"text":"b","times":1}\n',
    );
  });
});

describe('mistakes', () => {
  it('in levels and nesting are refused', () => {
    expect(() => gzip(gzip(lines()))).toThrow(
      'gzip(): the files of gzip(lines) are compressed with gzip already',
    );
    expect(() => gzip(lines(), { level: 10 })).toThrow(
      'gzip(): the level must be a whole number from 1 to 9; received 10',
    );
    expect(() => zstd(lines(), { level: 0.5 })).toThrow(
      'zstd(): the level must be a whole number from 1 to 19',
    );
    expect(() => zstd(textLines() as never)).toThrow(
      'zstd() needs an output format, for example zstd(tsv())',
    );
  });
});
