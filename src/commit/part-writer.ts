/**
 * Writes one part of the result and commits it, together with the summary of the attempt that wrote it.
 *
 * A part that fits into LIMITS.partBufferBytes is one conditional PUT, with the summary in its metadata. A larger part
 * is an upload, and an upload's metadata is fixed when it starts. So it names the attempt, and the summary is stored
 * under the attempt's id just before the upload completes. In both cases, the summary that the committed part names is
 * the valid one. The part also names its job, because late attempts of the output's previous job may still commit.
 */
import type { AttemptId, TaskId } from '../base/ids.ts';
import type { GrowableSink } from '../codec/growable-sink.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import type { Metadata } from '../storage/object-store.ts';
import { ATTEMPT_METADATA, JOB_METADATA, SUMMARY_METADATA } from './committed-part.ts';
import { attemptSummaryKey, taskPartKey } from './layout.ts';
import { ResultObject } from './result-object.ts';

/** S3 allows 2 KiB of metadata in total, including names. */
const SUMMARY_METADATA_BYTES_MAX = 1800;

export class PartWriter {
  /** The caller appends a record here, then calls recordsWritten(1). */
  readonly sink: GrowableSink;
  readonly #environment: TaskEnvironment;
  readonly #taskId: TaskId;
  readonly #attemptId: AttemptId;
  readonly #jobMetadata: Metadata;
  readonly #object: ResultObject;

  constructor({
    taskId,
    attemptId,
    environment,
  }: { taskId: TaskId; attemptId: AttemptId; environment: TaskEnvironment }) {
    const { store, layout, job, settings, scratchFolder, control } = environment;
    this.#environment = environment;
    this.#taskId = taskId;
    this.#attemptId = attemptId;
    this.#jobMetadata = { [JOB_METADATA]: settings.jobId };
    this.#object = new ResultObject({
      store,
      key: taskPartKey(layout, taskId, { extension: job.output.extension, merge: settings.merge }),
      overflowPath: `${scratchFolder}/overflow`,
      compression: job.output.sinks[0]!.sink.compression,
      check: () => control.check(),
      // Parts that are to be merged are concatenated.
      isFile: !settings.merge,
      uploadMetadata: { ...this.#jobMetadata, [ATTEMPT_METADATA]: attemptId },
    });
    this.sink = this.#object.sink;
  }

  /** Called after each record that was appended to the sink, or after several. */
  recordsWritten(records: number): void {
    this.#object.recordsWritten(records);
  }

  get wantsFlush(): boolean {
    return this.#object.wantsFlush;
  }

  async flush(): Promise<void> {
    await this.#object.flush();
    this.#environment.progress.recordsWritten = this.#object.records;
  }

  /** Commits the part. `committed` is false if another attempt committed first. */
  async commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    const { store, layout, meter, progress } = this.#environment;
    const { records, bytes, crc32 } = await this.#object.end();
    progress.recordsWritten = records;
    const summary: TaskSummary = {
      taskId: this.#taskId,
      attemptId: this.#attemptId,
      ...attempt,
      recordsWritten: records,
      bytesWritten: bytes,
      ...meter.measured([0, this.#object.commitWrites]),
      crc32,
    };
    const text = asciiJson(summary);
    const fits = !this.#object.isUpload && text.length <= SUMMARY_METADATA_BYTES_MAX;
    if (!fits) await store.put(attemptSummaryKey(layout, this.#attemptId), Buffer.from(text));
    const committed = await this.#object.commit({
      ...this.#jobMetadata,
      ...(fits ? { [SUMMARY_METADATA]: text } : { [ATTEMPT_METADATA]: this.#attemptId }),
    });
    return { committed, summary };
  }

  abort(): Promise<void> {
    return this.#object.abort();
  }
}

/** Metadata must be ASCII, because it is sent in HTTP headers. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
