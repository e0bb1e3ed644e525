/**
 * How many requests it takes to read and write the data of a task. The store decides the sizes of ranges and parts
 * (src/storage/s3), so these functions ask its code.
 */
import { LIMITS, MiB } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import type { Split } from '../../plan/task.ts';
import { NO_FILE, type SplitPiece } from '../../read/input-file.ts';
import { openRunsBudget } from '../../shuffle/open-runs.ts';
import { copiesAtOnce } from '../../shuffle/staged-cells.ts';
import { S3_LIMITS } from '../../storage/s3/s3-limits.ts';
import { uploadRequests } from '../../storage/s3/s3-part-sizes.ts';
import { ReadAheadBudget } from '../../storage/s3/s3-read-ahead.ts';
import { UploadMemory } from '../../storage/s3/s3-upload-memory.ts';
import { memoryBudgetBytes, readAheadBytes, stagingSpace, uploadBytes } from './function-memory.ts';

/** GETs with which a map task reads its split, if the last record of each piece ends within one chunk after the piece. */
export function inputGets({ pieces }: Split, memoryMb: number): number {
  return sumOf(pieces, (piece) => getsOfPiece(piece, memoryMb));
}

function getsOfPiece({ file, startBytes, endBytes }: SplitPiece, memoryMb: number): number {
  // By the key: a plan that was read from the bucket holds a copy of NO_FILE.
  if (file.key === NO_FILE.key) return 0;
  const start = Math.max(0, startBytes - 1);
  const lengthBytes = Math.min(file.sizeBytes, endBytes + LIMITS.inputChunkBytes) - start;
  return rangesOf(lengthBytes, LIMITS.inputChunkBytes, memoryMb);
}

/**
 * GETs with which a reducer reads its cells, which are all of one size. It copies large ones to /tmp, if there is space.
 *
 * @param cells  those that are not empty
 */
export function cellGets(
  { cells, cellBytes }: { cells: number; cellBytes: number },
  memoryMb: number,
): number {
  if (cells === 0) return 0;
  return cells * getsOfCell(cellBytes, cellChunkBytes(cells, memoryMb), memoryMb);
}

/** The same for cells of these sizes. */
export function getsOfCells(cellsBytes: readonly number[], memoryMb: number): number {
  const chunkBytes = cellChunkBytes(cellsBytes.length, memoryMb);
  return sumOf(cellsBytes, (cellBytes) => getsOfCell(cellBytes, chunkBytes, memoryMb));
}

/** Requests that write the one object of a task. */
export function objectWrites(sizeBytes: number, memoryMb: number): number {
  return uploadRequests(sizeBytes, { ...S3_LIMITS, uploadBytes: uploadBytes(memoryMb * MiB) });
}

/** The size of the parts of the one object of a task. An object up to that size is one PUT. */
export function uploadPartBytes(memoryMb: number): number {
  return new UploadMemory({ ...S3_LIMITS, uploadBytes: uploadBytes(memoryMb * MiB) }).partBytes;
}

/** How many cells a reducer has open at once; it merges more of them in passes, through /tmp. */
export function openCellsMax(cells: number, memoryMb: number): number {
  return cellsBudget(cells, memoryMb).runsMax;
}

/** The size of the chunks in which a reducer reads so many cells. */
export function cellChunkBytes(cells: number, memoryMb: number): number {
  return cellsBudget(cells, memoryMb).chunkBytes;
}

function cellsBudget(cells: number, memoryMb: number) {
  const memoryBytes = memoryBudgetBytes(memoryMb * MiB) * LIMITS.openRunsFraction;
  return openRunsBudget(memoryBytes, LIMITS.blockBytes, cells);
}

/** Bytes of its cells that a reducer copies to /tmp. */
export function stagedBytes(
  { cells, cellBytes }: { cells: number; cellBytes: number },
  memoryMb: number,
): number {
  if (cells === 0) return 0;
  return isStaged(cellBytes, cellChunkBytes(cells, memoryMb), memoryMb) ? cells * cellBytes : 0;
}

/** How many GETs for copies of cells of this size are in flight. */
export function cellCopiesAtOnce(cellBytes: number, memoryMb: number): number {
  const memoryBytes = memoryBudgetBytes(memoryMb * MiB) * LIMITS.openRunsFraction;
  return copiesAtOnce(Math.min(cellBytes, LIMITS.stagedRangeBytes), memoryBytes);
}

function getsOfCell(cellBytes: number, chunkBytes: number, memoryMb: number): number {
  return isStaged(cellBytes, chunkBytes, memoryMb)
    ? Math.ceil(cellBytes / LIMITS.stagedRangeBytes)
    : rangesOf(cellBytes, chunkBytes, memoryMb);
}

function isStaged(cellBytes: number, chunkBytes: number, memoryMb: number): boolean {
  return cellBytes > stagingSpace({ memoryMb, scratchMb: 0 }).streamedBytesMax(chunkBytes);
}

function rangesOf(lengthBytes: number, chunkSizeBytes: number, memoryMb: number): number {
  if (lengthBytes <= 0) return 0;
  const budget = new ReadAheadBudget({
    readAheadBytes: readAheadBytes(memoryMb * MiB),
    readRangeBytes: S3_LIMITS.readRangeBytes,
  });
  return Math.ceil(lengthBytes / budget.lease({ chunkSizeBytes, lengthBytes }).rangeBytes);
}
