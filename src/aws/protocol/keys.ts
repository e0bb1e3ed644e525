/**
 * The keys of a job in the bucket. They are a public contract: handlers, the command and people rely on them.
 *
 *     input/<app>/...                 an upload here starts a job of that app on that one object
 *     data/...                        inputs that requests name; an upload here starts nothing
 *     requests/<name>.json            an upload here starts a job on many objects (job-request.ts)
 *     requests/<name>.failure.json    why that request failed, for people
 *
 *     jobs/<jobId>/request.json       the claim: the request and its execution; the first to write it runs the job
 *     jobs/<jobId>/plan/plan.json     inputs with their ETags, splits, settings; decided once
 *     jobs/<jobId>/plan/settings.json the part of it that every task reads; with the pieces of a small map stage
 *     jobs/<jobId>/plan/map.json      one item for each map task, in the form that the Distributed Map passes on
 *     jobs/<jobId>/plan/map-round-2.json      the items of the tasks that run again after a barrier
 *     jobs/<jobId>/plan/splits/m-00042.json   the pieces of a split that is too long for an item
 *     jobs/<jobId>/cancel             exists if the job was cancelled; attempts that find it stop
 *     jobs/<jobId>/failure.json       why the job failed
 *     jobs/<jobId>/attempts.jsonl.gz  what its attempts did, if it failed or was cancelled (src/report/attempt-rows.ts)
 *
 *     work/<jobId>/...                data that only the running job needs (src/commit/layout.ts); and
 *     work/<jobId>/failures/<attemptId>.json  attempts that failed
 *     work/<jobId>/backups/m-00042    a task that has a backup attempt
 *     work/<jobId>/map-stage.json     the result of a barrier, for the commit
 *
 *     output/<jobId>/part-r-00000.tsv, manifest.json, _report.html, _attempts.jsonl.gz, _SUCCESS; and
 *     output/<jobId>/_JOB             which job owns the output
 *
 * Intermediates have their own prefix, because lifecycle rules and IAM statements apply to prefixes. `work/` expires after
 * days, while `jobs/` stays for weeks, so that a late duplicate of an upload event does not run the job again.
 */
import { type AttemptId, isAttemptId, type JobId, type Stage, type TaskId } from '../../base/ids.ts';
import type { JobLayout } from '../../plan/task.ts';
import { OUTPUT_CLAIM_NAME } from '../../report/result-names.ts';

export const INPUT_PREFIX = 'input/';
export const DATA_PREFIX = 'data/';
export const REQUESTS_PREFIX = 'requests/';
export const JOBS_PREFIX = 'jobs/';
export const WORK_PREFIX = 'work/';
export const OUTPUT_PREFIX = 'output/';

export const REQUEST_SUFFIX = '.json';
export const FAILURE_SUFFIX = '.failure.json';

/** Stands for any job in a pattern of keys. */
export const ANY_JOB = '*';
type JobOrAny = JobId | typeof ANY_JOB;

export function jobLayout(job: JobOrAny, outputPrefix: string = defaultOutputPrefix(job)): JobLayout {
  return { workPrefix: `${WORK_PREFIX}${job}/`, outputPrefix };
}

export function defaultOutputPrefix(job: JobOrAny): string {
  return `${OUTPUT_PREFIX}${job}/`;
}

export function requestKey(job: JobOrAny): string {
  return `${JOBS_PREFIX}${job}/request.json`;
}

export function planPrefix(job: JobOrAny): string {
  return `${JOBS_PREFIX}${job}/plan/`;
}

export function planKey(job: JobId): string {
  return `${planPrefix(job)}plan.json`;
}

export function settingsKey(job: JobId): string {
  return `${planPrefix(job)}settings.json`;
}

/** The items of all tasks of a stage; if a round is given, of the tasks that run in that round. */
export function itemsKey(job: JobId, stage: Stage, round?: number): string {
  return `${planPrefix(job)}${stage}${round === undefined ? '' : `-round-${round}`}.json`;
}

export function splitKey(job: JobId, task: TaskId): string {
  return `${planPrefix(job)}splits/${task}.json`;
}

export function cancelKey(job: JobOrAny): string {
  return `${JOBS_PREFIX}${job}/cancel`;
}

export function failureKey(job: JobOrAny): string {
  return `${JOBS_PREFIX}${job}/failure.json`;
}

/** The attempts of a job that failed or was cancelled. */
export function attemptsKey(job: JobOrAny): string {
  return `${JOBS_PREFIX}${job}/attempts.jsonl.gz`;
}

/** `requests/daily.json` -> `requests/daily.failure.json`. */
export function requestFailureKey(requestObjectKey: string): string {
  return `${requestObjectKey.slice(0, -REQUEST_SUFFIX.length)}${FAILURE_SUFFIX}`;
}

export function attemptFailuresPrefix(job: JobOrAny): string {
  return `${WORK_PREFIX}${job}/failures/`;
}

export function attemptFailureKey(job: JobId, attempt: AttemptId): string {
  return `${attemptFailuresPrefix(job)}${attempt}.json`;
}

/** Returns the attempt named in a key from attemptFailureKey(); undefined for other keys. */
export function attemptOfFailureKey(key: string): AttemptId | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
  return isAttemptId(name) ? name : undefined;
}

export function backupsPrefix(job: JobOrAny): string {
  return `${WORK_PREFIX}${job}/backups/`;
}

/** Exists if a task has had its backup attempt. */
export function backupKey(job: JobId, task: TaskId): string {
  return `${backupsPrefix(job)}${task}`;
}

export function stageKey(job: JobOrAny, stage: Stage): string {
  return `${WORK_PREFIX}${job}/${stage}-stage.json`;
}

/** Names the job that owns the output, so that two jobs never write to the same one (lambdas/steps/output-claim.ts). */
export function outputClaimKey(outputPrefix: string): string {
  return `${outputPrefix}${OUTPUT_CLAIM_NAME}`;
}
