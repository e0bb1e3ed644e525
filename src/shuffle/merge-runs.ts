/**
 * Merges sorted runs. A map task merges its spills into its shuffle object. If a reducer has more runs than it may open
 * at once, it first merges them into fewer.
 */

import type { AttemptControl } from '../base/progress.ts';
import { sumOf } from '../base/sum.ts';
import type { Folding } from '../fold/fold.ts';
import { consumeMerge, RecordCopier } from './consume-merge.ts';
import { GroupFolder } from './group-folder.ts';
import { LocalRun, type LocalRunOptions } from './local-run.ts';
import type { MergeTiming } from './merge-options.ts';
import type { OpenRunsBudget } from './open-runs.ts';
import type { RecordSink } from './record-sink.ts';
import type { RunSegment } from './run-reader.ts';
import type { CellStager } from './staged-cells.ts';

export interface MergeRunsOptions {
  readonly budget: OpenRunsBudget;
  /** How to fold the records of equal keys into one. If undefined, all records are kept. */
  readonly folding: Folding | undefined;
  readonly control: AttemptControl;
  readonly timing?: MergeTiming;
}

interface MergedCounts {
  readonly recordsRead: number;
  readonly recordsWritten: number;
}

/** Appends the merged records of the segments to the sink. */
export async function mergeInto(
  sink: RecordSink,
  segments: readonly RunSegment[],
  { budget, folding, control, timing }: MergeRunsOptions,
): Promise<MergedCounts> {
  const consumer = folding === undefined ? new RecordCopier(sink) : new GroupFolder(folding, sink);
  const { chunkBytes } = budget;
  await consumeMerge(segments, { consumer, sink, chunkBytes, control, ...(timing && { timing }) });
  return consumer;
}

export interface ReduceRunCountOptions extends MergeRunsOptions {
  readonly scratch: LocalRunOptions;
  /** Copies what is far away before a merge. */
  readonly stager?: CellStager | undefined;
  /** Called for each merged run, with its size on disk and the number of records that folding removed. */
  readonly onMerged: (merged: { bytes: number; recordsFolded: number }) => void;
}

/**
 * Merges neighbouring runs into local runs until at most `budget.runsMax` are left. A merged run takes the place of the
 * runs that it replaces, so the order is kept. A pass reads and writes each record at most once, and merges no more
 * runs than necessary.
 */
export async function reduceRunCount(
  segments: readonly RunSegment[],
  options: ReduceRunCountOptions,
): Promise<readonly RunSegment[]> {
  const { runsMax } = options.budget;
  let current = segments;
  for (let pass = 0; current.length > runsMax; pass++) {
    const next: RunSegment[] = [];
    // Merge groups that are as large as allowed, but stop as soon as runsMax runs are left.
    let surplus = current.length - runsMax;
    for (let start = 0; start < current.length; ) {
      const size = Math.max(1, Math.min(runsMax, surplus + 1, current.length - start));
      const group = current.slice(start, start + size);
      if (size === 1) next.push(...group);
      else next.push(...(await mergeLocally(group, `merge-${pass}-${next.length}`, options)));
      surplus -= size - 1;
      start += size;
    }
    current = next;
  }
  return current;
}

async function mergeLocally(
  segments: readonly RunSegment[],
  name: string,
  options: ReduceRunCountOptions,
): Promise<RunSegment[]> {
  const reservedBytes = sumOf(segments, ({ startBytes, endBytes }) => endBytes - startBytes);
  const near = await options.stager?.stage(segments, { reservedBytes });
  const run = new LocalRun(name, options.scratch);
  try {
    const { recordsRead, recordsWritten } = await mergeInto(run, near?.segments ?? segments, options);
    run.writer.endPartition();
    options.stager?.written(run.writer.bytesWritten);
    options.onMerged({ bytes: run.writer.bytesWritten, recordsFolded: recordsRead - recordsWritten });
    await near?.release();
  } catch (error) {
    run.abandon();
    throw error;
  }
  return run.finish();
}
