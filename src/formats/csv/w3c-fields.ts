/**
 * The names of the columns in a log of the W3C extended format, which CloudFront and IIS write:
 *
 *     #Version: 1.0
 *     #Fields: date time x-edge-location sc-bytes
 *     2026-11-29<tab>10:15:02<tab>FRA56-P12<tab>4200
 *
 * The names are separated by spaces, whatever separates the columns.
 */
import { MapReduceError } from '../../base/errors.ts';
import { shown } from './messages.ts';

const START = Buffer.from('#Fields:');

/** Returns the names in the line `bytes[start, end)`; undefined for another line. */
export function fieldsIn(bytes: Buffer, start: number, end: number): readonly string[] | undefined {
  const after = start + START.length;
  if (after > end || !bytes.subarray(start, after).equals(START)) return undefined;
  return bytes
    .toString('utf8', after, end)
    .split(/\s+/)
    .filter((name) => name !== '');
}

/** For a file that starts with a record. */
export function noFields(record: string, offsetBytes: number): MapReduceError {
  return new MapReduceError(
    'CorruptInputError',
    `the file has no line '#Fields: ...' before its first record, which starts with ${shown(record)}. Use header: true or false if the file is not in the W3C extended log format.`,
    { details: { offsetBytes } },
  );
}

/**
 * A file may repeat the line, for example after a restart of the server, but not change it: a task may start anywhere in the
 * file, and knows only the first one.
 *
 * @throws CorruptInputError for other names
 */
export function checkSameFields(
  found: readonly string[] | undefined,
  names: readonly string[],
  offsetBytes: number,
): void {
  if (found === undefined || (found.length === names.length && found.every((name, i) => name === names[i]))) {
    return;
  }
  throw new MapReduceError(
    'CorruptInputError',
    `the line '#Fields:' at byte ${offsetBytes} names other columns (${shown(found.join(' '))}) than the first one (${shown(names.join(' '))}). Split the file before this line.`,
    { details: { offsetBytes } },
  );
}
