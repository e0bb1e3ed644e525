/** Sums up a stage for the progress display and for its report. */
import type { Stage } from '../../base/ids.ts';
import type { StageProgress, StageReport } from '../../report/report.ts';
import type { StageTask } from './stage-task.ts';

/** The coordinator's running counts. */
export interface AttemptCounts {
  committed: number;
  attempts: number;
  failedAttempts: number;
  backupAttempts: number;
}

export function stageReport(
  stage: Stage,
  tasks: readonly StageTask[],
  counts: AttemptCounts,
  wallMs: number,
): StageReport {
  const sums = {
    recordsRead: 0,
    bytesRead: 0,
    recordsWritten: 0,
    bytesWritten: 0,
    spills: 0,
    bytesSpilled: 0,
  };
  for (const { state } of tasks) {
    if (state.kind !== 'committed') continue;
    // The cast: Object.keys() forgets the names.
    for (const field of Object.keys(sums) as (keyof typeof sums)[]) sums[field] += state.result[field];
  }
  const { attempts, failedAttempts, backupAttempts } = counts;
  return {
    stage,
    tasks: tasks.length,
    attempts,
    failedAttempts,
    backupAttempts,
    wallMs: Math.round(wallMs),
    ...sums,
  };
}

/** How much tasks have read. The coordinator adds up committed tasks as they commit; stageProgress() adds the running ones. */
export interface ReadSoFar {
  records: number;
  bytes: number;
}

export function stageProgress(options: {
  readonly stage: Stage;
  readonly tasks: number;
  readonly running: Iterable<StageTask>;
  readonly committedReads: Readonly<ReadSoFar>;
  readonly counts: AttemptCounts;
  readonly bytesTotal: number | undefined;
  readonly elapsedMs: number;
}): StageProgress {
  let { records, bytes } = options.committedReads;
  let running = 0;
  for (const task of options.running) {
    running++;
    const furthest = furthestRead(task);
    records += furthest.records;
    bytes += furthest.bytes;
  }
  return {
    stage: options.stage,
    tasks: options.tasks,
    done: options.counts.committed,
    running,
    failedAttempts: options.counts.failedAttempts,
    records,
    bytes,
    bytesTotal: options.bytesTotal,
    elapsedMs: options.elapsedMs,
  };
}

/** Returns how much the running attempt has read; the larger figure if two attempts race. */
function furthestRead(task: StageTask): ReadSoFar {
  const furthest = { records: 0, bytes: 0 };
  if (task.state.kind === 'committed') return furthest;
  for (const { handle } of task.running) {
    const progress = handle.progress();
    if (!progress || progress.bytesRead < furthest.bytes) continue;
    furthest.records = progress.recordsRead;
    furthest.bytes = progress.bytesRead;
  }
  return furthest;
}
