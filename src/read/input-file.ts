/** Input files as they were when the job was planned, and pieces of them. */
import type { ObjectInfo } from '../storage/object-store.ts';

/** An input object as it was when the job was planned. Reads are conditional on its ETag. */
export interface InputFile {
  /** Key in the input store; for local files the absolute path. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
}

/** A half-open byte range of one file; a compressed file is always one piece, [0, sizeBytes). */
export interface SplitPiece {
  readonly file: InputFile;
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Judged by the name alone. */
export function compressionOf(key: string): InputFile['compression'] {
  if (/\.(gz|gzip)$/i.test(key)) return 'gzip';
  if (/\.(zst|zstd)$/i.test(key)) return 'zstd';
  return 'none';
}

export function inputFileOf({ key, sizeBytes, etag }: ObjectInfo): InputFile {
  return { key, sizeBytes, etag, compression: compressionOf(key) };
}
