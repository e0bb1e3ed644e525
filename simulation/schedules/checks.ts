/**
 * Checks what a schedule has left: the result of each job against a run without faults, and the books: records, counters,
 * attempts, claims, leftovers, histories. Returns what is wrong, in words; nothing if all is well.
 */
import { ERROR_NAMES } from '../../src/base/error-table.ts';
import { parseManifest } from '../../src/report/manifest.ts';
import type { JobReport } from '../../src/report/report.ts';
import {
  ATTEMPTS_NAME,
  MANIFEST_NAME,
  OUTPUT_CLAIM_NAME,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../../src/report/result-names.ts';
import type { Execution } from '../step-functions/step-functions.ts';
import type { Change } from './observed-bucket.ts';
import { type JobStart, type Scenario, SHARED_OUTPUT } from './scenario.ts';
import type { Played } from './schedule.ts';
import { type ExpectedResult, plainNameOf } from './small-jobs.ts';

const HISTORY_EVENTS_MAX = 25_000;
/** These say that the project is wrong, or the request; no fault of a schedule causes them. */
const DEFECTS: readonly string[] = [
  'BooksDoNotBalanceError',
  'JobDefinitionError',
  'UsageError',
  'PreconditionFailedError',
  'InputChangedError',
  'InputNotFoundError',
  'CorruptInputError',
];
/** Exactly one attempt commits a task: it writes an object of such a key, which no other attempt replaces. */
const COMMITTED = /^work\/[^/]+\/(?:shuffle|merge|files)\/[mr]-\d+$|^output\/[^/]+\/part-[mr]-\d+\.[a-z]+$/;
/** A job whose failure could not be recorded fails with the error of the step. */
const OF_LAMBDA: readonly RegExp[] = [
  /^Lambda\./,
  /^Runtime\./,
  /^Sandbox\./,
  /^States\.(Timeout|ExceedTolerated)/,
];

/** @param expected  of the job with this id (SmallJob.id) */
export function problemsOf(played: Played, expected: (smallJob: number) => ExpectedResult): string[] {
  const { scenario, bucket, hang, functions } = played;
  if (hang !== undefined) return [`it did not end: ${hang}`];
  return [
    ...scenario.starts.flatMap((start) => jobProblems(played, start, expected(start.job.id))),
    ...played.executions.flatMap((execution) => executionProblems(execution)),
    ...bucket.changes
      .filter(({ key, isReplaced }) => isReplaced && COMMITTED.test(key))
      .map(({ key, atMs }) => `${key} was committed twice, at ${Math.round(atMs)} ms`),
    ...functions.overruns.map(
      ({ name, atMs }) => `${name} was still running at its time limit, at ${Math.round(atMs / 1_000)} s`,
    ),
  ];
}

function executionProblems({ name, status, history, children, error = '', cause = '' }: Execution): string[] {
  const events = Math.max(history.events, ...children.map((child) => child.events));
  const problems: string[] = [];
  if (events >= HISTORY_EVENTS_MAX) problems.push(`${name} has a history of ${events} events`);
  const isKnown =
    ERROR_NAMES.some((known) => known === error) || OF_LAMBDA.some((pattern) => pattern.test(error));
  // The first execution may not even have claimed the job.
  const isRefused = error === 'UsageError' && cause.includes('there is no job');
  if (status === 'FAILED' && !isRefused && (!isKnown || DEFECTS.includes(error))) {
    problems.push(`${name} failed with ${error}`);
  }
  return problems;
}

interface Outcome {
  readonly start: JobStart;
  readonly prefix: string;
  /** An execution ended with a result of this job. */
  readonly hasSucceeded: boolean;
  /** When the job first owned the output and had its _SUCCESS there. */
  readonly publishedAtMs: number | undefined;
  readonly isOwner: boolean;
}

function jobProblems(played: Played, start: JobStart, expected: ExpectedResult): string[] {
  const { scenario, bucket } = played;
  const prefix = scenario.starts.length > 1 ? SHARED_OUTPUT : `output/${start.jobId}/`;
  const executions = executionsOf(played, start.jobId);
  const outcome: Outcome = {
    start,
    prefix,
    hasSucceeded: executions.some(hasResult),
    publishedAtMs: bucket.publishedAtMs.get(start.jobId),
    isOwner: bucket.ownerOf(prefix) === start.jobId,
  };
  return [
    ...endProblems(played, outcome, executions),
    ...(outcome.publishedAtMs !== undefined && outcome.isOwner
      ? [...resultProblems(played, outcome, expected), ...leftoverProblems(played, outcome)]
      : []),
  ].map((problem) => `job ${start.jobId} (${start.job.app}): ${problem}`);
}

function executionsOf({ executions }: Played, jobId: string): Execution[] {
  return executions.filter(({ name }) => name === jobId || name.startsWith(`${jobId}-`));
}

function hasResult({ status, history }: Execution): boolean {
  return status === 'SUCCEEDED' && history.entered.at(-1) === 'Done';
}

/** Not an execution that found the result of an earlier one. */
function isAssembled({ history }: Execution): boolean {
  return history.entered.some((state) => state.endsWith('Barrier'));
}

function endProblems(
  { scenario, bucket, functions: { removedLate } }: Played,
  outcome: Outcome,
  executions: readonly Execution[],
): string[] {
  const { start, prefix, hasSucceeded, publishedAtMs, isOwner } = outcome;
  const problems: string[] = [];
  const { length } = executions.filter((execution) => hasResult(execution) && isAssembled(execution));
  if (length > 1) problems.push(`${length} executions have assembled its result`);
  if (hasSucceeded && publishedAtMs === undefined) {
    problems.push('it reports a result, but never had _SUCCESS in an output that it owned');
  }
  const success = bucket.successOf(prefix);
  const mayVanish = removedLate.has(`${prefix}${SUCCESS_NAME}`);
  if (isOwner && publishedAtMs !== undefined && success === undefined && !mayVanish)
    problems.push('its _SUCCESS has vanished');
  if (isOwner && success !== undefined && success !== start.jobId)
    problems.push(`_SUCCESS is of job ${success}`);
  if (!isOwner && success === start.jobId) problems.push('its _SUCCESS is in the output of another job');
  if (!hasSucceeded && mustSucceed(scenario, start)) {
    problems.push(
      `it had to succeed, but: ${executions.map(({ name, status, error, cause = '' }) => `${name} ${status} ${error} ${cause.slice(0, 200)}`).join('; ')}`,
    );
  }
  return problems;
}

/** Whether nothing happens that a job may fail of. */
function mustSucceed({ isMild, starts, cancelMs }: Scenario, { jobId }: JobStart): boolean {
  return isMild && (cancelMs === undefined || jobId !== starts[0]!.jobId) && starts.length === 1;
}

function resultProblems(
  { bucket, functions: { removedLate } }: Played,
  { start, prefix }: Outcome,
  expected: ExpectedResult,
): string[] {
  const text = bucket.text(`${prefix}${MANIFEST_NAME}`);
  if (text === undefined) return removedLate.has(`${prefix}${MANIFEST_NAME}`) ? [] : ['it has no manifest'];
  const manifest = parseManifest(text, 'manifest');
  if (manifest.jobId !== start.jobId) return [`the manifest is of job ${manifest.jobId}`];
  const problems = booksProblems(manifest, expected);
  const names = Object.keys(expected.files);
  const plainNames = manifest.parts.map(({ name }) => plainNameOf(name));
  if (plainNames.toSorted().join() !== names.toSorted().join()) {
    problems.push(`it has the files ${plainNames.join()}, not ${names.join()}`);
  }
  for (const { name } of manifest.parts) {
    const bytes = bucket.text(`${prefix}${name}`);
    if (bytes === undefined && removedLate.has(`${prefix}${name}`)) continue;
    if (bytes === undefined) problems.push(`${name} is missing`);
    else if (bytes !== expected.files[plainNameOf(name)]) problems.push(`${name} has other bytes`);
  }
  return problems;
}

function booksProblems(
  { stages, counters, parts, partitionRecords }: JobReport,
  expected: ExpectedResult,
): string[] {
  const problems: string[] = [];
  const compare = (what: string, found: unknown, right: unknown) => {
    const [text, rightText] = [JSON.stringify(found), JSON.stringify(right)];
    if (text !== rightText) problems.push(`${what}: ${text} instead of ${rightText}`);
  };
  compare('counters', counters, expected.counters);
  compare(
    'records read',
    stages.map((stage) => stage.recordsRead),
    expected.recordsRead,
  );
  compare(
    'records written',
    stages.map((stage) => stage.recordsWritten),
    expected.recordsWritten,
  );
  compare('records by partition', partitionRecords, expected.partitionRecords);
  const { recordsWritten } = stages.at(-1)!;
  const partRecords = parts.reduce((sum, { records }) => sum + records, 0);
  compare('records of the parts', partRecords, recordsWritten);
  for (const { stage, tasks, attempts, failedAttempts, backupAttempts } of stages) {
    compare(`attempts of ${stage}`, attempts, tasks + failedAttempts + backupAttempts);
  }
  return problems;
}

/** What may be in an output or below work/, and whether the result changed after its commit. */
function leftoverProblems(
  { bucket, functions: { removedLate } }: Played,
  { start, prefix, hasSucceeded, publishedAtMs }: Outcome,
): string[] {
  const problems: string[] = [];
  const text = bucket.text(`${prefix}${MANIFEST_NAME}`);
  if (text === undefined) return [];
  const parts = parseManifest(text, 'manifest').parts.map(({ name }) => name);
  const own = [MANIFEST_NAME, ATTEMPTS_NAME, REPORT_NAME, SUCCESS_NAME, OUTPUT_CLAIM_NAME];
  const written = lastWrites(bucket.changes);
  const isLate = (key: string) => (written.get(key) ?? 0) > publishedAtMs!;
  for (const key of bucket.keys(prefix)) {
    const name = key.slice(prefix.length);
    if (own.includes(name) || parts.includes(name)) continue;
    // An attempt that was stopped for long may write a file of its own when the job has ended; nothing lists it.
    if (!isLate(key)) problems.push(`${key} is left in the output`);
  }
  for (const key of bucket.keys(`work/${start.jobId}/`)) {
    // If every execution failed or was cancelled after _SUCCESS, a redrive removes these, or they expire.
    if (hasSucceeded && !isLate(key)) problems.push(`${key} is left`);
  }
  const etags = new Map<string, string>();
  for (const { key, atMs, kind, writer, etag } of bucket.changes) {
    if (!parts.some((name) => key === `${prefix}${name}`)) continue;
    // A second commit may write the same bytes again.
    const isSame = kind === 'written' && etags.get(key) === etag;
    const isRemovedLate = kind === 'deleted' && removedLate.has(key);
    if (atMs > publishedAtMs! && !isSame && !isRemovedLate)
      problems.push(`${key} was ${kind} after the commit by ${writer}`);
    etags.set(key, etag);
  }
  return problems;
}

function lastWrites(changes: readonly Change[]): Map<string, number> {
  return new Map(changes.filter(({ kind }) => kind === 'written').map(({ key, atMs }) => [key, atMs]));
}
