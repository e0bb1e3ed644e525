/** The formats whose memory `--memory-formats` measures: each source with what it reads, each sink with the rows it writes. */
import {
  bytesLines,
  csv,
  defineJob,
  fixedLength,
  generate,
  gzip,
  type Job,
  jsonDocuments,
  jsonLines,
  lines,
  records,
  type Sink,
  type Source,
  textLines,
  tsv,
  wholeFiles,
  zstd,
} from 'serverless-mapreduce';

/** What the files of an input hold; see format-inputs.ts. */
export type InputKind =
  | 'text'
  | 'gzip text'
  | 'zstd text'
  | 'fixed'
  | 'many files'
  | 'numbers'
  | 'csv'
  | 'tsv'
  | 'json lines'
  | 'json documents'
  | 'typed parts';

export interface SourceCase {
  readonly reads: InputKind;
  readonly job: () => Job;
}

export const FIXED_BYTES = 100;

export const SOURCE_CASES: Readonly<Record<string, SourceCase>> = {
  'textLines()': counts('text', textLines()),
  'textLines() of gzip': counts('gzip text', textLines()),
  'textLines() of zstd': counts('zstd text', textLines()),
  'bytesLines()': counts('text', bytesLines()),
  'fixedLength(100)': counts('fixed', fixedLength(FIXED_BYTES)),
  'wholeFiles()': counts('many files', wholeFiles()),
  'generate()': counts('numbers', generate('records')),
  'csv()': counts('csv', csv()),
  'tsv()': counts('tsv', tsv('number', ['string', 'string'])),
  'jsonLines()': counts('json lines', jsonLines()),
  'jsonLines({ select })': counts('json lines', jsonLines({ select: ['product', 'amount'] })),
  'jsonDocuments()': counts('json documents', jsonDocuments({ path: 'orders' })),
  'records()': counts('typed parts', records('number', ['string', 'number'])),
};

/** A row has about this many bytes in each of the formats. */
export const ROW_BYTES = 100;

export const SINK_CASES: Readonly<Record<string, () => Job>> = {
  'output: lines()': writes(lines(), (number) => `${number} ${noteOf(number)}`),
  'output: tsv()': writes(
    tsv('number', ['string', 'string']),
    (number) => [noteOf(number), `p${number % 4_000}`] as const,
  ),
  'output: csv()': writes(
    csv(['id', 'product', 'note']),
    (number) => [number, `p${number % 4_000}`, noteOf(number)] as const,
  ),
  'output: jsonLines()': writes(jsonLines<{ id: number; note: string }>(), (number) => ({
    id: number,
    note: noteOf(number).slice(0, -6),
  })),
  'output: fixedLength(100)': writes(fixedLength(FIXED_BYTES), (number) =>
    Buffer.from(`${number} ${noteOf(number)}`.padEnd(FIXED_BYTES).slice(0, FIXED_BYTES)),
  ),
  'output: records()': writes(
    records('number', ['string', 'number']),
    (number) => [noteOf(number), number / 4] as const,
  ),
  'output: gzip(lines())': writes(gzip(lines()), (number) => `${number} ${noteOf(number)}`),
  'output: zstd(lines())': writes(zstd(lines()), (number) => `${number} ${noteOf(number)}`),
};

/** A job that counts the records of an input, so that nothing but the source needs memory. */
function counts(reads: InputKind, input: Source<unknown>): SourceCase {
  return {
    reads,
    job: () =>
      defineJob({
        name: 'format-memory',
        description: 'The number of records',
        input,
        params: PARAMETERS,
        key: 'string',
        value: 'number',
        map: (_record, { emit }) => emit('records', 1),
        reduce: 'sum',
        output: tsv(),
      }),
  };
}

/** A job that writes rows as they are made, so that nothing but the sink needs memory. */
function writes<V>(output: Sink<number, V>, rowOf: (number: number) => V): () => Job {
  return () =>
    defineJob({
      name: 'format-memory',
      description: 'Generated rows',
      input: generate('records'),
      params: PARAMETERS,
      map: (number, { emit }) => emit(number, rowOf(number)),
      output,
    });
}

const PARAMETERS = {
  records: { type: 'number', default: 0, description: 'how many records to generate' },
} as const;

/** 64 KiB of hexadecimal digits. */
const NOISE = Array.from({ length: 8192 }, (_, i) =>
  ((Math.imul(i + 1, 0x9e3779b1) ^ (i << 7)) >>> 0).toString(16).padStart(8, '0'),
).join('');

function noteOf(number: number): string {
  const at = (Math.imul(number, 0x9e3779b1) >>> 0) % (NOISE.length - 84);
  return NOISE.slice(at, at + 84);
}
