/**
 * The output of a reduce task. Usually it formats the records into the task's part. If the parts are to be merged and
 * are not in order, it writes a run of (key of the group, formatted record), so that the merge can order them by key
 * whatever the format is.
 */
import type { AttemptId, TaskId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import { createTaskOutput } from '../commit/create-task-output.ts';
import { mergeRunKey, partsAreInOrder } from '../commit/layout.ts';
import { encodedWriterOf } from '../commit/part-output.ts';
import type { GroupKeyBytes, RecordCodecs, TaskOutput, TaskOutputOptions } from '../commit/task-output.ts';
import type { EncodedRecordWriter, FileWriter } from '../formats/sink.ts';
import type { AttemptMeter } from '../report/attempt-meter.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import { ShuffleObjectWriter } from '../shuffle/shuffle-object.ts';

export interface ResultOutputOptions extends TaskOutputOptions, RecordCodecs {}

export async function createResultOutput(options: ResultOutputOptions): Promise<TaskOutput> {
  const { settings } = options.environment;
  return settings.merge && !partsAreInOrder(settings)
    ? new MergeRunOutput(options)
    : await createTaskOutput(options, options);
}

class MergeRunOutput implements TaskOutput {
  readonly #object: ShuffleObjectWriter;
  readonly #writer: FileWriter<unknown, unknown>;
  readonly #writeEncoded: EncodedRecordWriter;
  readonly #formatted = new GrowableSink(256);
  readonly #record = new RecordSlice();
  readonly #taskId: TaskId;
  readonly #attemptId: AttemptId;
  readonly #meter: AttemptMeter;
  #records = 0;

  constructor(options: ResultOutputOptions) {
    const { environment, taskId, attemptId } = options;
    this.#taskId = taskId;
    this.#attemptId = attemptId;
    this.#meter = environment.meter;
    this.#object = new ShuffleObjectWriter({
      store: environment.store,
      key: mergeRunKey(environment.layout, taskId),
      compression: environment.settings.compression,
      blockBytes: LIMITS.blockBytes,
      overflowPath: `${environment.scratchFolder}/overflow`,
    });
    this.#writer = environment.job.output.sinks[0]!.sink.createWriter();
    this.#writeEncoded = encodedWriterOf(this.#writer, options);
  }

  write(key: unknown, value: unknown, _output: number, group: GroupKeyBytes): void {
    this.#formatted.reset();
    this.#writer.write(key, value, this.#formatted);
    this.#appendFormatted(group.bytes, 0, group.end);
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
    return this.#object.commit((bytesWritten, commit) => ({
      taskId: this.#taskId,
      attemptId: this.#attemptId,
      ...attempt,
      recordsWritten: this.#records,
      bytesWritten,
      ...this.#meter.measured(commit),
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
