/**
 * The output of a reduce task. Usually it formats the records into the task's part. If the parts are to be merged and
 * are not in order, it writes a run of (key of the group, formatted record), so that the merge can order them by key
 * whatever the format is.
 */
import type { AttemptId, TaskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { Codec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { mergeRunKey, partsAreInOrder } from '../commit/layout.ts';
import { PartWriter } from '../commit/part-writer.ts';
import type { EncodedRecordWriter, OutputFormat } from '../formats/output-format.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import type { RecordSink } from '../shuffle/consume-merge.ts';
import { ShuffleObjectWriter } from '../shuffle/shuffle-object.ts';

/** append() takes records whose key is the key of the group, and whose value is still encoded. */
export interface ResultOutput extends RecordSink {
  /** Writes one record of the group whose encoded key is groupKey[groupStart, groupEnd). */
  emit(key: unknown, value: unknown, groupKey: Buffer, groupStart: number, groupEnd: number): void;
  commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }>;
  abort(): Promise<void>;
}

export interface ResultOutputOptions {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly environment: TaskEnvironment;
  /** The codecs of the appended records. */
  readonly keyCodec: Codec<unknown>;
  readonly valueCodec: Codec<unknown>;
}

export function createResultOutput(options: ResultOutputOptions): ResultOutput {
  const { settings } = options.environment;
  return settings.merge && !partsAreInOrder(settings) ? new MergeRunOutput(options) : new PartOutput(options);
}

/** Returns the format's fast path for these codecs, or a writer that decodes each record first. */
function encodedWriter(
  format: OutputFormat<unknown, unknown>,
  options: ResultOutputOptions,
): EncodedRecordWriter {
  const { keyCodec, valueCodec } = options;
  return (
    format.encodedWriter?.(keyCodec, valueCodec) ??
    (({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }, sink) => {
      format.write(
        keyCodec.decode(keyBytes, keyStart, keyEnd),
        valueCodec.decode(valueBytes, valueStart, valueEnd),
        sink,
      );
    })
  );
}

class PartOutput implements ResultOutput {
  readonly #part: PartWriter;
  readonly #format: OutputFormat<unknown, unknown>;
  readonly #writeEncoded: EncodedRecordWriter;

  constructor(options: ResultOutputOptions) {
    this.#part = new PartWriter(options);
    this.#format = options.environment.job.output;
    this.#writeEncoded = encodedWriter(this.#format, options);
  }

  emit(key: unknown, value: unknown): void {
    this.#format.write(key, value, this.#part.sink);
    this.#part.recordWritten();
  }

  append(record: Readonly<RecordSlice>): void {
    this.#writeEncoded(record, this.#part.sink);
    this.#part.recordWritten();
  }

  get wantsFlush(): boolean {
    return this.#part.wantsFlush;
  }

  flush(): Promise<void> {
    return this.#part.flush();
  }

  commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    return this.#part.commit(attempt);
  }

  abort(): Promise<void> {
    return this.#part.abort();
  }
}

class MergeRunOutput implements ResultOutput {
  readonly #object: ShuffleObjectWriter;
  readonly #format: OutputFormat<unknown, unknown>;
  readonly #writeEncoded: EncodedRecordWriter;
  readonly #formatted = new GrowableSink(256);
  readonly #record = new RecordSlice();
  readonly #taskId: TaskId;
  readonly #attemptId: AttemptId;
  #records = 0;

  constructor(options: ResultOutputOptions) {
    const { environment, taskId, attemptId } = options;
    this.#taskId = taskId;
    this.#attemptId = attemptId;
    this.#object = new ShuffleObjectWriter({
      store: environment.store,
      key: mergeRunKey(environment.layout, taskId),
      compression: environment.settings.compression,
      blockBytes: LIMITS.blockBytes,
      overflowPath: `${environment.scratchFolder}/overflow`,
    });
    this.#format = environment.job.output;
    this.#writeEncoded = encodedWriter(this.#format, options);
  }

  emit(key: unknown, value: unknown, groupKey: Buffer, groupStart: number, groupEnd: number): void {
    this.#formatted.reset();
    this.#format.write(key, value, this.#formatted);
    this.#appendFormatted(groupKey, groupStart, groupEnd);
  }

  append(record: Readonly<RecordSlice>): void {
    this.#formatted.reset();
    this.#writeEncoded(record, this.#formatted);
    this.#appendFormatted(record.keyBytes, record.keyStart, record.keyEnd);
  }

  get wantsFlush(): boolean {
    return this.#object.wantsFlush;
  }

  flush(): Promise<void> {
    return this.#object.flush();
  }

  commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    this.#object.run.endPartition();
    return this.#object.commit((bytesWritten) => ({
      taskId: this.#taskId,
      attemptId: this.#attemptId,
      ...attempt,
      recordsWritten: this.#records,
      bytesWritten,
      crc32: '',
    }));
  }

  abort(): Promise<void> {
    return this.#object.abort();
  }

  #appendFormatted(groupKey: Buffer, groupStart: number, groupEnd: number): void {
    const record = this.#record;
    if (record.keyBytes !== groupKey) record.keyBytes = groupKey;
    record.keyStart = groupStart;
    record.keyEnd = groupEnd;
    record.valueBytes = this.#formatted.bytes;
    record.valueEnd = this.#formatted.end;
    this.#object.append(record);
    this.#records++;
  }
}
