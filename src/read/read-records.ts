/** Reads the records of one piece: the source turns its bytes into batches of records, and `deliver` gets each record. */
import { userCodeError } from '../api/user-code.ts';
import { isMapReduceError, MapReduceError } from '../base/errors.ts';
import { type PhaseClock, untimed } from '../base/phase-clock.ts';
import { preview } from '../base/show-value.ts';
import { refusePromise } from '../base/user-returns.ts';
import type { BadRecord, OpenPiece, RecordReader, Source } from '../formats/source.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { badRecordText } from './bad-records.ts';
import type { SplitPiece } from './input-file.ts';
import { StoredPiece } from './open-piece.ts';

export interface ReadPieceOptions<R> {
  readonly source: Source<R>;
  readonly store: ObjectStore;
  /** The values of the job's parameters. Default: none. */
  readonly params?: OpenPiece['params'] | undefined;
  readonly recordBytesMax: number;
  /** Where the bound comes from and how to raise it; added to the message of a RecordTooLargeError. */
  readonly recordBytesRule?: string;
  /** It throws MapReduceErrors only, which reach the caller unchanged. The format is blamed for any others. */
  readonly deliver: (record: R) => void;
  /** Called for a malformed record. It throws unless the record may be skipped. Default: throws. */
  readonly onBad?: (record: BadRecord, file: string) => void;
  /** The job's `count`. Default: none. */
  readonly count?: (counter: string, amount?: number) => void;
  /**
   * Called before each batch of records is delivered, with what was read for it: the position in the (uncompressed) file, 0
   * new bytes if the batch needed none. It may throw to stop reading, and may return a promise to pause it.
   */
  readonly beforeBatch?: (
    offsetBytes: number,
    newBytes: number,
    storedBytesRead: number,
  ) => Promise<void> | undefined;
  /** The size of a chunk, and how far to read after the piece at first. Default: LIMITS.inputChunkBytes. */
  readonly chunkBytes?: number;
  /** Called once, before anything is read. The reader knows the place of the record being delivered. */
  readonly onReader?: (reader: RecordReader<R>) => void;
  /** Counts 'waiting', 'reading' and, while batches are delivered, 'user'. */
  readonly phases?: PhaseClock;
}

export interface PieceRead {
  /** In the source's unit: uncompressed bytes of the piece's records, or their number. */
  readonly unitsRead: number;
  /** Bytes read from the store; compressed bytes for a compressed file. */
  readonly bytesRead: number;
  /** See RecordReader.covered(). */
  readonly covered: { readonly startBytes: number; readonly endBytes: number } | undefined;
}

/**
 * @throws InputChangedError, InputNotFoundError, CorruptInputError, BadRecordError and RecordTooLargeError, each naming the
 *   file; other errors of the store, and those of `deliver` and `beforeBatch`
 */
export async function readPiece<R>(piece: SplitPiece, options: ReadPieceOptions<R>): Promise<PieceRead> {
  const { source, store, recordBytesMax, deliver, beforeBatch, onReader, chunkBytes, count } = options;
  const { onBad = refuseBad, phases = untimed() } = options;
  const before = phases.enter('reading');
  const open = new StoredPiece(piece, {
    store,
    recordBytesMax,
    params: options.params,
    chunkBytes,
    onBad: (record) => onBad(record, open.fileName),
    count: count ?? (() => {}),
    phases,
  });
  let reader: RecordReader<R>;
  let seen = open.chunkEnd;
  try {
    await open.lookInside(source);
    reader = source.read(open);
    onReader?.(reader);
    for await (const batch of reader) {
      const { chunkStart, chunkEnd } = open;
      const held = beforeBatch?.(chunkEnd === seen ? chunkEnd : chunkStart, chunkEnd - seen, open.read.bytes);
      seen = chunkEnd;
      if (held !== undefined) await held;
      const returned = phases.time('user', (): unknown => batch.forEach(deliver));
      if (returned !== undefined) refusePromise('input', returned, `forEach() of a batch of ${source.name}`);
    }
  } catch (error) {
    throw namingFile(inputError(error, source), open.fileName, options.recordBytesRule);
  } finally {
    await open.close();
    phases.enter(before);
  }
  return {
    unitsRead: checkedUnits(reader.unitsRead, source),
    bytesRead: open.read.bytes,
    covered: reader.covered?.(),
  };
}

/** Names the format in what its code threw; errors of the engine stay as they are. */
export function inputError(error: unknown, { name = '' }: { readonly name?: string }): MapReduceError {
  return isMapReduceError(error) ? error : userCodeError('input', error, {}, `the input format ${name}`);
}

/** Counts that are no counts could balance the books by chance. */
function checkedUnits(units: unknown, { name, counts }: Source<unknown>): number {
  if (typeof units === 'number' && Number.isSafeInteger(units) && units >= 0) return units;
  throw new MapReduceError(
    'JobDefinitionError',
    `the input format ${name} reports ${preview(units)} as the ${counts} that it read; unitsRead must be a whole number from 0`,
    { details: { phase: 'input' } },
  );
}

function refuseBad(record: BadRecord, file: string): void {
  throw new MapReduceError('BadRecordError', badRecordText(record, file), { details: { file } });
}

/** Adds the file to the source's errors: the source knows only the offset. */
export function namingFile(error: unknown, fileName: string, recordBytesRule?: string): unknown {
  const unnamed =
    (isMapReduceError(error, 'RecordTooLargeError') || isMapReduceError(error, 'CorruptInputError')) &&
    error.details.file === undefined;
  if (!unnamed) return error;
  const rule =
    error.name === 'RecordTooLargeError' && recordBytesRule !== undefined ? ` ${recordBytesRule}` : '';
  return new MapReduceError(error.name, `${fileName}: ${error.message}${rule}`, {
    details: { ...error.details, file: fileName },
    cause: error.cause,
  });
}
