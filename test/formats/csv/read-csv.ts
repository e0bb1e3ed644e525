/** Reads CSV in pieces, and tells whether the pieces meet. */
import fc from 'fast-check';
import type { BadRecord, Source } from '../../../src/formats/source.ts';
import { type ReadOptions, readSource } from '../read-source.ts';

export interface CsvRead<R> {
  readonly records: R[];
  readonly offsets: number[];
  readonly bad: BadRecord[];
  readonly unitsRead: number;
  /** Whether each piece covers the bytes from where the one before it ends, and all together the whole file. */
  readonly meets: boolean;
}

export const SKIP_ALL = { skip: 1e9 };

/** Reads the pieces between the cuts, which must be in order. */
export async function readPieces<R>(
  source: Source<R>,
  bytes: Buffer,
  cuts: readonly number[],
  options: ReadOptions = SKIP_ALL,
): Promise<CsvRead<R>> {
  const ends = [...cuts, bytes.length];
  const read: CsvRead<R> = { records: [], offsets: [], bad: [], unitsRead: 0, meets: true };
  let { unitsRead, meets } = read;
  let at = 0;
  for (const [index, end] of ends.entries()) {
    const piece = await readSource(source, bytes, { ...options, start: ends[index - 1] ?? 0, end });
    read.records.push(...piece.records);
    read.offsets.push(...piece.offsets);
    // A piece may add that it guessed where it starts.
    read.bad.push(...piece.bad.map((bad) => ({ ...bad, message: bad.message.replace(/ Or a task.*/, '') })));
    unitsRead += piece.unitsRead;
    if (piece.covered !== undefined) {
      if (piece.covered.startBytes !== at) meets = false;
      if (piece.covered.endBytes - piece.covered.startBytes !== piece.unitsRead) meets = false;
      at = piece.covered.endBytes;
    } else {
      at += piece.unitsRead;
    }
  }
  return { ...read, unitsRead, meets: meets && at === bytes.length };
}

export const read = (source: Source<unknown>, text: string | Buffer, options?: ReadOptions) =>
  readPieces(source, typeof text === 'string' ? Buffer.from(text) : text, [], options);

/** Cells with everything that CSV must quote. */
const anyCell = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'a', 'bc', '12', '-0.5', 'some longer text') },
  {
    weight: 3,
    arbitrary: fc.string({ unit: fc.constantFrom('"', ',', '\n', 'x', '\r\n', '\t', ' '), maxLength: 8 }),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom('é', '漢', '😀', 'a', '"', '\n'), maxLength: 6 }),
  },
);

export interface CsvFile {
  readonly rows: readonly (readonly string[])[];
  readonly bytes: Buffer;
}

/** A well-formed file with a header, and its rows. */
export const anyFile: fc.Arbitrary<CsvFile> = fc
  .record({
    columns: fc.integer({ min: 1, max: 4 }),
    end: fc.constantFrom('\n', '\r\n'),
    endsWithLineEnd: fc.boolean(),
    hasMark: fc.boolean(),
    quotesAll: fc.boolean(),
  })
  .chain(({ columns, end, endsWithLineEnd, hasMark, quotesAll }) =>
    fc.array(fc.array(anyCell, { minLength: columns, maxLength: columns }), { maxLength: 12 }).map((rows) => {
      const header = Array.from({ length: columns }, (_, i) => `c${i}`);
      const lines = [header, ...rows].map((row) => row.map((cell) => written(cell, quotesAll)).join(','));
      const text = `${hasMark ? '\ufeff' : ''}${lines.join(end)}${endsWithLineEnd ? end : ''}`;
      // Without a line end, a last row that is one empty cell is no row.
      const rowsThere = !endsWithLineEnd && lines.at(-1) === '' ? rows.slice(0, -1) : rows;
      return { rows: rowsThere, bytes: Buffer.from(text) };
    }),
  );

function written(cell: string, always: boolean): string {
  return always || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Bytes that are mostly special, well-formed or not. */
export const anyBytes: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('"', ',', '\n', '\r\n') },
      { weight: 4, arbitrary: fc.constantFrom('a', 'bc', '""', '","', '"\n"', 'x"', '"y') },
      { weight: 1, arbitrary: fc.constantFrom('\r', 'é', '\ufeff', '#', '\n\n') },
    ),
    { maxLength: 40, size: 'max' },
  )
  .map((parts) => Buffer.from(parts.join('')));

export const anyCuts = (bytes: Buffer, fractions: readonly number[]) =>
  fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);

export const anyFractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });
