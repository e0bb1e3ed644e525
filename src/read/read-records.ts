/**
 * Reads the records of one piece: bytes from the store go through a decoder, if the file is compressed, to the format's
 * parser, which calls `deliver` for each record.
 */
import { isMapReduceError, MapReduceError, withDetails } from '../base/errors.ts';
import type { InputFormat, RecordParser } from '../formats/input-format.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decompress } from './decompress.ts';
import { fileKind, KIND_BYTES, notReadable } from './file-kind.ts';
import type { SplitPiece } from './input-file.ts';
import { type BytesRead, pieceBytes } from './piece-bytes.ts';

export interface ReadPieceOptions<R> {
  readonly format: InputFormat<R>;
  readonly store: ObjectStore;
  readonly recordBytesMax: number;
  /** Where the bound comes from and how to raise it; added to the message of a RecordTooLargeError. */
  readonly recordBytesRule?: string;
  /** Errors that it throws reach the caller unchanged. */
  readonly deliver: (record: R) => void;
  /**
   * Called before the records of each chunk are delivered, with the chunk's position in the (uncompressed) file. It may
   * throw to stop reading, and may return a promise to pause it.
   */
  readonly beforeChunk?: (
    offsetBytes: number,
    chunkBytes: number,
    storedBytesRead: number,
  ) => Promise<void> | undefined;
  /** The size of a chunk, and how far to read after the piece at first. Default: LIMITS.inputChunkBytes. */
  readonly chunkBytes?: number;
  /** Called once, before anything is read. The parser knows the position of the record being delivered. */
  readonly onParser?: (parser: RecordParser<R>) => void;
}

export interface PieceRead {
  /** Uncompressed bytes of the piece's records. Over all pieces of a file they sum to its size. */
  readonly ownedBytes: number;
  /** Bytes read from the store; compressed bytes for a compressed file. */
  readonly bytesRead: number;
}

/**
 * @throws InputChangedError, InputNotFoundError, CorruptInputError and RecordTooLargeError, each naming the file; other
 *   errors of the store, and those of `deliver` and `beforeChunk`
 */
export async function readPiece<R>(piece: SplitPiece, options: ReadPieceOptions<R>): Promise<PieceRead> {
  const { format, store, recordBytesMax, deliver, beforeChunk, onParser, chunkBytes } = options;
  const { file, startBytes, endBytes } = piece;
  const whole = file.compression !== 'none';
  const parser = format.createParser({
    startBytes,
    endBytes: whole || endBytes === file.sizeBytes ? Number.POSITIVE_INFINITY : endBytes,
    recordBytesMax,
  });
  onParser?.(parser);

  const read: BytesRead = { bytes: 0 };
  const fileName = nameOf(piece, store);
  let offsetBytes = Math.max(0, startBytes - 1);
  let complete = false;
  try {
    for await (const chunk of contentOf(piece, { store, read, fileName, chunkBytes })) {
      if (offsetBytes === 0 && whole && format.isText) refuseOtherFormats(chunk, fileName);
      const held = beforeChunk?.(offsetBytes, chunk.length, read.bytes);
      if (held !== undefined) await held;
      offsetBytes += chunk.length;
      complete = parser.push(chunk, deliver);
      if (complete) break;
    }
    if (!complete) parser.finish(deliver);
  } catch (error) {
    throw namingFile(error, fileName, options.recordBytesRule);
  }
  return { ownedBytes: parser.ownedBytes, bytesRead: read.bytes };
}

/** Refuses a compressed archive, or compressed text of another encoding: the plan saw only the compressed bytes. */
function refuseOtherFormats(firstChunk: Buffer, fileName: string): void {
  const found = fileKind(firstChunk.subarray(0, KIND_BYTES), { isText: true });
  if (found.kind === 'none') return;
  if (found.kind === 'refused')
    throw notReadable(fileName, { ...found, what: `${found.what} in a compressed file` });
  throw notReadable(fileName, {
    what: `a ${found.kind} file that was compressed again`,
    remedy: 'Decompress it once',
  });
}

/** The uncompressed bytes of the piece. */
async function* contentOf(piece: SplitPiece, source: StoredSource): AsyncGenerator<Buffer, undefined> {
  const { compression } = piece.file;
  const stored = storedBytes(piece, source);
  yield* compression === 'none' ? stored : decompress(stored, { compression, fileName: source.fileName });
}

interface StoredSource {
  readonly store: ObjectStore;
  readonly read: BytesRead;
  readonly fileName: string;
  readonly chunkBytes: number | undefined;
}

async function* storedBytes(
  piece: SplitPiece,
  { store, read, fileName, chunkBytes }: StoredSource,
): AsyncGenerator<Buffer, undefined> {
  try {
    yield* pieceBytes(piece, { store, read, chunkBytes });
  } catch (error) {
    if (isMapReduceError(error, 'PreconditionFailedError')) {
      throw new MapReduceError(
        'InputChangedError',
        `${fileName} changed while the job ran: it is no longer the file of ${piece.file.sizeBytes} bytes that was planned. Run the job again while nothing writes to its input, or on a copy of the input.`,
        { details: { file: fileName }, cause: error },
      );
    }
    if (isMapReduceError(error, 'ObjectNotFoundError')) {
      throw new MapReduceError(
        'InputNotFoundError',
        `${fileName} existed when the job was planned, but was removed since. Restore it, or run the job again without it.`,
        { details: { file: fileName }, cause: error },
      );
    }
    throw withDetails(error, { file: fileName });
  }
}

/** Adds the file to the parser's errors: the parser knows only the offset. */
function namingFile(error: unknown, fileName: string, recordBytesRule: string | undefined): unknown {
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

function nameOf({ file }: SplitPiece, store: ObjectStore): string {
  return file.key.startsWith('/') ? file.key : `${store.location}/${file.key}`;
}
