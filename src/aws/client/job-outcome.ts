/** The outcome of a job: its report if it succeeded, otherwise why it failed. */
import { type ErrorName, isErrorName, MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import type { JobReport } from '../../report/report.ts';
import { type FailureDocument, findDocument, findManifest, type WrittenHint } from '../protocol/documents.ts';
import { causeOf } from '../protocol/failure-cause.ts';
import { hintsFor, hintText, isHintKind } from '../protocol/hints.ts';
import { defaultOutputPrefix, failureKey } from '../protocol/keys.ts';
import type { Deployment } from './deployment.ts';
import type { JobExecution } from './executions.ts';
import type { JobStatus } from './job-status.ts';

/** @throws UsageError if the results no longer exist or belong to another job */
export async function readReport(
  { store }: Deployment,
  { jobId: job, plan, execution }: JobStatus,
): Promise<{ report: JobReport; outputPrefix: string }> {
  const outputPrefix = execution?.output.outputPrefix ?? plan?.outputPrefix ?? defaultOutputPrefix(job);
  const report = await findManifest(store, outputPrefix);
  if (report !== undefined && report.jobId !== job) {
    throw new MapReduceError(
      'UsageError',
      `the results of job ${job} were replaced by those of job ${report.jobId}, in ${store.location}/${outputPrefix}`,
    );
  }
  if (report !== undefined) return { report, outputPrefix };
  throw new MapReduceError(
    'UsageError',
    `the results of job ${job} are not in ${store.location}/${outputPrefix}: somebody has removed them. Submit the job again`,
  );
}

/** @throws the error that the job failed with; UsageError while it runs */
export async function assertSucceeded(deployment: Deployment, status: JobStatus): Promise<void> {
  const { phase, jobId: job } = status;
  if (phase === 'succeeded') return;
  if (phase === 'failed' || phase === 'cancelled') throw await failureOf(deployment, status);
  throw new MapReduceError(
    'UsageError',
    `job ${job} is still running (${phase}); it has no results before it succeeds. ${deployment.commandLine(`wait ${job}`)}`,
  );
}

/** Why a job failed, as a MapReduceError with the task and the stack of the user's code. */
export async function failureOf(
  { store, commandLine }: Deployment,
  { jobId: job, phase, execution, plan }: JobStatus,
): Promise<MapReduceError> {
  if (phase === 'cancelled') {
    return new MapReduceError(
      'CancelledError',
      `job ${job} was cancelled. What is committed is kept for days: resume from there with '${commandLine(`redrive ${job}`)}'`,
    );
  }
  const failure =
    (await findDocument<FailureDocument>(store, failureKey(job))) ??
    unrecordedFailure(job, { execution, isPlanned: plan !== undefined });
  const { phase: _phase, file, ...details } = failure.details;
  const next = failure.nextSteps.map((hint) => `\n  next: ${ownText(hint, commandLine)}`).join('');
  return new MapReduceError(errorNameOf(failure.error), `job ${job}: ${failure.message}${next}`, {
    details: {
      // The phase is omitted: its hint is a command for local files.
      ...details,
      ...(file === undefined ? {} : { file: `${store.location}/${file}` }),
      ...(plan === undefined ? {} : { jobName: plan.plan.settings.jobName }),
      jobId: job,
    },
  });
}

/** What failure.json would say, had the failure step been able to write it. */
function unrecordedFailure(
  job: JobId,
  { execution, isPlanned }: { execution: JobExecution | undefined; isPlanned: boolean },
): Pick<FailureDocument, 'error' | 'message' | 'details' | 'nextSteps'> {
  const { error: name = 'TaskFailedError', cause = '', status } = execution ?? {};
  const { error, message, details } = causeOf({ Error: name, Cause: cause });
  const reported = status === undefined ? '' : ` The execution is ${status}: ${message}`;
  return {
    error,
    message: `it failed and left no failure.json.${reported}`,
    details,
    nextSteps: hintsFor(error, { jobId: job, isPlanned }).map((hint) => ({ ...hint, text: hintText(hint) })),
  };
}

/** The function that wrote the hint does not know how this command was called. */
function ownText(hint: WrittenHint, commandLine: Deployment['commandLine']): string {
  return isHintKind(hint.kind) ? hintText(hint, commandLine) : hint.text;
}

function errorNameOf(name: string): ErrorName {
  return isErrorName(name) ? name : 'TaskFailedError';
}
