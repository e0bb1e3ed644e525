/** The JSON documents that the steps of a job exchange through the bucket. Only this project writes and reads them. */
import {
  type ErrorDetails,
  isMapReduceError,
  MapReduceError,
  type SerializedError,
} from '../../base/errors.ts';
import type { AttemptId, JobId, Stage, TaskId } from '../../base/ids.ts';
import { parseJson } from '../../codec/parse-json.ts';
import type { JobPlan, JobSettings } from '../../plan/task.ts';
import type { SplitPiece } from '../../read/input-file.ts';
import type { Measured } from '../../report/attempt-meter.ts';
import type { AttemptFigures } from '../../report/attempt-rows.ts';
import type { JobEstimate, StartedBy } from '../../report/estimate.ts';
import { parseManifest } from '../../report/manifest.ts';
import type { JobReport } from '../../report/report.ts';
import { MANIFEST_NAME } from '../../report/result-names.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import type { ObjectStore, ReadOptions, WriteCondition } from '../../storage/object-store.ts';
import type { Hint } from './hints.ts';
import type { UploadedObject } from './start-event.ts';

/** jobs/<jobId>/request.json: the first execution to write it runs the job. */
export interface ClaimDocument {
  readonly formatVersion: 1;
  readonly jobId: JobId;
  /** ARN of the execution that claimed the job. */
  readonly execution: string;
  readonly claimedAt: string;
  /** Absent for a job that was submitted without an upload. */
  readonly object?: UploadedObject;
  /** The request as received. It may not be valid. */
  readonly request: unknown;
}

/** jobs/<jobId>/plan/plan.json */
export interface PlanDocument {
  readonly app: string;
  readonly plan: JobPlan;
  readonly outputPrefix: string;
  readonly plannedAt: string;
  /** What may not fit this deployment, see model/task-space.ts. */
  readonly notices?: readonly string[];
  /** Identifies the code of the functions that planned the job. */
  readonly codeHash: string;
  /** Absent in plans of versions that did not record it. */
  readonly startedBy?: StartedBy;
  /** How the input was named. */
  readonly inputNames?: { readonly prefixes: number; readonly keys: number };
  /** What the job was expected to need. */
  readonly estimate?: JobEstimate;
  /** What the request allows the job to cost, in US dollars. */
  readonly maxDollars?: number;
  /** How many tasks the request lets run at once. Absent: as many as the deployment does. */
  readonly maxConcurrency?: number;
}

/** jobs/<jobId>/plan/settings.json */
export interface SettingsDocument {
  readonly app: string;
  /** The number of tasks of each stage. */
  readonly tasks: Readonly<Record<Stage, number>>;
  /** How many tasks run at once. */
  readonly maxConcurrency: number;
  readonly settings: JobSettings;
  readonly outputPrefix: string;
  /** The code that may run the tasks: that of the plan, or that of the latest redrive that accepted other code. */
  readonly codeHash: string;
  /** By map task; null if there are too many (ITEM_BYTES_MAX). Only if the map stage is small, so that no items list them. */
  readonly pieces?: readonly (readonly SplitPiece[] | null)[];
}

/** work/<jobId>/map-stage.json and reduce-stage.json: the result of a barrier. */
export interface StageDocument {
  readonly summaries: readonly TaskSummary[];
  /** How many records the shuffle holds in each partition; only for the map stage. */
  readonly partitionRecords: readonly number[];
  /** Of the map stage: what the job is expected to need now that its shuffle is known. */
  readonly estimate?: JobEstimate;
  readonly closedAt: string;
}

/** work/<jobId>/failures/<attemptId>.json */
export interface AttemptFailureDocument {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly at: string;
  readonly error: SerializedError;
  /** Absent if the process of the attempt died. */
  readonly measured?: Measured;
  readonly figures?: AttemptFigures;
}

/** jobs/<jobId>/failure.json, and requests/<name>.failure.json: why a job failed. */
export interface FailureDocument {
  readonly formatVersion: 2;
  /** Empty if the request was too malformed to name a job. */
  readonly jobId: JobId | '';
  readonly failedAt: string;
  /** A name from src/base/error-table.ts, or the name that AWS or Node uses. */
  readonly error: string;
  /** For people. */
  readonly message: string;
  readonly details: ErrorDetails;
  /** What the user can do, in the order in which to try it. */
  readonly nextSteps: readonly WrittenHint[];
  /** The last attempts that failed, newest last. */
  readonly failedAttempts: readonly AttemptFailureDocument[];
  readonly execution: string;
}

/** The text is for people who read the file. The command prints its own text. */
export interface WrittenHint extends Hint {
  readonly text: string;
}

/** The caller names the type: only this project writes the documents, so that they are not verified field by field. */
export async function readDocument<T>(
  store: ObjectStore,
  key: string,
  options?: Pick<ReadOptions, 'ifMatch'>,
): Promise<T> {
  const bytes = await store.get(key, options);
  try {
    const document = parseJson(bytes.toString());
    if (typeof document !== 'object' || document === null) throw new TypeError('neither object nor array');
    return document as T;
  } catch (error) {
    // The parser's error is no cause, because a cause of that kind would be taken for a defect of this package.
    throw new MapReduceError(
      'StorageError',
      `${store.location}/${key} no longer holds the JSON that was written there (${error instanceof Error ? error.message : error}). Something else has changed it. Submit the job again`,
      { details: { objectKey: key } },
    );
  }
}

export async function findDocument<T>(store: ObjectStore, key: string): Promise<T | undefined> {
  try {
    return await readDocument<T>(store, key);
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return undefined;
    throw error;
  }
}

/** @throws UsageError if no job of this version wrote the manifest */
export async function findManifest(store: ObjectStore, outputPrefix: string): Promise<JobReport | undefined> {
  const key = `${outputPrefix}${MANIFEST_NAME}`;
  try {
    return parseManifest((await store.get(key)).toString(), `${store.location}/${key}`);
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return undefined;
    throw error;
  }
}

export async function writeDocument(
  store: ObjectStore,
  key: string,
  document: unknown,
  condition?: WriteCondition,
): Promise<void> {
  await store.put(key, encode(document), condition);
}

/** Writes the document if the key is free. Returns the stored document: the given one, or the one written before. */
export async function writeDocumentOnce<T>(
  store: ObjectStore,
  key: string,
  document: T,
): Promise<{ readonly written: boolean; readonly document: T }> {
  try {
    await store.put(key, encode(document), { ifNoneMatch: '*' });
    return { written: true, document };
  } catch (error) {
    if (!isMapReduceError(error, 'PreconditionFailedError')) throw error;
    return { written: false, document: await readDocument<T>(store, key) };
  }
}

function encode(document: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}
