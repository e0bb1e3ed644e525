/**
 * Finds stragglers from when tasks have committed, without communicating with the attempts. Tasks are stragglers if most
 * tasks have committed, few are missing, and these take much longer than a typical task.
 *
 *     committed |                ___________________ 75 %        typical task = t75 / waves of tasks
 *               |      _________/                               a backup when t > t75 + 1.5 typical tasks
 *               |_____/                                         and at most a tenth of the tasks are missing
 *               +-------------- t75 ------------------> t
 *
 * Source: section 3.6 of Google's MapReduce paper. src/stages/stragglers.ts does the same with a clock at each worker.
 */
import { writeDocumentOnce } from '../../src/aws/protocol/documents.ts';
import { backupKey, cancelKey, failureKey, jobLayout } from '../../src/aws/protocol/keys.ts';
import {
  BACKUPS_FRACTION_MAX,
  BACKUPS_PER_LOOK_MAX,
  LOOKS_MAX,
  WATCH_PATIENCE_MS,
  WATCH_SECONDS_MAX,
  type WatchEvent,
  type WatchState,
} from '../../src/aws/protocol/watch-state.ts';
import { taskId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { committedTasks } from '../../src/commit/committed-tasks.ts';
import { SUCCESS_NAME } from '../../src/report/result-names.ts';
import { anyExists } from './any-exists.ts';
import { settingsOf } from './attempt.ts';
import type { StepEnvironment } from './environment.ts';

export async function watchStep(event: WatchEvent, environment: StepEnvironment): Promise<WatchState> {
  const { store, now } = environment;
  const id = event.jobId;
  const elapsedMs = Math.max(0, now().getTime() - Date.parse(event.startedAt));
  const settings = await settingsOf(id, environment);
  const layout = jobLayout(id, settings.outputPrefix);
  const tasks = settings.tasks[event.stage];
  const committed = await committedTasks(store, {
    stage: event.stage,
    layout,
    settings: settings.settings,
  });
  const hasProgress = committed.size > event.committed;
  const isMost = committed.size >= tasks * LIMITS.backupAfterCommittedFraction;
  const state = {
    ...event,
    looks: event.looks + 1,
    waitSeconds: Math.min(WATCH_SECONDS_MAX, event.waitSeconds + 1),
    committed: committed.size,
    lastProgressMs: hasProgress ? elapsedMs : event.lastProgressMs,
    mostCommittedMs: event.mostCommittedMs > 0 ? event.mostCommittedMs : isMost ? Math.max(1, elapsedMs) : 0,
  };
  const hasEnded =
    committed.size >= tasks ||
    // The intermediates are being removed, so the job has ended.
    committed.size < event.committed ||
    state.looks >= LOOKS_MAX ||
    elapsedMs - state.lastProgressMs > WATCH_PATIENCE_MS ||
    (await anyExists(store, [failureKey(id), cancelKey(id), `${layout.outputPrefix}${SUCCESS_NAME}`]));
  if (hasEnded) return { ...state, done: true, backups: [] };

  const missing = Array.from({ length: tasks }, (_, index) => index).filter((index) => !committed.has(index));
  if (
    !areStragglers({
      tasks,
      missing: missing.length,
      elapsedMs,
      mostCommittedMs: state.mostCommittedMs,
      maxConcurrency: settings.maxConcurrency,
    })
  ) {
    return { ...state, done: false, backups: [] };
  }
  const backups: { index: number }[] = [];
  for (const index of missing.slice(0, BACKUPS_PER_LOOK_MAX)) {
    // One backup per task, even if this step runs twice.
    const key = backupKey(id, taskId(event.stage, index));
    const { written } = await writeDocumentOnce(store, key, { elapsedMs });
    if (written) backups.push({ index });
  }
  return { ...state, done: false, backups };
}

export function areStragglers({
  tasks,
  missing,
  elapsedMs,
  mostCommittedMs,
  maxConcurrency,
}: {
  tasks: number;
  missing: number;
  elapsedMs: number;
  mostCommittedMs: number;
  maxConcurrency: number;
}): boolean {
  if (mostCommittedMs === 0 || missing > Math.max(1, tasks * BACKUPS_FRACTION_MAX)) return false;
  const waves = Math.ceil(tasks / maxConcurrency);
  const typicalTaskMs = mostCommittedMs / waves;
  const slowAfterMs = Math.max(LIMITS.backupAfterMsMin, LIMITS.backupSlownessFactor * typicalTaskMs);
  return elapsedMs >= mostCommittedMs + slowAfterMs;
}
