/** Input files as they were when the job was planned, and pieces of them. */
import type { Piece, PlainJson } from '../formats/source.ts';
import type { ObjectInfo } from '../storage/object-store.ts';

/** An input object as it was when the job was planned. Reads are conditional on its ETag. */
export interface InputFile {
  /** Key in the input store; for local files the absolute path. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** What the source's look() returned for the first bytes. */
  readonly look?: PlainJson;
}

/** A half-open byte range of one file, or generated input. A compressed file is always one piece, [0, sizeBytes). */
export interface SplitPiece extends Piece {
  readonly file: InputFile;
  /** The index of the job's input that it belongs to. Default: 0. */
  readonly input?: number;
}

/** The file of pieces of generated input. */
export const NO_FILE: InputFile = { key: '', sizeBytes: 0, etag: '', compression: 'none' };

/** Judged by the name alone. */
export function compressionOf(key: string): InputFile['compression'] {
  if (/\.(gz|gzip)$/i.test(key)) return 'gzip';
  if (/\.(zst|zstd)$/i.test(key)) return 'zstd';
  return 'none';
}

export function inputFileOf({ key, sizeBytes, etag }: ObjectInfo): InputFile {
  return { key, sizeBytes, etag, compression: compressionOf(key) };
}
