/** One of several files that a task writes, from begin() to end() of its sink. */

import type { AttemptId, JobId } from '../base/ids.ts';
import { appendBytes } from '../codec/append-bytes.ts';
import type { FileWriter, Sink } from '../formats/sink.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { ATTEMPT_METADATA, JOB_METADATA } from './committed-part.ts';
import type { ListedFile } from './file-list.ts';
import { writeFrame } from './part-output.ts';
import { ResultObject } from './result-object.ts';

export interface OutputFileOptions {
  readonly store: ObjectStore;
  readonly outputPrefix: string;
  /** Relative to the output. */
  readonly name: string;
  readonly sink: Sink<unknown, unknown>;
  readonly jobId: JobId;
  readonly attemptId: AttemptId;
  readonly overflowPath: string;
  /** Called now and then while much is compressed; may throw. */
  readonly check: () => void;
}

export class OutputFile {
  readonly name: string;
  readonly #object: ResultObject;
  readonly #writer: FileWriter<unknown, unknown>;
  readonly #targetBytes: number;

  constructor({ store, outputPrefix, name, sink, jobId, attemptId, overflowPath, check }: OutputFileOptions) {
    this.name = name;
    this.#object = new ResultObject({
      store,
      key: `${outputPrefix}${name}`,
      overflowPath,
      uploadMetadata: { [JOB_METADATA]: jobId, [ATTEMPT_METADATA]: attemptId },
      compression: sink.compression,
      check,
      bufferBytes: FILE_BUFFER_BYTES,
    });
    this.#writer = sink.createWriter();
    this.#targetBytes = sink.targetFileBytes ?? Number.POSITIVE_INFINITY;
    writeFrame('begin', this.#writer, this.#object.sink);
  }

  write(key: unknown, value: unknown): void {
    this.#writer.write(key, value, this.#object.sink);
    this.#object.recordsWritten(1);
  }

  /** Takes a record of a recordWise sink that is formatted already. */
  take(bytes: Buffer, start: number, end: number): void {
    appendBytes(bytes, start, end, this.#object.sink);
    this.#object.recordsWritten(1);
  }

  /** Whether the file has reached its target size. */
  get isFull(): boolean {
    return this.#object.plainBytes >= this.#targetBytes;
  }

  get records(): number {
    return this.#object.records;
  }

  get wantsFlush(): boolean {
    return this.#object.wantsFlush;
  }

  flush(): Promise<void> {
    return this.#object.flush();
  }

  /** Ends the file and makes it visible, under a name that no other attempt uses. */
  async close(): Promise<ListedFile> {
    writeFrame('end', this.#writer, this.#object.sink);
    const { records, bytes, crc32 } = await this.#object.end();
    const { etag } = await this.#object.replace();
    return { name: this.name, records, bytes, crc32, etag };
  }

  abort(): Promise<void> {
    return this.#object.abort();
  }
}

/** Many files may be open at once, so their buffers start small. */
const FILE_BUFFER_BYTES = 16 * 1024;
