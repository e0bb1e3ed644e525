/**
 * The output of a task that writes one file: formats its records into the task's part, from begin() to end() of the sink. A
 * part that is to be merged has neither, because the merged file has them once (stages/merge-parts.ts).
 */
import { userCodeError } from '../api/user-code.ts';
import { LIMITS } from '../base/limits.ts';
import { appendBytes } from '../codec/append-bytes.ts';
import type { ByteSink } from '../codec/codec.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { EncodedRecordWriter, FileWriter } from '../formats/sink.ts';
import type { AttemptSummary, TaskSummary } from '../report/task-summary.ts';
import type { BulkSink } from '../shuffle/record-sink.ts';
import { PartWriter } from './part-writer.ts';
import type { RecordCodecs, TaskOutput, TaskOutputOptions } from './task-output.ts';

export class PartOutput implements TaskOutput {
  readonly #part: PartWriter;
  readonly #writer: FileWriter<unknown, unknown>;
  readonly #isFile: boolean;
  readonly bulk: BulkSink | undefined;
  readonly #writeEncoded: EncodedRecordWriter | undefined;

  /** @param codecs  needed for append() */
  constructor(options: TaskOutputOptions, codecs?: RecordCodecs) {
    const { job, settings } = options.environment;
    this.#part = new PartWriter(options);
    this.#writer = job.output.sinks[0]!.sink.createWriter();
    this.#isFile = !settings.merge;
    this.#writeEncoded = codecs && encodedWriterOf(this.#writer, codecs);
    const suffix = codecs && this.#writer.endOfValue?.(codecs.keyCodec, codecs.valueCodec);
    this.bulk = suffix === undefined ? undefined : bulkSinkOf(this.#part, suffix);
    if (this.#isFile) writeFrame('begin', this.#writer, this.#part.sink);
  }

  write(key: unknown, value: unknown): void {
    this.#writer.write(key, value, this.#part.sink);
    this.#part.recordsWritten(1);
  }

  append(record: Readonly<RecordSlice>): void {
    this.#writeEncoded!(record, this.#part.sink);
    this.#part.recordsWritten(1);
  }

  get wantsFlush(): boolean {
    return this.#part.wantsFlush;
  }

  flush(): Promise<void> {
    return this.#part.flush();
  }

  async commit(attempt: AttemptSummary): Promise<{ committed: boolean; summary: TaskSummary }> {
    if (this.#isFile) writeFrame('end', this.#writer, this.#part.sink);
    return await this.#part.commit(attempt);
  }

  abort(): Promise<void> {
    return this.#part.abort();
  }
}

/** Takes the values of many records at a time, with a byte after each. */
function bulkSinkOf(part: PartWriter, suffix: number): BulkSink {
  return {
    suffix,
    blockBytes: LIMITS.blockBytes,
    roomBytes: LIMITS.blockBytes,
    appendBlock(block, records) {
      appendBytes(block, 0, block.length, part.sink);
      part.recordsWritten(records);
    },
  };
}

/** Calls the writer's begin() or end(), if it has one. @throws UserCodeError for what it throws */
export function writeFrame(
  method: 'begin' | 'end',
  writer: FileWriter<unknown, unknown>,
  out: ByteSink,
): void {
  try {
    writer[method]?.(out);
  } catch (error) {
    throw userCodeError('output', error, {}, `output.${method}()`);
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
