/**
 * The list of the attempts of a job on AWS. The commit writes it beside the result. A job that fails or is cancelled has no
 * result, so its list is in the job's folder.
 */

import type { JobId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { committedSummary } from '../../commit/committed-summary.ts';
import { committedTasks } from '../../commit/committed-tasks.ts';
import { stagesOf } from '../../plan/stages.ts';
import { type AttemptRow, committedRow, encodeAttempts, otherRow } from '../../report/attempt-rows.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { readFailures } from './attempt-failures.ts';
import {
  type AttemptFailureDocument,
  findDocument,
  type SettingsDocument,
  type StageDocument,
} from './documents.ts';
import { attemptsKey, jobLayout, settingsKey, stageKey } from './keys.ts';

/** Tasks of a stage without a barrier whose committed objects are read, one request for each. */
const SUMMARIES_READ_MAX = 2_000;

/** Attempts that were superseded or stopped leave nothing: writing it would cost a request for each. */
export function attemptRows(
  summaries: readonly TaskSummary[],
  failures: readonly AttemptFailureDocument[],
): AttemptRow[] {
  return [...summaries.map(committedRow), ...failures.map(failedRow)];
}

/**
 * Collects the attempts of a job that has not succeeded (yet). For a stage whose barrier has not closed, it reads what the
 * tasks have committed: at most SUMMARIES_READ_MAX of them, and none once `isLate`.
 *
 * @returns undefined if the job has not been planned, or its plan has expired
 */
export async function collectAttempts(
  store: ObjectStore,
  id: JobId,
  { isLate = () => false }: { isLate?: () => boolean } = {},
): Promise<AttemptRow[] | undefined> {
  const planned = await findDocument<SettingsDocument>(store, settingsKey(id));
  if (planned === undefined) return undefined;
  const summaries: TaskSummary[] = [];
  for (const stage of stagesOf(planned.settings)) {
    const closed = await findDocument<StageDocument>(store, stageKey(id, stage));
    if (closed !== undefined) {
      summaries.push(...closed.summaries);
      continue;
    }
    const layout = jobLayout(id, planned.outputPrefix);
    const { settings } = planned;
    const tasks = await committedTasks(store, { stage, layout, settings });
    const read = await mapBounded(
      [...tasks].slice(0, SUMMARIES_READ_MAX),
      LIMITS.barrierReadsMax,
      async ([index, object]) =>
        isLate() ? undefined : committedSummary(store, { object, stage, index, layout, settings }),
    );
    summaries.push(...read.filter((summary) => summary !== undefined));
    break;
  }
  return attemptRows(summaries, await readFailures(store, id));
}

/** Keeps the attempts in the job's folder, where they stay as long as the reason of a failure. Does nothing without a plan. */
export async function keepAttempts(
  store: ObjectStore,
  id: JobId,
  options: { isLate?: () => boolean } = {},
): Promise<void> {
  const rows = await collectAttempts(store, id, options);
  if (rows !== undefined) await store.put(attemptsKey(id), encodeAttempts(rows));
}

function failedRow({ attemptId, at, measured, figures, error }: AttemptFailureDocument): AttemptRow {
  return otherRow({ attemptId, outcome: 'failed', endedAt: at, measured, figures, error });
}
