/**
 * Where to sample the input: at places spread evenly over all of its bytes, each at a random offset within its stretch.
 *
 *     input     |----------- a -----------|--- b.gz ---|-- c --|
 *     places      x     x   x      x    x    x     x     x   x
 *     sampled   [win]  [win]    [win]...  |  all of it |[ c   ]
 *
 * A file that can be read from any offset is sampled in windows; a small file is a single window. A file that must be read
 * from its start (compressed, or of a format that is not splittable) is sampled as a whole.
 */
import { LIMITS } from '../../base/limits.ts';
import type { InputFile, SplitPiece } from '../../read/input-file.ts';
import { mixedHash } from './thinned-sample.ts';

export interface SamplePlace {
  readonly piece: SplitPiece;
  /** Whether the piece is a whole file that is read from its start. */
  readonly isStream: boolean;
  /** How many of the places lie in the piece. */
  readonly hits: number;
  /** How many such pieces of the input the piece stands for. */
  readonly weight: number;
}

export function samplePlaces(
  files: readonly InputFile[],
  { splittable, placesMax }: { splittable: boolean; placesMax: number },
): SamplePlace[] {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (totalBytes === 0) return [];
  const stretchBytes = totalBytes / placesMax;
  const places: SamplePlace[] = [];
  let fileIndex = 0;
  let fileStart = 0;
  for (let place = 0; place < placesMax; place++) {
    const at = (place + mixedHash(place, 0) / 2 ** 32) * stretchBytes;
    while (at >= fileStart + files[fileIndex]!.sizeBytes && fileIndex < files.length - 1) {
      fileStart += files[fileIndex++]!.sizeBytes;
    }
    const file = files[fileIndex]!;
    const isStream = !splittable || file.compression !== 'none';
    const offset = Math.min(at - fileStart, file.sizeBytes - 1);
    const piece = isStream ? { file, startBytes: 0, endBytes: file.sizeBytes } : windowAt(file, offset);
    const last = places.at(-1);
    const isSame = last?.piece.file === file && last.piece.startBytes === piece.startBytes;
    const hits = isSame ? last.hits + 1 : 1;
    if (isSame) places.pop();
    places.push({ piece, isStream, hits, weight: weightOf(piece, { hits, stretchBytes }) });
  }
  return places;
}

function windowAt(file: InputFile, offset: number): SplitPiece {
  const startBytes = Math.floor(offset / LIMITS.sampleWindowBytes) * LIMITS.sampleWindowBytes;
  return { file, startBytes, endBytes: Math.min(file.sizeBytes, startBytes + LIMITS.sampleWindowBytes) };
}

/** A piece of at least two stretches always contains a place, so it stands for itself alone. */
function weightOf(
  { startBytes, endBytes }: SplitPiece,
  { hits, stretchBytes }: { hits: number; stretchBytes: number },
): number {
  const pieceBytes = endBytes - startBytes;
  return pieceBytes >= 2 * stretchBytes ? 1 : (hits * stretchBytes) / pieceBytes;
}
