/**
 * Merges runs into runs: the spills of a map task into its shuffle object, and a reducer's runs into fewer when there
 * are more than may be open at once.
 */
import type { AttemptControl } from '../base/progress.ts';
import { consumeMerge, RecordCopier, type RecordSink } from './consume-merge.ts';
import { type Folding, GroupFolder } from './group-folder.ts';
import { LocalRun, type LocalRunOptions } from './local-run.ts';
import type { OpenRunsBudget } from './open-runs.ts';
import type { RunSegment } from './run-reader.ts';

export interface MergeRunsOptions {
  readonly budget: OpenRunsBudget;
  /** Equal keys are folded into one record; without it, all records are kept. */
  readonly folding: Folding | undefined;
  readonly control: AttemptControl;
}

interface MergedCounts {
  readonly recordsRead: number;
  readonly recordsWritten: number;
}

/** Appends the merged records of the segments to the sink. */
export async function mergeInto(
  sink: RecordSink,
  segments: readonly RunSegment[],
  { budget, folding, control }: MergeRunsOptions,
): Promise<MergedCounts> {
  const consumer = folding === undefined ? new RecordCopier(sink) : new GroupFolder(folding, sink);
  await consumeMerge(segments, { consumer, sink, chunkBytes: budget.chunkBytes, control });
  return consumer;
}

export interface ReduceRunCountOptions extends MergeRunsOptions {
  readonly scratch: LocalRunOptions;
  /** Called for each merged run, with its bytes on disk and how many records folding saved. */
  readonly onMerged: (merged: { bytes: number; recordsFolded: number }) => void;
}

/**
 * Merges neighbouring runs into local ones until at most `budget.runsMax` are left. Order is kept: a merged run takes
 * the place of those that it was made of. Each pass reads and writes everything once; of two passes the first merges
 * only as many as it must.
 */
export async function reduceRunCount(
  segments: readonly RunSegment[],
  options: ReduceRunCountOptions,
): Promise<readonly RunSegment[]> {
  const { runsMax } = options.budget;
  let current = segments;
  for (let pass = 0; current.length > runsMax; pass++) {
    const next: RunSegment[] = [];
    // Groups as large as may be, but no more merging than it takes to get down to runsMax.
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
  const run = new LocalRun(name, options.scratch);
  try {
    const { recordsRead, recordsWritten } = await mergeInto(run, segments, options);
    run.writer.endPartition();
    options.onMerged({ bytes: run.writer.bytesWritten, recordsFolded: recordsRead - recordsWritten });
  } catch (error) {
    run.abandon();
    throw error;
  }
  return run.finish();
}
