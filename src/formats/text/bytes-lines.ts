/**
 * Lines as ranges of bytes: for jobs that need speed, or only a part of each line. Nothing is decoded and nothing is copied,
 * except for lines that cross chunks. The rules of lines are those of `textLines()`.
 */
import { byteRanges } from '../byte-ranges.ts';
import type { Source } from '../source.ts';
import type { BytesSlice } from './bytes-slice.ts';

/**
 * A line, without its line end. It is one object that the source changes for each line, and its bytes are overwritten later:
 * all of it is valid until `map` returns. `copy()` and `text()` return what may be kept.
 */
export type BytesLine = BytesSlice;

/**
 * The source of lines as ranges of bytes. It reads what `textLines()` reads, and delivers `BytesLine` instead of strings: the
 * same lines, without '\n' or '\r\n' and a UTF-8 byte order mark. UTF-16 files are refused.
 *
 * While the job runs, a line longer than 256 MiB, or a quarter of the worker's memory, is a RecordTooLargeError.
 *
 * @example
 * // The third column of tab-separated lines:
 * input: bytesLines(),
 * map(line, { emit }) {
 *   const third = line.field(2, TAB);
 *   if (third !== undefined) emit(third, 1);
 * },
 */
export function bytesLines(): Source<BytesLine> {
  return byteRanges<BytesLine>({
    name: 'bytes-lines',
    splittable: true,
    isText: true,
    createParser: async (piece) => new (await import('./bytes-lines-parser.ts')).BytesLinesParser(piece),
  });
}
