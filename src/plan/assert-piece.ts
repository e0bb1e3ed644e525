/** Checks the pieces that a source makes, before they travel through the plan. */
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import { checkJson } from '../codec/json-check.ts';
import type { Piece, Source } from '../formats/source.ts';

type Format = Pick<Source<unknown>, 'name' | 'counts'>;

/**
 * A piece of a file: it follows the one before it. A format that counts bytes leaves none out, since nothing would notice.
 *
 * @param start  where the piece before it ends
 * @returns the piece, without fields that a piece does not have
 * @throws JobDefinitionError
 */
export function pieceOfFile(
  piece: Piece,
  { name, counts }: Format,
  { file, sizeBytes, start }: { file: string; sizeBytes: number; start: number },
): Piece {
  const { startBytes, endBytes, records, hint } = piece;
  const isRange =
    Number.isSafeInteger(startBytes) &&
    Number.isSafeInteger(endBytes) &&
    startBytes >= start &&
    endBytes >= startBytes &&
    endBytes <= sizeBytes;
  const refuse = (rule: string): never => {
    throw new MapReduceError(
      'JobDefinitionError',
      `the input format ${name} cut ${file} (${sizeBytes} bytes) into pieces that ${rule}: bytes ${startBytes} to ${endBytes}, records ${records} after byte ${start}`,
      { details: { phase: 'input', file } },
    );
  };
  if (!isRange || (records !== undefined && !isCount(records)))
    refuse('do not follow each other within the file');
  if (counts === 'bytes' && startBytes !== start) refuse('leave bytes out');
  if (counts === 'bytes' && records !== undefined)
    refuse("have records, although it counts bytes (counts: 'bytes')");
  if (counts === 'records' && records === undefined)
    refuse("have no records, although it counts them (counts: 'records')");
  return checkedPiece({ startBytes, endBytes, records, hint }, name);
}

/** @throws JobDefinitionError if the pieces of a file end before it does, and bytes must not be left out */
export function assertCovered(
  { name, counts }: Format,
  { file, sizeBytes, end }: { file: string; sizeBytes: number; end: number },
): void {
  if (counts === 'records' || end === sizeBytes) return;
  throw new MapReduceError(
    'JobDefinitionError',
    `the input format ${name} cut ${file} (${sizeBytes} bytes) into pieces that end at byte ${end}. The pieces of a format that counts bytes cover the whole file`,
    { details: { phase: 'input', file } },
  );
}

/**
 * A piece of generated input: it has records and no bytes.
 *
 * @throws JobDefinitionError
 */
export function generatedPiece({ startBytes, endBytes, records, hint }: Piece, { name }: Format): Piece {
  if (startBytes === 0 && endBytes === 0 && records !== undefined && isCount(records)) {
    return checkedPiece({ startBytes, endBytes, records, hint }, name);
  }
  throw new MapReduceError(
    'JobDefinitionError',
    `the input format ${name} generated a piece of bytes ${startBytes} to ${endBytes} with ${records} records; a generated piece has startBytes 0, endBytes 0 and a number of records`,
    { details: { phase: 'input' } },
  );
}

function isCount(records: number): boolean {
  return Number.isSafeInteger(records) && records >= 0;
}

function checkedPiece(
  {
    startBytes,
    endBytes,
    records,
    hint,
  }: { [K in keyof Piece]: Piece[K] | undefined } & Pick<Piece, 'startBytes' | 'endBytes'>,
  format: string,
): Piece {
  if (hint !== undefined) assertPlainJson(hint, `the hint of a piece of ${format}`);
  return {
    startBytes,
    endBytes,
    ...(records === undefined ? {} : { records }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/**
 * Refuses what would be different, or lost, after it travelled through a plan.
 *
 * @throws JobDefinitionError
 */
export function assertPlainJson(value: unknown, what: string): void {
  try {
    checkJson(value, 'json');
  } catch (error) {
    if (!isMapReduceError(error)) throw error;
    throw new MapReduceError('JobDefinitionError', `${what} is not plain JSON: ${error.message}`, {
      details: { phase: 'input' },
      cause: error,
    });
  }
}
