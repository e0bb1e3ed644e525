/**
 * What surrounds one attempt of one task on Lambda: its settings, its folder in /tmp, its way to learn that it should
 * stop, and the note that it leaves when it fails.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKUP_MARK, isFailure, recordFailure } from '../../src/aws/protocol/attempt-failures.ts';
import { ATTEMPT_LOOK_MS } from '../../src/aws/protocol/attempt-looks.ts';
import { readDocument, type SettingsDocument } from '../../src/aws/protocol/documents.ts';
import { cancelKey, failureKey, jobLayout, settingsKey } from '../../src/aws/protocol/keys.ts';
import { type Death, deathOf, reportedFailure } from '../../src/aws/protocol/lambda-reports.ts';
import { deserializeError, isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { type AttemptId, attemptId, type JobId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { AttemptControl, Progress } from '../../src/base/progress.ts';
import { committedKey } from '../../src/commit/layout.ts';
import type { TaskEnvironment, TaskSpec } from '../../src/plan/task.ts';
import { SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { TaskResult } from '../../src/report/task-summary.ts';
import { anyExists } from './any-exists.ts';
import type { Invocation, StepEnvironment } from './environment.ts';
import { FencedStore } from './fenced-store.ts';
import { TurnTakingStore } from './turn-taking-store.ts';

/** An attempt that has less time left than this says so and stops; its retry starts afresh. */
export const DEADLINE_RESERVE_MS = 10_000;
/** At most this part of what it had: a function with a short limit has time to work as well. */
const DEADLINE_RESERVE_FRACTION_MAX = 1 / 3;

export interface AttemptRequest {
  readonly jobId: JobId;
  readonly spec: TaskSpec;
  /** How many attempts failed since this child execution began, or since the last death. */
  readonly retry: number;
  /** How often the function died under this task, and of what the last time. */
  readonly deaths: number;
  readonly death: Death;
  /** Given to another worker as well, because the first is slow. */
  readonly backup: boolean;
  readonly run: (spec: TaskSpec, attempt: AttemptId, environment: TaskEnvironment) => Promise<TaskResult>;
}

/** @returns undefined when the task is done already, by whichever attempt */
export async function runAttempt(
  request: AttemptRequest,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<TaskResult | undefined> {
  const { jobId, spec, backup } = request;
  const attempt = attemptId(spec.taskId, `${backup ? BACKUP_MARK : ''}${invocation.requestId}`);
  try {
    return await makeAttempt(attempt, request, environment, invocation);
  } catch (error) {
    if (isFailure(error)) {
      const note = { jobId, taskId: spec.taskId, attemptId: attempt, at: environment.now(), error };
      // Where not even a note can be left, what went wrong is still said, to Step Functions and in the log.
      await recordFailure(environment.store, note).catch(() => {});
    }
    throw error;
  }
}

async function makeAttempt(
  attempt: AttemptId,
  { jobId, spec, retry, deaths, death, backup, run }: AttemptRequest,
  environment: StepEnvironment,
  invocation: Invocation,
): Promise<TaskResult | undefined> {
  const { store } = environment;
  if (deaths > 0) await noteDeath({ jobId, spec, deaths, death }, environment);
  const { app, settings, outputPrefix } = await settingsOf(jobId, environment);
  const job = await environment.jobs.find(app);
  const layout = jobLayout(jobId, outputPrefix);
  const resultKey = committedKey(layout, spec.taskId, { settings, extension: job.output.extension });
  // Lambda may deliver a backup late.
  if (backup && (await anyExists(store, [`${outputPrefix}${SUCCESS_NAME}`, failureKey(jobId)])))
    return undefined;
  if ((retry > 0 || deaths > 0 || backup) && (await store.head(resultKey)) !== undefined) return undefined;
  checkDeaths({ jobId, spec, deaths, death });
  const control = new LambdaAttemptControl({ jobId, resultKey, environment, invocation });
  const turnTaking = new TurnTakingStore(store);
  const fenced = new FencedStore(store, { outputPrefix, assertWanted: () => control.assertWanted() });
  const scratchFolder = await freshFolder(environment.scratchParent, attempt);
  try {
    return await run(spec, attempt, {
      job,
      settings,
      layout,
      inputs: turnTaking,
      store: fenced,
      scratchFolder,
      memoryBytes: environment.memoryBytes,
      progress: newProgress(),
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

/** Settings never change once written, and an environment serves many tasks of one job. */
let lastSettings: { readonly key: string; readonly document: SettingsDocument } | undefined;

export async function settingsOf(jobId: JobId, { store }: StepEnvironment): Promise<SettingsDocument> {
  const key = `${store.location}/${settingsKey(jobId)}`;
  if (lastSettings?.key !== key) {
    lastSettings = { key, document: await readDocument<SettingsDocument>(store, settingsKey(jobId)) };
  }
  return lastSettings.document;
}

type DiedRequest = Pick<AttemptRequest, 'jobId' | 'spec' | 'deaths' | 'death'>;

/** A process that died could not leave a note: the next attempt does. Written twice, it is the same note. */
async function noteDeath(died: DiedRequest, { store, now }: StepEnvironment): Promise<void> {
  // A handler that threw has left its own.
  if (reportedFailure(died.death).kind === 'thrown') return;
  const { jobId, spec } = died;
  const { attempt, error } = deathNoted(died);
  await recordFailure(store, { jobId, taskId: spec.taskId, attemptId: attempt, at: now(), error });
}

/** @throws TaskFailedError when the attempts are used up */
function checkDeaths(died: DiedRequest): void {
  if (died.deaths < LIMITS.attemptsMaxDefault) return;
  const { jobId, spec, deaths, death } = died;
  const reported = reportedFailure(death);
  const last = reported.kind === 'thrown' ? deserializeError(reported.error) : deathNoted(died).error;
  throw new MapReduceError(
    'TaskFailedError',
    `task ${spec.taskId} failed for good: ${deaths} attempts ended without a result, the last with ${last.name}: ${last.message}`,
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

/** /tmp outlives an invocation, and an attempt that was killed has left its folder: this one is alone here now. */
export async function freshFolder(parent: string, name: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const left of await readdir(parent)) await rm(join(parent, left), { recursive: true, force: true });
  const folder = join(parent, `${name}-${randomBytes(4).toString('hex')}`);
  await mkdir(folder);
  return folder;
}

class LambdaAttemptControl implements AttemptControl {
  /** Another attempt has committed: this one is not needed any more. */
  isSuperseded = false;
  #stopReason: string | undefined;
  readonly #invocation: Invocation;
  readonly #reserveMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #lookForCancel: () => Promise<void>;

  constructor({
    jobId,
    resultKey,
    environment,
    invocation,
  }: { jobId: JobId; resultKey: string; environment: StepEnvironment; invocation: Invocation }) {
    const { store } = environment;
    this.#invocation = invocation;
    this.#reserveMs = Math.min(DEADLINE_RESERVE_MS, invocation.remainingMs() * DEADLINE_RESERVE_FRACTION_MAX);
    const lookForCancel = async (): Promise<void> => {
      if ((await store.head(cancelKey(jobId))) !== undefined) this.#stopReason = 'the job was cancelled';
    };
    const look = async (): Promise<void> => {
      await lookForCancel();
      // Of a job that failed, Step Functions stops the children; what they have started on Lambda runs on.
      if ((await store.head(failureKey(jobId))) !== undefined) this.#stopReason ??= 'the job has failed';
      if (this.#stopReason === undefined && (await store.head(resultKey)) !== undefined)
        this.isSuperseded = true;
    };
    this.#lookForCancel = lookForCancel;
    // At once too: a coordinator may go on starting tasks for a while after the job was cancelled.
    void lookForCancel().catch(() => {});
    // Whoever cannot look goes on: the commit decides anyway. A look that S3 throttles takes longer than the interval.
    let isLooking = false;
    const lookOnce = async (): Promise<void> => {
      if (isLooking) return;
      isLooking = true;
      await look().catch(() => {});
      isLooking = false;
    };
    this.#timer = setInterval(() => void lookOnce(), ATTEMPT_LOOK_MS);
  }

  check(): void {
    if (this.#stopReason !== undefined) throw new MapReduceError('CancelledError', this.#stopReason);
    if (this.isSuperseded)
      throw new MapReduceError('CancelledError', 'another attempt has committed the task');
    checkDeadline(this.#invocation, this.#reserveMs);
  }

  /** Asks the bucket. */
  async assertWanted(): Promise<void> {
    await this.#lookForCancel();
    this.check();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** @throws DeadlineNearError */
export function checkDeadline({ remainingMs }: Invocation, reserveMs = DEADLINE_RESERVE_MS): void {
  const leftMs = remainingMs();
  if (leftMs >= reserveMs) return;
  throw new MapReduceError(
    'DeadlineNearError',
    `${Math.round(leftMs / 1000)} s before the function's time limit the task is not done. Give it less (a smaller splitSizeBytes, more reducers) or more (memory brings CPU, and the limit itself)`,
  );
}

export function newProgress(): Progress {
  return {
    recordsRead: 0,
    bytesRead: 0,
    recordsWritten: 0,
    bytesSpilled: 0,
    spills: 0,
    pieceIndex: 0,
    chunkOffsetBytes: 0,
    steps: 0,
  };
}
