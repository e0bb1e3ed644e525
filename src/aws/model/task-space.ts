/**
 * Whether what tasks spill fits the /tmp of their function. A map task spills what exceeds its sort buffer; a reduce task merges
 * in /tmp the outputs of map tasks that it cannot open at once. How much a job emits is known only when it has run, so this
 * assumes that it emits as much as it reads, as a sort does. Spills are compressed, which leaves some room.
 */
import { taskId } from '../../base/ids.ts';
import { LIMITS, MiB } from '../../base/limits.ts';
import { formatBytes } from '../../base/quantities.ts';
import { sumOf } from '../../base/sum.ts';
import { inputWeightBytes } from '../../plan/splits.ts';
import type { Split } from '../../plan/task.ts';
import type { SplitPiece } from '../../read/input-file.ts';
import { LAMBDA_FACTS } from './facts.ts';
import { memoryBudgetBytes, type TaskFunction } from './function-memory.ts';
import { openCellsMax } from './reads.ts';

export interface SpilledJob {
  readonly splits: readonly Split[];
  /** 0 for a map-only job, which spills nothing. */
  readonly reducers: number;
  /** A combiner makes what is spilled small, in most jobs. */
  readonly combines: boolean;
}

/** Says what may not fit, and what to do about it; one text per kind of task. */
export function spaceNotices(job: SpilledJob, fn: TaskFunction): string[] {
  if (job.reducers === 0 || job.combines) return [];
  return [...mapNotice(job, fn), ...reduceNotice(job, fn)];
}

function mapNotice({ splits }: SpilledJob, fn: TaskFunction): string[] {
  const sortBufferBytes = memoryBudgetBytes(fn.memoryMb * MiB) * LIMITS.sortBufferFraction;
  let [largest, largestBytes, tooLarge] = [0, 0, 0];
  for (const [index, { pieces }] of splits.entries()) {
    const bytes = sumOf(pieces, weightBytes);
    if (bytes > sortBufferBytes && bytes > fn.scratchMb * MiB) tooLarge += 1;
    if (bytes > largestBytes) [largest, largestBytes] = [index, bytes];
  }
  if (tooLarge === 0) return [];
  const { pieces } = splits[largest]!;
  const isOneFile = pieces.length === 1 && pieces[0]!.file.compression !== 'none';
  const smaller = isOneFile
    ? 'compress the input as several smaller files, since a compressed file is never cut'
    : 'choose smaller splits (splitSizeBytes)';
  const read = formatBytes(sumOf(pieces, ({ startBytes, endBytes }) => endBytes - startBytes));
  const plain = pieces.some(({ file }) => file.compression !== 'none')
    ? `, about ${formatBytes(largestBytes)} decompressed`
    : '';
  const others = tooLarge === 1 ? '' : ` (and ${tooLarge - 1} more)`;
  return [
    `map task ${taskId('map', largest)}${others} reads ${read}${plain}. If the job emits as much as it reads, the task's spills may not fit its ${fn.scratchMb} MiB of /tmp, and the job fails. ${remedy(largestBytes, smaller)}`,
  ];
}

function reduceNotice({ splits, reducers }: SpilledJob, fn: TaskFunction): string[] {
  const maps = splits.length;
  const openMax = openCellsMax(maps, fn.memoryMb);
  if (maps <= openMax) return [];
  // One merged run takes the place of those that it replaces.
  const merged = (maps - openMax + 1) / maps;
  const shuffledBytes = sumOf(splits, ({ pieces }) => sumOf(pieces, weightBytes));
  const scratchBytes = fn.scratchMb * MiB;
  const bytes = (merged * shuffledBytes) / reducers;
  if (bytes <= scratchBytes) return [];
  const more = `use at least ${Math.ceil((merged * shuffledBytes) / scratchBytes)} reducers (reducers)`;
  return [
    `a reduce task opens at most ${openMax} of the ${maps} outputs of map tasks at once, and merges the others in /tmp first: about ${formatBytes(bytes)}, if the job emits as much as it reads. That may not fit its ${fn.scratchMb} MiB of /tmp, and the job fails. ${remedy(bytes, more)}`,
  ];
}

function weightBytes({ file, startBytes, endBytes }: SplitPiece): number {
  return inputWeightBytes([{ sizeBytes: endBytes - startBytes, compression: file.compression }]);
}

function remedy(bytes: number, otherwise: string): string {
  const scratchMb = Math.ceil(bytes / MiB / 1_024) * 1_024;
  const instead = `${otherwise[0]!.toUpperCase()}${otherwise.slice(1)}`;
  if (scratchMb * MiB > LAMBDA_FACTS.scratchBytesMax.value) return instead;
  return `${instead}, or deploy with a scratchSize of at least ${scratchMb} MiB`;
}
