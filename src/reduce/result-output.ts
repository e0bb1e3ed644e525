/**
 * The output of a reduce task. Usually it formats the records into the task's part. If the parts are to be merged and
 * are not in order, it writes a run of (key of the group, formatted record), so that the merge can order them by key
 * whatever the format is.
 */
import type { AttemptId, TaskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { mergeRunKey, partsAreInOrder } from '../commit/layout.ts';
import {
  encodedWriterOf,
  PartOutput,
  type RecordCodecs,
  type TaskOutputOptions,
} from '../commit/part-output.ts';
import type { EncodedRecordWriter, FileWriter } from '../formats/sink.ts';
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

export interface ResultOutputOptions extends TaskOutputOptions, RecordCodecs {}

export function createResultOutput(options: ResultOutputOptions): ResultOutput {
  const { settings } = options.environment;
  return settings.merge && !partsAreInOrder(settings)
    ? new MergeRunOutput(options)
    : new GroupPart(options, options);
}

/** A part with the records of the groups in order. */
class GroupPart extends PartOutput implements ResultOutput {
  emit(key: unknown, value: unknown): void {
    this.write(key, value);
  }
}

class MergeRunOutput implements ResultOutput {
  readonly #object: ShuffleObjectWriter;
  readonly #writer: FileWriter<unknown, unknown>;
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
    this.#writer = environment.job.output.createWriter();
    this.#writeEncoded = encodedWriterOf(this.#writer, options);
  }

  emit(key: unknown, value: unknown, groupKey: Buffer, groupStart: number, groupEnd: number): void {
    this.#formatted.reset();
    this.#writer.write(key, value, this.#formatted);
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
