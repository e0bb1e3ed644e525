/**
 * Runs one attempt of one task on Lambda: reads the settings, creates its folder in /tmp, lets it check for cancellation,
 * and writes a failure note if it fails.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stagingSpace } from '../../src/aws/model/function-memory.ts';
import { ATTEMPT_CHECK_MS } from '../../src/aws/protocol/attempt-checks.ts';
import { BACKUP_MARK, isFailure, recordFailure } from '../../src/aws/protocol/attempt-failures.ts';
import { assertOwnCode } from '../../src/aws/protocol/code-hash.ts';
import { readDocument, type SettingsDocument } from '../../src/aws/protocol/documents.ts';
import { cancelKey, failureKey, jobLayout, settingsKey } from '../../src/aws/protocol/keys.ts';
import { type Death, deathOf, reportedFailure } from '../../src/aws/protocol/lambda-reports.ts';
import type { Clock } from '../../src/base/clock.ts';
import { deserializeError, isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { type AttemptId, attemptId, type JobId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { type AttemptControl, newProgress, type Progress } from '../../src/base/progress.ts';
import { committedKey } from '../../src/commit/layout.ts';
import type { TaskEnvironment, TaskSpec } from '../../src/plan/task.ts';
import { AttemptMeter } from '../../src/report/attempt-meter.ts';
import { figuresSoFar } from '../../src/report/attempt-rows.ts';
import { SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { TaskResult } from '../../src/report/task-summary.ts';
import { anyExists } from './any-exists.ts';
import type { Invocation, StepEnvironment } from './environment.ts';
import { FencedStore } from './fenced-store.ts';
import type { InstanceOfAttempt } from './function-instance.ts';
import { TurnTakingStore } from './turn-taking-store.ts';

/** An attempt with less time left than this stops with a DeadlineNearError; its retry starts from the beginning. */
export const DEADLINE_RESERVE_MS = 10_000;
/** The reserve is at most this fraction of the time limit, so that a function with a short limit has time to work. */
const DEADLINE_RESERVE_FRACTION_MAX = 1 / 3;

export interface AttemptRequest {
  readonly jobId: JobId;
  readonly spec: Pick<TaskSpec, 'stage' | 'index' | 'taskId'>;
  /** How many attempts failed since this child execution began, or since the last death. */
  readonly retry: number;
  /** How often the function died while it ran this task, and the last reported error. */
  readonly deaths: number;
  readonly death: Death;
  /** This attempt runs in parallel to a slow one. */
  readonly backup: boolean;
  readonly run: (attempt: AttemptId, environment: TaskEnvironment) => Promise<TaskResult>;
}

/** @returns undefined if another attempt has already committed the task */
export async function runAttempt(
  request: AttemptRequest,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<TaskResult | undefined> {
  const { spec, backup, retry, deaths } = request;
  const { clock, now } = environment;
  const attempt = attemptId(spec.taskId, `${backup ? BACKUP_MARK : ''}${invocation.requestId}`);
  const instance = environment.instance.begin();
  const meter = new AttemptMeter({ clock, now, retry: retry + deaths, ...instance });
  const measured: MeasuredAttempt = { attempt, instance, meter, progress: newProgress() };
  try {
    const result = await makeAttempt(request, measured, environment, invocation);
    if (!result?.committed) instance.leavesNoFacts();
    return result;
  } catch (error) {
    if (isFailure(error)) await noteFailure(error, request, measured, environment);
    else instance.leavesNoFacts();
    throw error;
  }
}

interface MeasuredAttempt {
  readonly attempt: AttemptId;
  readonly instance: InstanceOfAttempt;
  readonly meter: AttemptMeter;
  readonly progress: Progress;
}

async function noteFailure(
  error: unknown,
  { jobId, spec: { taskId } }: AttemptRequest,
  { attempt, instance, meter, progress }: MeasuredAttempt,
  { store, now }: StepEnvironment,
): Promise<void> {
  instance.readsBeforeCommit = 0;
  await recordFailure(store, {
    jobId,
    taskId,
    attemptId: attempt,
    at: now(),
    error,
    measured: meter.measured([0, 1]),
    figures: figuresSoFar(progress),
  }).catch(() => {
    // If the note cannot be written, the error still goes to Step Functions and to the log.
    instance.leavesNoFacts();
  });
}

async function makeAttempt(
  { jobId, spec, retry, deaths, death, backup, run }: AttemptRequest,
  { attempt, instance, meter, progress }: MeasuredAttempt,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<TaskResult | undefined> {
  const { store, clock } = environment;
  if (deaths > 0) await noteDeath({ jobId, spec, deaths, death }, environment);
  const { app, settings, outputPrefix, codeHash } = await settingsOfTask({ jobId, spec }, environment);
  assertOwnCode(jobId, { expected: codeHash, own: environment.codeHash });
  const job = await environment.jobs.find(app);
  const layout = jobLayout(jobId, outputPrefix);
  const resultKey = committedKey(layout, spec.taskId, { settings, extension: job.output.extension });
  // Lambda may start a backup attempt late, when the job has already ended.
  if (backup && (await anyExists(store, [`${outputPrefix}${SUCCESS_NAME}`, failureKey(jobId)])))
    return undefined;
  if ((retry > 0 || deaths > 0 || backup) && (await store.head(resultKey)) !== undefined) return undefined;
  checkDeaths({ jobId, spec, deaths, death });
  const control = new LambdaAttemptControl({ jobId, resultKey, environment, invocation });
  const turnTaking = new TurnTakingStore(store, clock);
  const isListed = settings.severalFiles === true;
  const assertWanted = () => control.assertWanted(isListed);
  const fenced = new FencedStore(store, { outputPrefix, assertWanted, clock });
  instance.readsBeforeCommit = resultKey.startsWith(outputPrefix) ? 1 : 0;
  const scratchFolder = await freshFolder(environment.scratchParent, attempt);
  try {
    return await run(attempt, {
      job,
      settings,
      layout,
      inputs: turnTaking,
      store: fenced,
      scratchFolder,
      staging: stagingSpace(environment.taskFunction),
      memoryBytes: environment.memoryBytes,
      meter,
      progress,
      control,
    });
  } catch (error) {
    if (control.isSuperseded) return undefined;
    throw error;
  } finally {
    control.close();
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** Settings change only if a redrive accepts other code, so those of other code are read again. */
export async function settingsOf(
  jobId: JobId,
  { store, kept, codeHash }: StepEnvironment,
): Promise<SettingsDocument> {
  const key = `${store.location}/${settingsKey(jobId)}`;
  const { lastSettings } = kept;
  if (lastSettings?.key === key && lastSettings.document.codeHash === codeHash) return lastSettings.document;
  const document = await readDocument<SettingsDocument>(store, settingsKey(jobId));
  kept.lastSettings = { key, document };
  return document;
}

/**
 * Returns the settings of the task's job. A task beyond the plan would commit a part that no barrier looks at.
 *
 * @throws UsageError if the plan has no such task, because anyone who may invoke the function can pass any index
 */
export async function settingsOfTask(
  { jobId, spec: { stage, index } }: Pick<AttemptRequest, 'jobId' | 'spec'>,
  environment: StepEnvironment,
): Promise<SettingsDocument> {
  const document = await settingsOf(jobId, environment);
  const tasks = document.tasks[stage];
  if (index < tasks) return document;
  throw new MapReduceError(
    'UsageError',
    `job ${jobId} has ${tasks} ${stage} tasks, so it has none with the index ${index}`,
    { details: { jobId } },
  );
}

type DiedRequest = Pick<AttemptRequest, 'jobId' | 'spec' | 'deaths' | 'death'>;

/** A process that died could not write a note, so the next attempt does. Writing it twice gives the same note. */
async function noteDeath(died: DiedRequest, { store, now }: StepEnvironment): Promise<void> {
  // A handler that threw has written its own note.
  if (reportedFailure(died.death).kind === 'thrown') return;
  const { jobId, spec } = died;
  const { attempt, error } = deathNoted(died);
  await recordFailure(store, { jobId, taskId: spec.taskId, attemptId: attempt, at: now(), error });
}

/** @throws TaskFailedError if the task has used up its attempts */
function checkDeaths(died: DiedRequest): void {
  if (died.deaths < LIMITS.attemptsMaxDefault) return;
  const { jobId, spec, deaths, death } = died;
  const reported = reportedFailure(death);
  const last = reported.kind === 'thrown' ? deserializeError(reported.error) : deathNoted(died).error;
  throw new MapReduceError(
    'TaskFailedError',
    `task ${spec.taskId} failed permanently: ${deaths} attempts ended without a result, the last with ${last.name}: ${last.message}`,
    {
      details: { ...(isMapReduceError(last) ? last.details : {}), jobId, taskId: spec.taskId },
      cause: last,
    },
  );
}
function deathNoted({ jobId, spec, deaths, death }: DiedRequest): {
  attempt: AttemptId;
  error: MapReduceError;
} {
  const { name, message, requestId = `death-${deaths}` } = deathOf(death);
  const attempt = attemptId(spec.taskId, requestId);
  const details = { jobId, taskId: spec.taskId, attemptId: attempt };
  return { attempt, error: new MapReduceError(name, message, { details }) };
}

/**
 * /tmp outlives an invocation, and an attempt that was killed leaves its folder. No other attempt runs in this environment
 * now, so this removes all folders before it creates a new one.
 */
export async function freshFolder(parent: string, name: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const left of await readdir(parent)) await rm(join(parent, left), { recursive: true, force: true });
  const folder = join(parent, `${name}-${randomBytes(4).toString('hex')}`);
  await mkdir(folder);
  return folder;
}

class LambdaAttemptControl implements AttemptControl {
  /** Another attempt has committed, so this one is no longer needed. */
  isSuperseded = false;
  #stopReason: string | undefined;
  readonly #invocation: Invocation;
  readonly #reserveMs: number;
  readonly #clock: Clock;
  #cancelTimer = () => {};
  readonly #checkForCancel: () => Promise<void>;
  readonly #checkBucket: () => Promise<void>;

  constructor({
    jobId,
    resultKey,
    environment,
    invocation,
  }: { jobId: JobId; resultKey: string; environment: StepEnvironment; invocation: Invocation }) {
    const { store, clock } = environment;
    this.#clock = clock;
    this.#invocation = invocation;
    this.#reserveMs = Math.min(DEADLINE_RESERVE_MS, invocation.remainingMs() * DEADLINE_RESERVE_FRACTION_MAX);
    const checkForCancel = async (): Promise<void> => {
      if ((await store.head(cancelKey(jobId))) !== undefined) this.#stopReason = 'the job was cancelled';
    };
    const checkBucket = async (): Promise<void> => {
      await checkForCancel();
      // If a job fails, Step Functions stops its child executions, but not the Lambda invocations that they started.
      if ((await store.head(failureKey(jobId))) !== undefined) this.#stopReason ??= 'the job has failed';
      if (this.#stopReason === undefined && (await store.head(resultKey)) !== undefined)
        this.isSuperseded = true;
    };
    this.#checkForCancel = checkForCancel;
    this.#checkBucket = checkBucket;
    // Check immediately too, because a coordinator may still start tasks for a while after the job was cancelled.
    void checkForCancel().catch(() => {});
    // If a check fails, the attempt continues, because the commit is safe anyway. If S3 throttles a check, it may take
    // longer than the interval.
    let isChecking = false;
    this.#each(ATTEMPT_CHECK_MS, async () => {
      if (isChecking) return;
      isChecking = true;
      await checkBucket().catch(() => {});
      isChecking = false;
    });
  }

  #each(intervalMs: number, check: () => Promise<void>): void {
    this.#cancelTimer = this.#clock.after(intervalMs, () => {
      this.#each(intervalMs, check);
      void check();
    });
  }

  check(): void {
    if (this.#stopReason !== undefined) throw new MapReduceError('CancelledError', this.#stopReason);
    if (this.isSuperseded)
      throw new MapReduceError('CancelledError', 'another attempt has committed the task');
    checkDeadline(this.#invocation, this.#reserveMs);
  }

  /**
   * Checks the bucket for a cancellation first.
   *
   * @param isListed  whether the write does not fail by itself if another attempt has committed the task
   */
  async assertWanted(isListed: boolean): Promise<void> {
    await (isListed ? this.#checkBucket() : this.#checkForCancel());
    this.check();
  }

  close(): void {
    this.#cancelTimer();
  }
}

/** @throws DeadlineNearError */
export function checkDeadline({ remainingMs }: Invocation, reserveMs = DEADLINE_RESERVE_MS): void {
  const leftMs = remainingMs();
  if (leftMs >= reserveMs) return;
  throw new MapReduceError(
    'DeadlineNearError',
    `the task is not done, and only ${Math.round(leftMs / 1000)} s of the function's time limit are left. Make tasks smaller (a smaller splitSizeBytes, more reducers), give the function more memory, which also gives it more CPU, or raise the time limit`,
  );
}
