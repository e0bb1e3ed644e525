/**
 * How fast each source reads and each sink writes, on one core: CPU time of this thread over data in memory, without the
 * engine. The figures of docs/formats.md:
 *
 *     node --conditions=serverless-mapreduce-source bench/format-speed.ts
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  bytesLines,
  csv,
  fixedLength,
  generate,
  jsonDocuments,
  jsonLines,
  jsonPairs,
  lines,
  type OpenPiece,
  type Piece,
  records,
  type Sink,
  type Source,
  textLines,
  tsv,
  wholeFiles,
} from 'serverless-mapreduce';
import { GrowableSink } from '../src/codec/growable-sink.ts';
import { writeFormatInput } from './format-inputs.ts';
import { FIXED_BYTES, type InputKind } from './jobs/format-cases.ts';
import { describeMachine, thisMachine } from './machine.ts';
import { formatRate, formatTable } from './table.ts';

const BLOCK_BYTES = 32 << 20;
const CHUNK_BYTES = 256 << 10;
const ROUNDS = 3;
const ROWS = 200_000;

/** The CPU time of the fastest of some rounds, in milliseconds. */
async function fastest(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage();
    await work();
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** @param part  what the plan says of the piece; the whole file by default */
async function countRecords(source: Source<unknown>, bytes: Buffer, part: Partial<Piece> = {}) {
  let count = 0;
  const piece: OpenPiece = {
    startBytes: 0,
    ...part,
    file: 'memory',
    endBytes: Number.POSITIVE_INFINITY,
    look: source.look?.(bytes.subarray(0, 512)),
    recordBytesMax: 256 << 20,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
    },
    range: async (start: number, end: number) => bytes.subarray(start, end),
    bad({ message }) {
      throw new Error(message);
    },
    count() {},
  };
  for await (const batch of source.read(piece)) {
    batch.forEach(() => {
      count++;
    });
  }
  return count;
}

const SOURCES: readonly (readonly [name: string, kind: InputKind, source: () => Source<unknown>])[] = [
  ['textLines()', 'text', () => textLines()],
  ['bytesLines()', 'text', () => bytesLines()],
  ['wholeFiles()', 'text', () => wholeFiles()],
  [`fixedLength(${FIXED_BYTES})`, 'fixed', () => fixedLength(FIXED_BYTES)],
  ['csv(), all 10 columns', 'csv', () => csv()],
  ['csv(), 2 of 10 columns', 'csv', () => csv({ columns: { product: 'string', amount: 'number' } })],
  ["tsv('number', ['string', 'string'])", 'tsv', () => tsv('number', ['string', 'string'])],
  ['jsonLines()', 'json lines', () => jsonLines()],
  ['jsonLines(), 2 of 10 fields', 'json lines', () => jsonLines({ select: ['product', 'amount'] })],
  ['jsonDocuments()', 'json documents', () => jsonDocuments({ path: 'orders' })],
];

function inputOf(kind: InputKind): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'format-speed-'));
  try {
    writeFormatInput(kind, { blocks: 4, folder, blockBytes: BLOCK_BYTES });
    return readFileSync(join(folder, readdirSync(folder)[0]!));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly id: number;
  readonly product: string;
  readonly note: string;
}
const rowOf = (id: number): Row => ({
  id,
  product: `p${id % 4_000}`,
  note: 'n'.repeat(60 + (id % 40)),
});

const SINKS: readonly (readonly [name: string, sink: Sink<never, never>, value: (row: Row) => unknown])[] = [
  ['lines()', lines(), ({ note }) => note],
  ['tsv()', tsv(), ({ product, note }) => [product, note]],
  ['csv()', csv(['id', 'product', 'note']), (row) => row],
  ['jsonLines()', jsonLines<Row>(), (row) => row],
  ['jsonPairs()', jsonPairs(), (row) => row],
  ['fixedLength(100)', fixedLength(100), () => Buffer.alloc(100)],
  ['records()', records('number', ['string', 'string']), ({ product, note }) => [product, note]],
];

/** @returns the bytes written, in 512 KiB each */
function write(sink: Sink<never, never>, rows: readonly unknown[]): Buffer[] {
  const out = new GrowableSink(1 << 20);
  const written: Buffer[] = [];
  const writer = sink.createWriter();
  const flush = () => {
    written.push(Buffer.from(out.bytes.subarray(0, out.end)));
    out.reset();
  };
  writer.begin?.(out);
  for (const [id, value] of rows.entries()) {
    writer.write(id as never, value as never, out);
    if (out.end > 1 << 19) flush();
  }
  writer.end?.(out);
  flush();
  return written;
}

/** Reads what records() wrote. */
async function readRecords(source: Source<unknown>, bytes: Buffer): Promise<void> {
  if (typeof source.cuts !== 'object' || !('files' in source.cuts)) throw new Error('no cuts');
  const range = async (start: number, end: number) => bytes.subarray(start, end);
  const file = { name: 'memory', sizeBytes: bytes.length, pieceBytes: bytes.length, range };
  for await (const piece of source.cuts.files(file)) await countRecords(source, bytes, piece);
}

async function main(): Promise<void> {
  const table: string[][] = [];
  const add = (name: string, bytes: number, ms: number, count: number) =>
    table.push([name, formatRate(bytes, ms), ((ms * 1e6) / count).toFixed(0)]);
  for (const [name, kind, source] of SOURCES) {
    const bytes = inputOf(kind);
    let count = 0;
    const ms = await fastest(async () => {
      count = await countRecords(source(), bytes);
    });
    add(`read ${name}`, bytes.length, ms, count);
  }
  const numbers = 10_000_000;
  const generated = await fastest(() =>
    countRecords(generate(numbers), Buffer.alloc(0), { records: numbers, hint: 0 }),
  );
  table.push(['read generate()', '-', ((generated * 1e6) / numbers).toFixed(0)]);
  const rows = Array.from({ length: ROWS }, (_, id) => rowOf(id));
  // Typed parts are compressed: their speed is that of the same rows as TSV.
  let plainBytes = 0;
  for (const [name, sink, value] of SINKS) {
    const values = rows.map(value);
    let written: Buffer[] = [];
    const ms = await fastest(() => {
      written = write(sink, values);
    });
    const bytes = written.reduce((sum, { length }) => sum + length, 0);
    if (name === 'tsv()') plainBytes = bytes;
    const isTyped = name === 'records()';
    add(`write ${name}`, isTyped ? plainBytes : bytes, ms, ROWS);
    if (!isTyped) continue;
    const file = Buffer.concat(written);
    const source = records('number', ['string', 'string']);
    add('read records()', plainBytes, await fastest(() => readRecords(source, file)), ROWS);
  }
  const text = inputOf('text');
  const gzip = gzipSync(text, { level: 6 });
  const zstd = zstdCompressSync(text);
  const compress: readonly (readonly [name: string, work: () => unknown])[] = [
    ['gzip, level 6', () => gzipSync(text, { level: 6 })],
    ['gunzip', () => gunzipSync(gzip)],
    ['zstd, level 3', () => zstdCompressSync(text)],
    ['unzstd', () => zstdDecompressSync(zstd)],
  ];
  for (const [name, work] of compress) table.push([name, formatRate(text.length, await fastest(work)), '-']);
  console.log(describeMachine(thisMachine()));
  console.log(formatTable(['', 'MB/s', 'ns/record'], table));
}

await main();
