/** Lets a source that cuts files itself do so: it reads what it needs of each file, such as a footer. */
import type { JobInput } from '../api/job.ts';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { Piece } from '../formats/source.ts';
import type { InputFile } from '../read/input-file.ts';
import { StoredPiece } from '../read/open-piece.ts';
import { namingFile } from '../read/read-records.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/**
 * @returns the pieces of each uncompressed file; undefined if the engine cuts the files
 * @throws what the source throws; JobDefinitionError if its pieces are not pieces of the file
 */
export async function madePieces(
  { source }: JobInput,
  files: readonly InputFile[],
  { store, pieceBytes, check }: { store: ObjectStore; pieceBytes: number; check: () => void },
): Promise<ReadonlyMap<InputFile, readonly Piece[]> | undefined> {
  const { cuts } = source;
  if (typeof cuts !== 'object' || !('files' in cuts)) return undefined;
  const plain = files.filter(({ compression }) => compression === 'none');
  const made = await mapBounded(plain, LIMITS.inputLooksMax, async (file) => {
    check();
    const open = new StoredPiece(
      { file, startBytes: 0, endBytes: file.sizeBytes },
      { store, recordBytesMax: 0, chunkBytes: undefined, onBad: () => {}, count: () => {} },
    );
    const pieces: Piece[] = [];
    try {
      for await (const piece of cuts.files({
        name: file.key,
        sizeBytes: file.sizeBytes,
        pieceBytes,
        range: (start, end) => open.range(start, end),
      })) {
        assertPiece(piece, file, { format: source.name, start: pieces.at(-1)?.endBytes ?? 0 });
        pieces.push(piece);
      }
    } catch (error) {
      throw namingFile(error, open.fileName);
    }
    return pieces;
  });
  return new Map(plain.map((file, index) => [file, made[index]!]));
}

function assertPiece(
  { startBytes, endBytes, records }: Piece,
  { key, sizeBytes }: InputFile,
  { format, start }: { format: string; start: number },
): void {
  const isRange =
    Number.isSafeInteger(startBytes) &&
    Number.isSafeInteger(endBytes) &&
    startBytes >= start &&
    endBytes >= startBytes;
  const isCount = records === undefined || (Number.isSafeInteger(records) && records >= 0);
  if (isRange && endBytes <= sizeBytes && isCount) return;
  throw new MapReduceError(
    'JobDefinitionError',
    `the input format ${format} cut ${key} (${sizeBytes} bytes) into pieces that do not follow each other within the file: bytes ${startBytes} to ${endBytes}, records ${records} after byte ${start}`,
    { details: { file: key } },
  );
}
