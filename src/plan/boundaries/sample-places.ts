/**
 * Where to sample the input: at places spread evenly over all of its bytes, each at a random offset within its stretch.
 *
 *     input     |----------- a -----------|--- b.gz ---|-- c --|
 *     places      x     x   x      x    x    x     x     x   x
 *     sampled   [win]  [win]    [win]...  |  all of it |[ c   ]
 *
 * A file that can be read from any offset is sampled in windows; a small file is a single window. What must be read from its
 * start (a compressed file, a piece of a source that cuts files itself, generated input) is sampled as a stream.
 */
import { LIMITS } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import { type InputFile, NO_FILE, type SplitPiece } from '../../read/input-file.ts';
import type { InputToCut } from '../splits.ts';
import type { Split } from '../task.ts';
import { mixedHash } from './thinned-sample.ts';

export interface SamplePlace {
  readonly piece: SplitPiece;
  /** Whether the piece is read from its start. */
  readonly isStream: boolean;
  /** How many of the places lie in the piece. */
  readonly hits: number;
  /** How many such pieces of the input the piece stands for. */
  readonly weight: number;
}

/** A stretch of the input in which places may lie: a whole file, or a piece of the plan. */
type Stretch = Pick<SamplePlace, 'piece' | 'isStream'>;

/** At how many places the input of a job with so many partitions is sampled. */
export function samplePlacesFor(partitions: number): number {
  const { samplePlacesPerPartition, samplePlacesMin, samplePlacesMax } = LIMITS;
  return Math.min(Math.max(partitions * samplePlacesPerPartition, samplePlacesMin), samplePlacesMax);
}

/** What decides where an input is sampled. */
export interface SampledInput {
  readonly source: Pick<InputToCut['source'], 'cuts'>;
  readonly files: readonly InputFile[];
}

export function samplePlaces(
  inputs: readonly SampledInput[],
  { splits, placesMax }: { splits: readonly Split[]; placesMax: number },
): SamplePlace[] {
  const all = stretchesOf(inputs, splits);
  const totalBytes = sumOf(all, ({ piece }) => weighedBytes(piece));
  if (totalBytes === 0) return [];
  const stretchBytes = totalBytes / placesMax;
  const places: SamplePlace[] = [];
  let index = 0;
  let start = 0;
  for (let place = 0; place < placesMax; place++) {
    const at = (place + mixedHash(place, 0) / 2 ** 32) * stretchBytes;
    while (at >= start + weighedBytes(all[index]!.piece) && index < all.length - 1) {
      start += weighedBytes(all[index++]!.piece);
    }
    const stretch = all[index]!;
    const { isStream } = stretch;
    const offset = Math.min(at - start, weighedBytes(stretch.piece) - 1);
    const piece = isStream ? stretch.piece : windowAt(stretch.piece, offset);
    const last = places.at(-1);
    const isSame =
      last?.piece === piece ||
      (last?.piece.file === piece.file && !isStream && last.piece.startBytes === piece.startBytes);
    const hits = isSame ? last!.hits + 1 : 1;
    if (isSame) places.pop();
    places.push({ piece, isStream, hits, weight: weightOf(piece, { hits, stretchBytes }) });
  }
  return places;
}

function stretchesOf(inputs: readonly SampledInput[], splits: readonly Split[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [input, { source, files }] of inputs.entries()) {
    const ofInput = input === 0 ? {} : { input };
    if (source.cuts === 'anywhere') {
      for (const file of files) {
        const piece = { file, startBytes: 0, endBytes: file.sizeBytes, ...ofInput };
        stretches.push({ piece, isStream: file.compression !== 'none' });
      }
      continue;
    }
    for (const { pieces } of splits) {
      if ((pieces[0]!.input ?? 0) !== input) continue;
      for (const piece of pieces) stretches.push({ piece, isStream: true });
    }
  }
  return stretches;
}

/** Generated input has no bytes, so its records count instead. */
function weighedBytes({ file, startBytes, endBytes, records = 0 }: SplitPiece): number {
  return file === NO_FILE ? records : endBytes - startBytes;
}

function windowAt(piece: SplitPiece, offset: number): SplitPiece {
  const startBytes = Math.floor(offset / LIMITS.sampleWindowBytes) * LIMITS.sampleWindowBytes;
  const endBytes = Math.min(piece.endBytes, startBytes + LIMITS.sampleWindowBytes);
  return { ...piece, startBytes, endBytes };
}

/** A piece of at least two stretches always contains a place, so it stands for itself alone. */
function weightOf(piece: SplitPiece, { hits, stretchBytes }: { hits: number; stretchBytes: number }): number {
  const pieceBytes = weighedBytes(piece);
  return pieceBytes >= 2 * stretchBytes ? 1 : (hits * stretchBytes) / pieceBytes;
}
