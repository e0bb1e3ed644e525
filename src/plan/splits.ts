/**
 * Decides the sizes of tasks, and cuts the input into splits, one per map task. Most sources are cut by bytes alone: no file is opened, and the source finds
 * the record boundaries. The pieces of all splits, in order, are the input in order, with each byte exactly once.
 *
 *     files    |aaaaaaaaaaaaaaaaaaaaaa|b|c|ddd|eeeeee.gz|
 *     splits   |   1   |   2   |  3       |4  |   5     |     tails and small files share a split,
 *                                                             a compressed file stays whole
 */
import type { JobInput, ParameterValues } from '../api/job.ts';
import { MapReduceError } from '../base/errors.ts';
import { GiB, LIMITS, MiB } from '../base/limits.ts';
import type { Piece } from '../formats/source.ts';
import { type InputFile, NO_FILE, type SplitPiece } from '../read/input-file.ts';
import { inputError } from '../read/read-records.ts';
import { generatedPiece } from './assert-piece.ts';
import type { Split } from './task.ts';

/** A file as far as the sizes of tasks depend on it. */
export type SizedFile = Pick<InputFile, 'sizeBytes' | 'compression'>;

/** Text and logs shrink to between a third and a tenth when compressed, so a compressed byte is as much work as several. */
export const COMPRESSED_WEIGHT = 4;

/** A generated record counts as a line of text does. */
export const GENERATED_RECORD_BYTES = 64;

/** The size of the input in bytes, in which each byte of a compressed file counts as COMPRESSED_WEIGHT bytes. */
export function inputWeightBytes(files: Iterable<SizedFile>): number {
  let weight = 0;
  for (const { sizeBytes, compression } of files) {
    weight += compression === 'none' ? sizeBytes : sizeBytes * COMPRESSED_WEIGHT;
  }
  return weight;
}

/**
 * How to cut these files, for cutSplits(). A split size that was asked for counts bytes as they are stored, the default one
 * counts them by weight.
 *
 * @param asked  the split size in bytes, if the user chose one
 */
export function splitSizing(
  files: Iterable<SizedFile>,
  asked?: number,
): Pick<Required<SplitOptions>, 'splitSizeBytes' | 'compressedWeight'> {
  if (asked !== undefined) return { splitSizeBytes: asked, compressedWeight: 1 };
  return {
    splitSizeBytes: defaultSplitSizeBytes(inputWeightBytes(files)),
    compressedWeight: COMPRESSED_WEIGHT,
  };
}

/**
 * The split size of an input of this weight (inputWeightBytes). It depends on the input alone, so the plan is the same on
 * every machine, and never falls as the input grows.
 *
 *     input of up to   512 MiB   4 GiB    16 GiB    64 GiB    256 GiB   1 TiB   4 TiB   more
 *     splits of        1/8       64 MiB   128 MiB   256 MiB   512 MiB   1 GiB   2 GiB   4 GiB
 *
 * A small input has about 8 tasks, which keep all workers of one machine busy until the end, but no split below 1 MiB, since
 * starting a task costs more than the work of a smaller one. Above 4 GiB, a split has about as many MiB as the input has
 * splits, so both grow with the square root of the input: a terabyte is about a thousand splits of 1 GiB.
 * docs/decisions/0025-sizes-from-the-input.md compares this with other rules.
 */
export function defaultSplitSizeBytes(weightBytes: number): number {
  const balanced = powerOfTwoFrom(Math.sqrt(weightBytes * MiB));
  if (balanced > LIMITS.splitSizeBytesDefault) return Math.min(LIMITS.splitSizeBytesDefaultMax, balanced);
  return Math.min(
    LIMITS.splitSizeBytesDefault,
    Math.max(SMALLEST_DEFAULT_BYTES, Math.ceil(weightBytes / TASKS_WANTED)),
  );
}

const SMALLEST_DEFAULT_BYTES = 1 * MiB;
const TASKS_WANTED = 8;

/**
 * The number of reducers for an input of this weight. It never falls as the input grows.
 *
 *     input of up to   8 MiB   2.5 GiB                        25 GiB   4 TiB               more
 *     reducers         1       one for each 64 MiB, from 4    40       sqrt(input/16 MiB)   one for each 8 GiB
 *
 * A small input gets one part, which is convenient to look at. 40 is as many tasks as start without a Distributed Map. Above
 * that there is one reducer for about four map tasks, so that a map task writes about 4 MiB for each reducer if it emits
 * what it reads: more reducers would mostly wait for requests, which S3 answers at a bounded rate (docs/limits.md). Above
 * 4 TiB, parts are not to outgrow the /tmp and the time limit of a function.
 */
export function defaultReducers(weightBytes: number): number {
  if (weightBytes < 8 * MiB) return 1;
  const few = Math.min(FEW_REDUCERS, Math.max(4, Math.ceil(weightBytes / (64 * MiB))));
  const balanced = Math.ceil(Math.sqrt(weightBytes / (16 * MiB)));
  return Math.min(LIMITS.reducersMax, Math.max(few, balanced, Math.ceil(weightBytes / PARTITION_BYTES_MAX)));
}

const FEW_REDUCERS = 40;
const PARTITION_BYTES_MAX = 8 * GiB;

function powerOfTwoFrom(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

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
  /** How many bytes a byte of a compressed file counts as when files are packed into a split. Default 1. */
  readonly compressedWeight?: number;
  /** Cutting stops after one split more than this, so that a plan that is too large is refused before it fills the memory. */
  readonly splitsMax?: number;
}

/**
 * A split holds pieces of one input only. Empty files are in no split, unless the source reads whole files. An input without
 * bytes has no splits, and its job has no map tasks.
 */
export function cutSplits(inputs: readonly InputToCut[], options: SplitOptions): Split[] {
  const { splitSizeBytes, compressedWeight = 1, splitsMax = Number.POSITIVE_INFINITY } = options;
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
  let weight = 0;
  const flush = () => {
    if (pieces.length > 0) splits.push({ pieces });
    pieces = [];
    weight = 0;
  };
  for (const [index, input] of inputs.entries()) {
    flush();
    for (const piece of piecesOfInput(input, options)) {
      const isGenerated = piece.file === NO_FILE;
      const bytes = piece.endBytes - piece.startBytes;
      const pieceWeight = piece.file.compression === 'none' ? bytes : bytes * compressedWeight;
      if (
        isGenerated ||
        weight + pieceWeight > splitSizeBytes ||
        pieces.length === LIMITS.piecesPerSplitMax
      ) {
        flush();
      }
      if (splits.length > splitsMax) return splits;
      pieces.push(index === 0 ? piece : { ...piece, input: index });
      weight += pieceWeight;
    }
  }
  flush();
  return splits;
}

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
