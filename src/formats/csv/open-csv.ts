/** Starts to read a piece of a CSV file, as the options of `csv()` say. */
import type { OpenPiece } from '../source.ts';
import { type SchemaCheck, SchemaRefusal } from '../standard-schema.ts';
import { wantedColumns } from './columns.ts';
import { type HeaderText, readHeader } from './csv-header.ts';
import type { Declared } from './csv-options.ts';
import { type CsvFormat, CsvParser } from './csv-parser.ts';
import { CheckedRows, ObjectRows, type RowMaker, textRows } from './rows.ts';

export interface CsvReading extends HeaderText {
  /** Undefined for all columns. */
  readonly declared: readonly Declared[] | undefined;
  /** Whether a record may have more columns than the header. */
  readonly moreAllowed: boolean;
  readonly nullText: string;
  readonly check: SchemaCheck<unknown> | undefined;
}

/** @throws CorruptInputError and RecordTooLargeError for the header, if the piece starts after it */
export async function openCsv(piece: OpenPiece, reading: CsvReading): Promise<CsvParser<unknown>> {
  const { dialect, encoding, header } = reading;
  const format: CsvFormat<unknown> = {
    dialect,
    encoding,
    header,
    skipsMark: true,
    rows: (names) => checkedRows(rowsOf(names, reading), reading.check),
  };
  return header && piece.startBytes > 0
    ? new CsvParser(piece, format, await readHeader(piece, format))
    : new CsvParser(piece, format);
}

function rowsOf(
  header: readonly string[] | undefined,
  { declared, moreAllowed, nullText }: CsvReading,
): RowMaker<unknown> {
  if (declared === undefined && header === undefined) return textRows;
  return new ObjectRows(wantedColumns(declared, header), {
    columnCount: header?.length ?? declared!.length,
    moreAllowed,
    nullText,
  });
}

function checkedRows(rows: RowMaker<unknown>, check: CsvReading['check']): RowMaker<unknown> {
  if (check === undefined) return rows;
  return new CheckedRows<unknown, unknown>(rows, (record, refuse) => {
    const checked = check(record);
    if (!(checked instanceof SchemaRefusal)) return checked;
    refuse(checked.message);
    return undefined;
  });
}
