/**
 * The bytes of an object or of a part: pieces that are never copied. A piece is a buffer, or a number of zeros, so that
 * objects of many gigabytes take no memory.
 */
import { crc32 } from 'node:zlib';

export type Piece = Buffer | number;

export interface StoredBytes {
  readonly sizeBytes: number;
  /** Changes with the content, as an ETag does. */
  readonly checksum: number;
  readonly pieces: readonly Piece[];
}

/** Takes over the buffers: they must not change any more. */
export function bytesOf(...pieces: readonly Piece[]): StoredBytes {
  const sizeBytes = pieces.reduce<number>((sum, piece) => sum + sizeOf(piece), 0);
  const checksum = pieces.reduce<number>(
    (sum, piece) => crc32(typeof piece === 'number' ? `${piece} zeros` : piece, sum),
    0,
  );
  return { sizeBytes, checksum, pieces };
}

export function zeros(sizeBytes: number): StoredBytes {
  return bytesOf(sizeBytes);
}

export function concatenated(parts: readonly StoredBytes[]): StoredBytes {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const checksum = crc32(parts.map((part) => part.checksum).join());
  return { sizeBytes, checksum, pieces: parts.flatMap(({ pieces }) => pieces) };
}

/** All bytes, in memory. */
export function contentOf({ sizeBytes, pieces }: StoredBytes): Buffer {
  const buffers = pieces.map((piece) => (typeof piece === 'number' ? Buffer.alloc(piece) : piece));
  return Buffer.concat(buffers, sizeBytes);
}

/** Yields the bytes [start, end) in pieces of at most `pieceBytesMax`, without copying them. */
export function* piecesOf(
  { pieces }: StoredBytes,
  { start, end, pieceBytesMax }: { start: number; end: number; pieceBytesMax: number },
): Generator<Buffer> {
  for (const { piece, from, to } of within(pieces, start, end)) {
    for (let at = from; at < to; at += pieceBytesMax) {
      const until = Math.min(at + pieceBytesMax, to);
      yield typeof piece === 'number' ? zerosInNoMemory(until - at) : piece.subarray(at, until);
    }
  }
}

export function sliced(bytes: StoredBytes, start: number, end: number): StoredBytes {
  if (start === 0 && end === bytes.sizeBytes) return bytes;
  const slices = within(bytes.pieces, start, end).map(({ piece, from, to }) =>
    typeof piece === 'number' ? to - from : piece.subarray(from, to),
  );
  return bytesOf(...slices);
}

function* within(
  pieces: readonly Piece[],
  start: number,
  end: number,
): Generator<{ piece: Piece; from: number; to: number }> {
  let pieceStart = 0;
  for (const piece of pieces) {
    const from = Math.max(start, pieceStart) - pieceStart;
    const to = Math.min(end, pieceStart + sizeOf(piece)) - pieceStart;
    if (from < to) yield { piece, from, to };
    pieceStart += sizeOf(piece);
    if (pieceStart >= end) return;
  }
}

function sizeOf(piece: Piece): number {
  return typeof piece === 'number' ? piece : piece.length;
}

const ZEROS = Buffer.alloc(64 * 1024);

/**
 * So many zeros that take no memory, and no time to be copied. The elements are not there: TypedArray.set() uses the length
 * that the engine knows, which is 0, so whoever copies them leaves its memory as it is. A store copies them into memory that
 * it has just allocated, and which therefore stays untouched; a reader that looks at it may find anything.
 */
export function zerosInNoMemory(sizeBytes: number): Buffer {
  if (sizeBytes <= ZEROS.length) return ZEROS.subarray(0, sizeBytes);
  // The cast: it stands in for a Buffer where only length, subarray() and set() are used.
  return new ManyZeros(sizeBytes) as unknown as Buffer;
}

class ManyZeros extends Uint8Array {
  readonly #sizeBytes: number;

  constructor(sizeBytes: number) {
    super(0);
    this.#sizeBytes = sizeBytes;
  }

  override get length(): number {
    return this.#sizeBytes;
  }

  override subarray(start = 0, end = this.#sizeBytes): Uint8Array<ArrayBuffer> {
    // The cast: as above.
    return zerosInNoMemory(end - start) as Uint8Array<ArrayBuffer>;
  }
}
