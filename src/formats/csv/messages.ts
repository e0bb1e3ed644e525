/** Messages about malformed records. They complete "<file>, byte <offset>: ...". */
import { shortened } from '../../base/show-value.ts';
import type { Cells } from './cells.ts';
import type { Malformed } from './csv-scanner.ts';
import { whyNoNumber } from './number-cell.ts';

/** How much of the record is shown. */
const SHOWN_BYTES = 60;

export interface MalformedPlace {
  readonly bytes: Buffer;
  /** The offset of the bytes in the file. */
  readonly offset: number;
  /** The first line of the record, in the bytes. */
  readonly lineStart: number;
  readonly lineEnd: number;
  readonly isMultiline: boolean;
}

/** Says how a record breaks the grammar. It shows only bytes that are known however the file is read. */
export function malformedMessage({ what, column, at }: Malformed, place: MalformedPlace): string {
  const { bytes, offset, lineStart, lineEnd, isMultiline } = place;
  const where = `column ${column + 1} at byte ${offset + at}`;
  const [from, to] =
    what === 'unclosed quote' && at < lineEnd
      ? [at, Math.min(at + SHOWN_BYTES, lineEnd)]
      : [Math.max(lineStart, at - SHOWN_BYTES), at + 1];
  const text = shown(bytes.toString('utf8', from, to));
  if (what === 'quote inside a field') {
    return `there is a quote inside ${where}, which does not start with one: ${text}. Put such a field in quotes and double the quotes in it, or use quote: false if quotes mean nothing in this file.`;
  }
  if (what === 'text after a quote') {
    return `the closing quote of ${where} is not followed by a delimiter or a line end: ${text}. Double the quotes inside a quoted field, or use quote: false if quotes mean nothing in this file.`;
  }
  const remedy = isMultiline ? '' : ', remove multiline: false if fields may hold line ends';
  return `the quote that opens ${where} is ${isMultiline ? 'never closed' : 'not closed in its line'}: ${text}. Close it${remedy}, or use quote: false if quotes mean nothing in this file.`;
}

/** Says that a record has the wrong number of columns. */
export function wrongColumnCount(
  cells: Cells,
  { columnCount, isHeader, hasQuotes }: { columnCount: number; isHeader: boolean; hasQuotes: boolean },
): string {
  const found = cells.columnCount;
  const last = cells.text(found - 1);
  return `the record has ${columns(found)}, but ${isHeader ? 'the header has' : 'the job declares'} ${columnCount}; the last one is ${shown(last)}. Correct the record (${hasQuotes ? 'a delimiter inside a field needs quotes around the field' : 'no field may hold the delimiter'})${
    found > columnCount && !isHeader ? ", or ignore further columns with extraColumns: 'ignore'" : ''
  }.`;
}

function columns(count: number): string {
  return count === 1 ? '1 column' : `${count} columns`;
}

/** Says why a cell does not have the type of its column. */
export function wrongType(
  { name, type }: { readonly name: string; readonly type: string },
  text: string,
): string {
  const isNumber = type.startsWith('number');
  if (text === '') {
    return `column ${shown(name)} is empty, which is ${isNumber ? 'not a number' : 'neither true nor false'}. Correct it, or declare the column as '${isNumber ? 'number?' : 'boolean?'}' to receive null.`;
  }
  const { what, remedy } = isNumber
    ? whyNoNumber(text)
    : {
        what: 'is neither true nor false',
        remedy: "Correct it, or declare the column as 'string' and convert it in map.",
      };
  return `column ${shown(name)} is ${shown(text)}, which ${what}. ${remedy}`;
}

/** A received value in a message. */
export function shown(text: string): string {
  return JSON.stringify(shortened(text));
}
