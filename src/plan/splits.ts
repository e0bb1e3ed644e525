/**
 * Cuts the input into splits, one per map task. Most sources are cut by bytes alone: no file is opened, and the source finds
 * the record boundaries. The pieces of all splits, in order, are the input in order, with each byte exactly once.
 *
 *     files    |aaaaaaaaaaaaaaaaaaaaaa|b|c|ddd|eeeeee.gz|
 *     splits   |   1   |   2   |  3       |4  |   5     |     tails and small files share a split,
 *                                                             a compressed file stays whole
 */
import type { JobInput, ParameterValues } from '../api/job.ts';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS, MiB } from '../base/limits.ts';
import type { Piece } from '../formats/source.ts';
import { type InputFile, NO_FILE, type SplitPiece } from '../read/input-file.ts';
import { inputError } from '../read/read-records.ts';
import { generatedPiece } from './assert-piece.ts';
import type { Split } from './task.ts';

/** One input of the job, with its files. */
export interface InputToCut {
  readonly source: JobInput['source'];
  readonly files: readonly InputFile[];
  /** For a source that cuts files itself: the pieces of each. A file that is not in it counts as one piece. */
  readonly made?: ReadonlyMap<InputFile, readonly Piece[]>;
}

export interface SplitOptions {
  readonly splitSizeBytes: number;
  /** For generated input. */
  readonly params: ParameterValues;
  /** Cutting stops after one split more than this, so that a plan that is too large is refused before it fills the memory. */
  readonly splitsMax?: number;
}

/**
 * A split holds pieces of one input only. Empty files are in no split, unless the source reads whole files. An input without
 * bytes has no splits, and its job has no map tasks.
 */
export function cutSplits(inputs: readonly InputToCut[], options: SplitOptions): Split[] {
  const { splitSizeBytes, splitsMax = Number.POSITIVE_INFINITY } = options;
  if (
    !Number.isSafeInteger(splitSizeBytes) ||
    splitSizeBytes < LIMITS.splitSizeBytesMin ||
    splitSizeBytes > LIMITS.splitSizeBytesMax
  ) {
    throw new MapReduceError(
      'UsageError',
      `the split size must be a whole number from ${LIMITS.splitSizeBytesMin} to ${LIMITS.splitSizeBytesMax} bytes; received ${splitSizeBytes}`,
    );
  }
  const splits: Split[] = [];
  let pieces: SplitPiece[] = [];
  let bytes = 0;
  const flush = () => {
    if (pieces.length > 0) splits.push({ pieces });
    pieces = [];
    bytes = 0;
  };
  for (const [index, input] of inputs.entries()) {
    flush();
    for (const piece of piecesOfInput(input, options)) {
      const isGenerated = piece.file === NO_FILE;
      const pieceBytes = piece.endBytes - piece.startBytes;
      if (isGenerated || bytes + pieceBytes > splitSizeBytes || pieces.length === LIMITS.piecesPerSplitMax) {
        flush();
      }
      if (splits.length > splitsMax) return splits;
      pieces.push(index === 0 ? piece : { ...piece, input: index });
      bytes += pieceBytes;
    }
  }
  flush();
  return splits;
}

/**
 * 64 MiB, or less for a small input, so that about 8 tasks keep all workers of one machine busy until the end; but at
 * least 1 MiB, since starting a task costs more than a smaller split's work. It depends on the input alone, so the plan is
 * the same on every machine.
 */
export function defaultSplitSizeBytes(totalBytes: number): number {
  return Math.min(
    LIMITS.splitSizeBytesDefault,
    Math.max(SMALLEST_DEFAULT_BYTES, Math.ceil(totalBytes / TASKS_WANTED)),
  );
}

const SMALLEST_DEFAULT_BYTES = 1 * MiB;
const TASKS_WANTED = 8;

/** The last piece may be this much longer than the others, to avoid a task for a tiny rest (Hadoop's SPLIT_SLOP). */
const LAST_PIECE_FACTOR = 1.1;

function* piecesOfInput(input: InputToCut, options: SplitOptions): Generator<SplitPiece> {
  const { source, files, made } = input;
  const { cuts } = source;
  if (typeof cuts === 'object' && 'generate' in cuts) {
    for (const piece of generatedPieces(source, cuts.generate, options.params))
      yield { ...piece, file: NO_FILE };
    return;
  }
  for (const file of files) {
    const own = made?.get(file);
    if (own === undefined) yield* piecesOfFile(file, source, options);
    else for (const piece of own) yield { ...piece, file };
  }
}

function* generatedPieces(
  source: InputToCut['source'],
  generate: (params: ParameterValues) => Iterable<Piece>,
  params: ParameterValues,
): Generator<Piece> {
  try {
    for (const piece of generate(params)) yield generatedPiece(piece, source);
  } catch (error) {
    throw inputError(error, source);
  }
}

function* piecesOfFile(
  file: InputFile,
  { cuts }: InputToCut['source'],
  { splitSizeBytes }: SplitOptions,
): Generator<SplitPiece> {
  let startBytes = 0;
  if (cuts === 'anywhere' && file.compression === 'none') {
    while (file.sizeBytes - startBytes > splitSizeBytes * LAST_PIECE_FACTOR) {
      yield { file, startBytes, endBytes: startBytes + splitSizeBytes };
      startBytes += splitSizeBytes;
    }
  }
  if (startBytes < file.sizeBytes || cuts === 'between files') {
    yield { file, startBytes, endBytes: file.sizeBytes };
  }
}
