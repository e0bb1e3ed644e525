/**
 * The end of a job: manifest.json, then _SUCCESS. Whoever finds _SUCCESS finds a whole result; whoever does not must not
 * trust what lies there. What was only needed on the way is removed after that: where it cannot be, the result stays.
 *
 * Called once after the last barrier, again when it failed. Idempotent.
 */
import { addCounters, type Counters, newCounters, sortedCounters } from '../base/counters.ts';
import { taskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { JobLayout, JobPlan } from '../plan/task.ts';
import type { JobReport, PartReport } from '../report/report.ts';
import { MANIFEST_NAME, partName, REPORT_NAME, SUCCESS_NAME } from '../report/result-names.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** One part for each committed task of the last stage. */
export function partReports(
  plan: JobPlan,
  summaries: readonly TaskSummary[],
  extension: string,
): PartReport[] {
  const stage = plan.settings.reducers === 0 ? 'map' : 'reduce';
  return summaries.map((summary, index) => ({
    name: partName(taskId(stage, index), extension),
    records: summary.recordsWritten,
    bytes: summary.bytesWritten,
    crc32: summary.crc32,
  }));
}

/** The user's counters, of committed attempts only. */
export function jobCounters(summaries: readonly TaskSummary[]): Counters {
  const total = newCounters();
  for (const summary of summaries) addCounters(total, summary.counters);
  return sortedCounters(total);
}

export async function commitJob({
  report,
  page,
  store,
  layout,
}: {
  report: JobReport;
  /** The report as HTML, where it goes into the output too. */
  page?: string;
  store: ObjectStore;
  layout: JobLayout;
}): Promise<void> {
  await store.put(
    `${layout.outputPrefix}${MANIFEST_NAME}`,
    Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`),
  );
  if (page !== undefined) await store.put(`${layout.outputPrefix}${REPORT_NAME}`, Buffer.from(page));
  await store.put(`${layout.outputPrefix}${SUCCESS_NAME}`, Buffer.alloc(0));
}

/** Removes the job's intermediates: after the commit, or when there will be none. */
export async function removeWork(store: ObjectStore, layout: JobLayout): Promise<void> {
  await removePrefix(store, layout.workPrefix);
}

export async function removePrefix(
  store: ObjectStore,
  prefix: string,
  picks: (key: string) => boolean = () => true,
): Promise<void> {
  let batch: string[] = [];
  for await (const { key } of store.list(prefix)) {
    if (!picks(key)) continue;
    batch.push(key);
    if (batch.length === LIMITS.deletesPerCallMax) {
      await store.delete(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await store.delete(batch);
}
