/**
 * The output of a task that writes one file: formats its records into the task's part, from begin() to end() of the sink. A
 * part that is to be merged has neither, because the merged file has them once (stages/merge-parts.ts).
 */
import { userCodeError } from '../api/user-code.ts';
import type { AttemptId, TaskId } from '../base/ids.ts';
import type { Codec } from '../codec/codec.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { EncodedRecordWriter, FileWriter } from '../formats/sink.ts';
import type { TaskEnvironment } from '../plan/task.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import { PartWriter } from './part-writer.ts';

export interface TaskOutputOptions {
  readonly taskId: TaskId;
  readonly attemptId: AttemptId;
  readonly environment: TaskEnvironment;
}

/** The codecs of records that are appended while they are still encoded. */
export interface RecordCodecs {
  readonly keyCodec: Codec<unknown>;
  readonly valueCodec: Codec<unknown>;
}

export class PartOutput {
  readonly #part: PartWriter;
  readonly #writer: FileWriter<unknown, unknown>;
  readonly #isFile: boolean;
  readonly #writeEncoded: EncodedRecordWriter | undefined;

  /** @param codecs  needed for append() */
  constructor(options: TaskOutputOptions, codecs?: RecordCodecs) {
    const { job, settings } = options.environment;
    this.#part = new PartWriter(options);
    this.#writer = job.output.createWriter();
    this.#isFile = !settings.merge;
    this.#writeEncoded = codecs && encodedWriterOf(this.#writer, codecs);
    if (this.#isFile) this.#frame('begin');
  }

  write(key: unknown, value: unknown): void {
    this.#writer.write(key, value, this.#part.sink);
    this.#part.recordWritten();
  }

  append(record: Readonly<RecordSlice>): void {
    this.#writeEncoded!(record, this.#part.sink);
    this.#part.recordWritten();
  }

  get wantsFlush(): boolean {
    return this.#part.wantsFlush;
  }

  flush(): Promise<void> {
    return this.#part.flush();
  }

  /** Commits the part. `committed` is false if another attempt committed first. */
  async commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    if (this.#isFile) this.#frame('end');
    return await this.#part.commit(attempt);
  }

  abort(): Promise<void> {
    return this.#part.abort();
  }

  #frame(method: 'begin' | 'end'): void {
    try {
      this.#writer[method]?.(this.#part.sink);
    } catch (error) {
      throw userCodeError('output', error, {}, `output.${method}()`);
    }
  }
}

/** Returns the writer's fast path for these codecs, or one that decodes each record first. */
export function encodedWriterOf(
  writer: FileWriter<unknown, unknown>,
  { keyCodec, valueCodec }: RecordCodecs,
): EncodedRecordWriter {
  return (
    writer.encodedWriter?.(keyCodec, valueCodec) ??
    (({ keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd }, sink) => {
      writer.write(
        keyCodec.decode(keyBytes, keyStart, keyEnd),
        valueCodec.decode(valueBytes, valueStart, valueEnd),
        sink,
      );
    })
  );
}
