/** Lets a source that cuts files itself do so: it reads what it needs of each file, such as a footer. */
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { FileToCut, Piece, Source } from '../formats/source.ts';
import type { InputFile } from '../read/input-file.ts';
import { StoredPiece } from '../read/open-piece.ts';
import { inputError, namingFile } from '../read/read-records.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { assertCovered, pieceOfFile } from './assert-piece.ts';

/**
 * @param cut  the source's own function
 * @returns the pieces of each uncompressed file
 * @throws what the source throws; JobDefinitionError if its pieces are not pieces of the file
 */
export async function madePieces(
  source: Source<unknown>,
  cut: (file: FileToCut) => AsyncIterable<Piece> | Iterable<Piece>,
  files: readonly InputFile[],
  { store, pieceBytes, check }: { store: ObjectStore; pieceBytes: number; check: () => void },
): Promise<ReadonlyMap<InputFile, readonly Piece[]>> {
  const plain = files.filter(({ compression }) => compression === 'none');
  const made = await mapBounded(plain, LIMITS.inputLooksMax, async (file) => {
    check();
    const open = new StoredPiece(
      { file, startBytes: 0, endBytes: file.sizeBytes },
      { store, recordBytesMax: 0, chunkBytes: undefined, onBad: () => {}, count: () => {} },
    );
    const place = { file: file.key, sizeBytes: file.sizeBytes };
    const pieces: Piece[] = [];
    try {
      for await (const piece of cut({
        name: file.key,
        sizeBytes: file.sizeBytes,
        pieceBytes,
        range: (start, end) => open.range(start, end),
      })) {
        pieces.push(pieceOfFile(piece, source, { ...place, start: pieces.at(-1)?.endBytes ?? 0 }));
      }
    } catch (error) {
      throw namingFile(inputError(error, source), open.fileName);
    }
    assertCovered(source, { ...place, end: pieces.at(-1)?.endBytes ?? 0 });
    return pieces;
  });
  return new Map(plain.map((file, index) => [file, made[index]!]));
}
