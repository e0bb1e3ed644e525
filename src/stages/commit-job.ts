/**
 * Commits a job: writes manifest.json and what lies beside it, then _SUCCESS. A folder with _SUCCESS holds a complete result; a folder without it
 * must not be trusted. The intermediates are removed afterwards. If that fails, the result stays.
 *
 * Called once after the last barrier, and again if it failed. Idempotent.
 */
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { JobLayout } from '../plan/task.ts';
import { type AttemptRow, encodeAttempts } from '../report/attempt-rows.ts';
import type { JobReport } from '../report/report.ts';
import {
  ATTEMPTS_NAME,
  BAD_RECORDS_NAME,
  MANIFEST_NAME,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../report/result-names.ts';
import type { BadRecordsSummary } from '../report/task-summary.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export async function commitJob({
  report,
  attempts,
  badRecords,
  page,
  store,
  layout,
}: {
  report: JobReport;
  /** What each attempt did. If given, it is listed beside the result. */
  attempts?: readonly AttemptRow[];
  /** Those that were skipped, listed beside the result. */
  badRecords?: BadRecordsSummary | undefined;
  /** The report as HTML. If given, it is written to the output as well. */
  page?: string;
  store: ObjectStore;
  layout: JobLayout;
}): Promise<void> {
  const files: [name: string, body: Uint8Array][] = [
    [MANIFEST_NAME, Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`)],
  ];
  if (attempts !== undefined) files.push([ATTEMPTS_NAME, encodeAttempts(attempts)]);
  if (badRecords !== undefined) {
    const lines = badRecords.first.map((place) => `${JSON.stringify(place)}\n`);
    files.push([BAD_RECORDS_NAME, Buffer.from(lines.join(''))]);
  }
  if (page !== undefined) files.push([REPORT_NAME, Buffer.from(page)]);
  await mapBounded(files, files.length, ([name, body]) => store.put(`${layout.outputPrefix}${name}`, body));
  await store.put(`${layout.outputPrefix}${SUCCESS_NAME}`, Buffer.alloc(0));
}

/** Removes the job's intermediates. Called after the commit, or if the job will not commit. */
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
