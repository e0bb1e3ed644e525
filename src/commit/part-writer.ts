/**
 * Writes one part of the result and commits it, together with the summary of the attempt that made it.
 *
 * A part that fits LIMITS.partBufferBytes is one conditional PUT that carries the summary in its metadata. A larger one
 * is an upload, whose metadata is fixed when it starts: it names the attempt, and the summary is stored under the
 * attempt's id just before the upload is completed. Either way the summary that counts is the one that the committed
 * part names, and the part names its job: an output may have been another job's before, with attempts that come late.
 *
 * Records are appended to `sink` synchronously; `flush()` is awaited whenever `wantsFlush`. A single call of the user's
 * reduce may write more than memory holds: what exceeds the sink's bound goes to a local file until the next flush.
 */
import { crc32 } from 'node:zlib';
import { crc32Text } from '../base/crc32-text.ts';
import { MapReduceError } from '../base/errors.ts';
import type { AttemptId, JobId, TaskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { parseJson } from '../codec/parse-json.ts';
import type { JobLayout, TaskEnvironment } from '../plan/task.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import { Overflow } from '../shuffle/overflow.ts';
import { commitOnce } from '../storage/commit-once.ts';
import type { Metadata, ObjectInfo, ObjectStore, Upload } from '../storage/object-store.ts';
import { attemptSummaryKey, taskPartKey } from './layout.ts';

const SUMMARY_METADATA = 'mapreduce-summary';
const ATTEMPT_METADATA = 'mapreduce-attempt';
/** Names the job that wrote an object of an output. */
export const JOB_METADATA = 'mapreduce-job';
/** S3 allows 2 KiB of metadata in all, names included. */
const SUMMARY_METADATA_BYTES_MAX = 1800;

export class PartWriter {
  readonly sink = new GrowableSink(LIMITS.uploadChunkBytes + 64 * 1024);
  readonly #environment: TaskEnvironment;
  readonly #taskId: TaskId;
  readonly #attemptId: AttemptId;
  readonly #key: string;
  #upload: Upload | undefined;
  #overflow: Overflow | undefined;
  #records = 0;
  #bytes = 0;
  #crc = 0;

  constructor({
    taskId,
    attemptId,
    environment,
  }: { taskId: TaskId; attemptId: AttemptId; environment: TaskEnvironment }) {
    this.#environment = environment;
    this.#taskId = taskId;
    this.#attemptId = attemptId;
    this.#key = taskPartKey(environment.layout, taskId, {
      extension: environment.job.output.extension,
      merge: environment.settings.merge,
    });
  }

  get records(): number {
    return this.#records;
  }

  /** Called after each record that was appended to the sink. */
  recordWritten(): void {
    this.#records++;
    if (this.sink.end >= LIMITS.partOverflowBytes) this.#spillOver();
  }

  get wantsFlush(): boolean {
    return this.sink.end >= LIMITS.partBufferBytes || this.#overflow !== undefined;
  }

  async flush(): Promise<void> {
    this.#upload ??= await this.#environment.store.upload(this.#key, {
      metadata: { ...this.#jobMetadata(), [ATTEMPT_METADATA]: this.#attemptId },
    });
    if (this.#overflow !== undefined) {
      for (const chunk of this.#overflow.chunks()) await this.#write(chunk);
      this.#overflow.remove();
      this.#overflow = undefined;
    }
    await this.#write(this.sink.bytes.subarray(0, this.sink.end));
    this.sink.reset();
    this.#environment.progress.recordsWritten = this.#records;
  }

  /** Commits; false when another attempt had been first. */
  async commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    const { store, layout } = this.#environment;
    const inOnePut = this.#upload === undefined && this.#overflow === undefined;
    const rest = this.sink.bytes.subarray(0, this.sink.end);
    if (inOnePut) this.#count(rest);
    else await this.flush();
    const summary: TaskSummary = {
      taskId: this.#taskId,
      attemptId: this.#attemptId,
      ...attempt,
      recordsWritten: this.#records,
      bytesWritten: this.#bytes,
      crc32: crc32Text(this.#crc),
    };
    const text = asciiJson(summary);
    const fits = inOnePut && text.length <= SUMMARY_METADATA_BYTES_MAX;
    if (!fits) await store.put(attemptSummaryKey(layout, this.#attemptId), Buffer.from(text));
    const metadata: Metadata = {
      ...this.#jobMetadata(),
      ...(fits ? { [SUMMARY_METADATA]: text } : { [ATTEMPT_METADATA]: this.#attemptId }),
    };
    const committed = await commitOnce(() =>
      inOnePut
        ? store.put(this.#key, rest, { metadata, ifNoneMatch: '*' })
        : this.#upload!.complete({ ifNoneMatch: '*' }),
    );
    return { committed, summary };
  }

  async abort(): Promise<void> {
    this.#overflow?.remove();
    this.#overflow = undefined;
    await this.#upload?.abort();
  }

  #jobMetadata(): Metadata {
    return { [JOB_METADATA]: this.#environment.settings.jobId };
  }

  async #write(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return;
    this.#count(chunk);
    await this.#upload!.write(chunk);
  }

  #count(chunk: Buffer): void {
    this.#crc = crc32(chunk, this.#crc);
    this.#bytes += chunk.length;
  }

  #spillOver(): void {
    this.#overflow ??= new Overflow(`${this.#environment.scratchFolder}/overflow`);
    this.#overflow.append(this.sink.bytes.subarray(0, this.sink.end));
    this.sink.reset();
  }
}

/** The job that wrote the object; undefined for what no job wrote. */
export function writerOf({ metadata }: ObjectInfo): JobId | undefined {
  return metadata[JOB_METADATA] as JobId | undefined;
}

export interface CommittedPart {
  readonly object: ObjectInfo;
  readonly summary: TaskSummary;
}

export interface PartOwner {
  readonly jobId: JobId;
  /** Removes a part that another job wrote, or throws. By default the part is refused. */
  readonly removeForeign?: ((key: string) => Promise<void>) | undefined;
}

/**
 * Undefined while there is none. A part that is not the owner's, or on its way to the merged result and damaged, is
 * removed, so that its task can commit.
 *
 * @throws OutputExistsError where it may not be removed, or is no part of any job
 */
export async function findPart(
  store: ObjectStore,
  layout: JobLayout,
  key: string,
  { jobId, removeForeign }: PartOwner,
): Promise<CommittedPart | undefined> {
  const object = await store.head(key);
  if (object === undefined) return undefined;
  const { [JOB_METADATA]: writer, [SUMMARY_METADATA]: text, [ATTEMPT_METADATA]: attempt } = object.metadata;
  if (writer !== jobId && key.startsWith(layout.workPrefix)) {
    // Nobody else writes there: it was damaged, and lost what was said of it.
    await store.delete([key]);
    return undefined;
  }
  if (writer !== jobId) {
    if (writer === undefined || removeForeign === undefined) {
      throw new MapReduceError(
        'OutputExistsError',
        `${store.location}/${key} was not written by this job. Choose an output that nobody else writes to`,
        { details: { objectKey: key } },
      );
    }
    await removeForeign(key);
    return undefined;
  }
  if (text !== undefined) return { object, summary: parseJson(text) as TaskSummary };
  const summary = await store.get(attemptSummaryKey(layout, attempt as AttemptId));
  return { object, summary: parseJson(summary.toString()) as TaskSummary };
}

/**
 * The summary of a committed part, with its ETag; undefined while there is none. A part that was cut short or grew since
 * is removed, so that its task can commit again.
 */
export async function readPartSummary(
  store: ObjectStore,
  layout: JobLayout,
  key: string,
  owner: PartOwner,
): Promise<TaskSummary | undefined> {
  const part = await findPart(store, layout, key, owner);
  if (part === undefined) return undefined;
  const { object, summary } = part;
  if (object.sizeBytes === summary.bytesWritten) return { ...summary, etag: object.etag };
  await store.delete([key]);
  return undefined;
}

/** Metadata travels in HTTP headers: ASCII only. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
