/** The JSON documents that the steps of a job leave for each other on the bucket. Written and read by this project only. */
import {
  type ErrorDetails,
  isMapReduceError,
  MapReduceError,
  type SerializedError,
} from '../../base/errors.ts';
import type { AttemptId, JobId, Stage, TaskId } from '../../base/ids.ts';
import { parseJson } from '../../codec/parse-json.ts';
import type { JobPlan, JobSettings } from '../../plan/task.ts';
import { parseManifest } from '../../report/manifest.ts';
import type { JobReport } from '../../report/report.ts';
import { MANIFEST_NAME } from '../../report/result-names.ts';
import type { TaskSummary } from '../../report/task-summary.ts';
import type { ObjectStore, ReadOptions, WriteCondition } from '../../storage/object-store.ts';
import type { Hint } from './hints.ts';
import type { UploadedObject } from './start-event.ts';

/** jobs/<jobId>/request.json: whoever writes it first runs the job. */
export interface ClaimDocument {
  readonly formatVersion: 1;
  readonly jobId: JobId;
  /** ARN and start of the execution that claimed the job. */
  readonly execution: string;
  readonly claimedAt: string;
  /** Absent for a job that was submitted without an upload. */
  readonly object?: UploadedObject;
  /** As it came; it may not be valid. */
  readonly request: unknown;
}

/** jobs/<jobId>/plan/plan.json */
export interface PlanDocument {
  readonly app: string;
  readonly plan: JobPlan;
  readonly outputPrefix: string;
  readonly plannedAt: string;
}

/** jobs/<jobId>/plan/settings.json */
export interface SettingsDocument {
  readonly app: string;
  /** How many each stage has. */
  readonly tasks: Readonly<Record<Stage, number>>;
  readonly settings: JobSettings;
  readonly outputPrefix: string;
}

/** work/<jobId>/map-stage.json and reduce-stage.json: what a barrier found. */
export interface StageDocument {
  readonly summaries: readonly TaskSummary[];
  /** Records of the shuffle by partition; of the map stage only. */
  readonly partitionRecords: readonly number[];
  readonly closedAt: string;
}

/** work/<jobId>/failures/<attemptId>.json */
export interface AttemptFailureDocument {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly at: string;
  readonly error: SerializedError;
}

/** jobs/<jobId>/failure.json, and requests/<name>.failure.json: why a job failed. */
export interface FailureDocument {
  readonly formatVersion: 2;
  /** Empty where the request was too broken to name a job. */
  readonly jobId: JobId | '';
  readonly failedAt: string;
  /** A name of src/base/error-table.ts, or what AWS or Node calls it. */
  readonly error: string;
  /** For people. */
  readonly message: string;
  readonly details: ErrorDetails;
  /** What may help, in the order in which to try it. */
  readonly nextSteps: readonly WrittenHint[];
  /** The last attempts that failed, newest last. */
  readonly failedAttempts: readonly AttemptFailureDocument[];
  readonly execution: string;
}

/** The text is for people who read the file; the command says it in its own words. */
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
    throw new MapReduceError('StorageError', `${store.location}/${key} is not the JSON it was written as`, {
      details: { objectKey: key },
      cause: error,
    });
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

/** @throws UsageError for a manifest that no job of this version has written */
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

/** The document that is there in the end: the given one, or what somebody had written before. */
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
